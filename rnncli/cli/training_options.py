"""The options of ``rnncli train`` that are settings of a training, by the names of ``Settings``.

Those without a default are left to the recipe of the task.
"""

from typing import Annotated

from rnncli.cli.options import ADVANCED, BUDGET, DATA, MODEL, option
from rnncli.config import DEFAULT_MAX_TIME, Cell, Device, Level, Precision
from rnncli.messages import format_duration

Validation = Annotated[
    float,
    option(
        "Share of the data held out to choose the best model, where the data has no validation "
        "part of its own.",
        DATA,
        metavar="SHARE",
    ),
]

MaxTime = Annotated[
    str | None,
    option(
        "Train no longer than this: 90s, 2m, 1h30m.",
        BUDGET,
        metavar="TIME",
        show_default=format_duration(DEFAULT_MAX_TIME),
    ),
]
Epochs = Annotated[float | None, option("Largest number of epochs.", BUDGET, metavar="N")]
Steps = Annotated[int | None, option("Largest number of optimizer steps.", BUDGET, metavar="N")]
Patience = Annotated[
    int | None,
    option(
        "Stop early after so many evaluations without a lower held-out loss.",
        BUDGET,
        min=1,
        metavar="N",
    ),
]

LevelChoice = Annotated[
    Level | None, option("What a token is: char, subword or word.", MODEL, metavar="LEVEL")
]
VocabSize = Annotated[
    int | None, option("Largest size of the vocabulary.", MODEL, min=1, metavar="N")
]
CellChoice = Annotated[
    Cell | None,
    option("Recurrent cell: lstm, gru, rnn or mingru.", MODEL, metavar="CELL", show_default="lstm"),
]
HiddenSize = Annotated[
    int | None,
    option(
        "Hidden units of a layer; the two directions of a translator's encoder share them.",
        MODEL,
        min=1,
        metavar="N",
    ),
]
EmbeddingDim = Annotated[int | None, option("Size of the embeddings.", MODEL, min=1, metavar="N")]
NumLayers = Annotated[int | None, option("Number of recurrent layers.", MODEL, min=1, metavar="N")]
Ngrams = Annotated[
    bool | None,
    option(
        "Linear model of n-grams beside the network (classify).",
        MODEL,
        "--ngrams/--no-ngrams",
        show_default="--ngrams",
    ),
]
Memory = Annotated[
    bool | None,
    option(
        "Retrieval memory of the training pairs beside the network, kept if held-out pairs are "
        "translated better with it (translate).",
        MODEL,
        "--memory/--no-memory",
        show_default="--memory",
    ),
]

BatchSize = Annotated[
    int | None, option("Texts, or streams of text, in a batch.", ADVANCED, min=1, metavar="N")
]
Bptt = Annotated[
    int | None,
    option(
        "Steps of truncated backpropagation through time (generate).",
        ADVANCED,
        min=1,
        metavar="N",
    ),
]
LearningRate = Annotated[
    float | None,
    option("Peak learning rate; it falls to zero over the budget.", ADVANCED, metavar="RATE"),
]
WeightDecay = Annotated[float | None, option("Weight decay of AdamW.", ADVANCED, metavar="RATE")]
Clip = Annotated[float | None, option("Largest norm of the gradients.", ADVANCED, metavar="NORM")]
Dropout = Annotated[
    float | None,
    option(
        "Dropout rate of hidden units, with one mask for all time steps of a text.",
        ADVANCED,
        metavar="RATE",
    ),
]
EmbeddingDropout = Annotated[
    float | None,
    option("Dropout rate of embeddings; else as --dropout, or 0.", ADVANCED, metavar="RATE"),
]
WordDropout = Annotated[
    float | None, option("Share of input tokens replaced by <unk>.", ADVANCED, metavar="SHARE")
]
LabelSmoothing = Annotated[
    float | None,
    option("Label smoothing of the cross-entropy loss.", ADVANCED, metavar="SHARE"),
]
Seed = Annotated[int, option("Random seed.", ADVANCED, metavar="N")]
PrecisionChoice = Annotated[
    Precision,
    option(
        "float32, bfloat16, or auto: bfloat16 where the processor computes with it.",
        ADVANCED,
        metavar="TYPE",
    ),
]
DeviceChoice = Annotated[
    Device, option("cpu, cuda, or auto: cuda where there is one.", ADVANCED, metavar="DEVICE")
]
Threads = Annotated[
    int | None,
    option(
        "Processor threads, of the tokenizers too.",
        ADVANCED,
        min=1,
        metavar="N",
        show_default="all cores",
    ),
]
