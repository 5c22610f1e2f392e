"""The options of ``rnncli train`` that are settings of a training, by the names of ``Settings``.

Those without a default are left to the recipe of the task.
"""

from typing import Annotated

from rnncli.cli.options import ADVANCED, BUDGET, DATA, MODEL, option
from rnncli.config import DEFAULT_MAX_TIME, Cell, Device, Level, Precision
from rnncli.messages import format_duration

Validation = Annotated[
    float,
    option("--validation SHARE", DATA, "Held-out share, without a validation split."),
]

MaxRows = Annotated[
    int | None,
    option(
        "--max-rows N",
        DATA,
        "Train on N rows drawn at random; of plain text, on the first N lines.",
        min=1,
        show_default="all",
    ),
]
MaxTime = Annotated[
    str | None,
    option(
        "--max-time TIME",
        BUDGET,
        "Train no longer than this: 90s, 2m, 1h30m.",
        show_default=format_duration(DEFAULT_MAX_TIME),
    ),
]
Epochs = Annotated[float | None, option("--epochs N", BUDGET, "Largest number of epochs.")]
Steps = Annotated[int | None, option("--steps N", BUDGET, "Largest number of optimizer steps.")]
Patience = Annotated[
    int | None,
    option(
        "--patience N",
        BUDGET,
        "Stop after N evaluations without a lower loss.",
        min=1,
    ),
]

LevelChoice = Annotated[
    Level | None, option("--level LEVEL", MODEL, "Tokens: char, subword or word.")
]
VocabSize = Annotated[
    int | None, option("--vocab-size N", MODEL, "Largest size of the vocabulary.", min=1)
]
CellChoice = Annotated[
    Cell | None,
    option("--cell CELL", MODEL, "Recurrent cell: lstm (default), gru, rnn or mingru."),
]
Horizon = Annotated[
    int | None,
    option("--horizon N", DATA, "Steps ahead; else as is usual (forecast).", min=1),
]
Lookback = Annotated[
    int | None, option("--lookback N", MODEL, "Past steps to read (forecast).", min=1)
]
HiddenSize = Annotated[
    int | None,
    option(
        "--hidden-size N", MODEL, "Hidden units of a layer, of both directions together.", min=1
    ),
]
EmbeddingDim = Annotated[
    int | None, option("--embedding-dim N", MODEL, "Size of the embeddings.", min=1)
]
NumLayers = Annotated[
    int | None, option("--num-layers N", MODEL, "Number of recurrent layers.", min=1)
]
Ngrams = Annotated[
    bool | None,
    option(
        "--ngrams/--no-ngrams",
        MODEL,
        "Linear model of n-grams beside the network (classify).",
        show_default="--ngrams",
    ),
]
Vectors = Annotated[
    str | None,
    option(
        "--vectors FILE", MODEL, "Word vectors: a file, hf:org/name, english or none (classify)."
    ),
]
Memory = Annotated[
    bool | None,
    option(
        "--memory/--no-memory",
        MODEL,
        "Retrieval of similar training pairs, if it helps (translate).",
        show_default="--memory",
    ),
]
Freeze = Annotated[
    bool | None,
    option(
        "--freeze/--no-freeze",
        MODEL,
        "Keep the encoder of --init-from, and fit the rest (classify).",
        show_default="up to 1,000 texts",
    ),
]

BatchSize = Annotated[
    int | None, option("--batch-size N", ADVANCED, "Texts, or streams of text, in a batch.", min=1)
]
Bptt = Annotated[
    int | None,
    option(
        "--bptt N", ADVANCED, "Steps of truncated backpropagation through time (generate).", min=1
    ),
]
LearningRate = Annotated[
    float | None,
    option("--learning-rate RATE", ADVANCED, "Peak learning rate; it decays to 0."),
]
WeightDecay = Annotated[
    float | None, option("--weight-decay RATE", ADVANCED, "Weight decay of AdamW.")
]
Clip = Annotated[float | None, option("--clip NORM", ADVANCED, "Largest norm of the gradients.")]
Dropout = Annotated[
    float | None,
    option("--dropout RATE", ADVANCED, "Dropout rate of hidden units."),
]
EmbeddingDropout = Annotated[
    float | None,
    option(
        "--embedding-dropout RATE", ADVANCED, "Dropout rate of embeddings; else as --dropout, or 0."
    ),
]
WordDropout = Annotated[
    float | None,
    option("--word-dropout SHARE", ADVANCED, "Share of tokens replaced by <unk>."),
]
LabelSmoothing = Annotated[
    float | None,
    option("--label-smoothing SHARE", ADVANCED, "Label smoothing of the cross-entropy loss."),
]
Seed = Annotated[int, option("--seed N", ADVANCED, "Random seed.")]
PrecisionChoice = Annotated[
    Precision,
    option("--precision TYPE", ADVANCED, "float32, bfloat16, or auto: bfloat16 where it is fast."),
]
DeviceChoice = Annotated[
    Device, option("--device DEVICE", ADVANCED, "cpu, cuda, or auto: cuda, if any.")
]
NumWorkers = Annotated[
    int | None,
    option(
        "--workers N",
        ADVANCED,
        "Compute with N parts of each batch side by side, one thread each.",
        min=1,
        show_default="whatever is fastest",
    ),
]
