"""The options of ``rnncli train`` that are settings of a training, by the names of ``Settings``."""

from typing import Annotated, Any

import typer

from rnncli.cli.options import DATA, MODEL, TRAINING
from rnncli.config import DEFAULT_MAX_TIME, Cell, Device, Level, Precision
from rnncli.messages import format_duration


def _option(
    text: str, panel: str, default: str = "chosen from the data", *names: str, **options: Any
) -> Any:
    """Return an option that is left to the recipe of the task unless it is given."""
    return typer.Option(*names, help=text, rich_help_panel=panel, show_default=default, **options)


LevelChoice = Annotated[Level | None, _option("What a token is.", MODEL)]
VocabSize = Annotated[int | None, _option("Largest size of the vocabulary.", MODEL, min=1)]
CellChoice = Annotated[Cell | None, _option("The recurrent cell.", MODEL, "lstm")]
HiddenSize = Annotated[
    int | None,
    _option(
        "Hidden units of a layer; the two directions of a translator's encoder share them.",
        MODEL,
        min=1,
    ),
]
EmbeddingDim = Annotated[int | None, _option("Size of the embeddings.", MODEL, min=1)]
NumLayers = Annotated[int | None, _option("Number of recurrent layers.", MODEL, min=1)]
Ngrams = Annotated[
    bool | None,
    _option(
        "A linear model of n-grams beside the network (classify).",
        MODEL,
        "--ngrams",
        "--ngrams/--no-ngrams",
    ),
]
Memory = Annotated[
    bool | None,
    _option(
        "A retrieval memory of the training pairs beside the network, kept if translations of "
        "held-out pairs are better with it (translate).",
        MODEL,
        "--memory",
        "--memory/--no-memory",
    ),
]
Dropout = Annotated[
    float | None,
    _option("Dropout rate of hidden units, with one mask for all time steps of a text.", MODEL),
]
EmbeddingDropout = Annotated[
    float | None, _option("Dropout rate of embeddings; else as --dropout, or 0.", MODEL)
]
WordDropout = Annotated[
    float | None, _option("Share of input tokens that are replaced by <unk>.", MODEL)
]
LabelSmoothing = Annotated[
    float | None, _option("Label smoothing of the cross-entropy loss.", TRAINING)
]
MaxTime = Annotated[
    str | None,
    _option(
        "Train no longer than this: 90s, 2m, 1h30m.",
        TRAINING,
        format_duration(DEFAULT_MAX_TIME),
        metavar="DURATION",
    ),
]
Epochs = Annotated[float | None, _option("Train for no more epochs than this.", TRAINING)]
Steps = Annotated[
    int | None,
    typer.Option(help="Take no more optimizer steps than this.", rich_help_panel=TRAINING),
]
BatchSize = Annotated[
    int | None, _option("Texts, or streams of text, in a batch.", TRAINING, min=1)
]
Bptt = Annotated[
    int | None,
    _option("Steps of truncated backpropagation through time (generate).", TRAINING, min=1),
]
LearningRate = Annotated[
    float | None, _option("Peak learning rate; it falls to zero over the budget.", TRAINING)
]
WeightDecay = Annotated[float | None, _option("Weight decay of AdamW.", TRAINING)]
Clip = Annotated[float | None, _option("Largest norm of the gradients.", TRAINING)]
Patience = Annotated[
    int | None,
    _option("Stop early after so many evaluations without a lower held-out loss.", TRAINING, min=1),
]
Validation = Annotated[
    float,
    typer.Option(
        help="Share of the data held out to choose the best model, where the data has no "
        "validation part of its own.",
        rich_help_panel=DATA,
    ),
]
Seed = Annotated[int, typer.Option(help="Random seed.", rich_help_panel=TRAINING)]
PrecisionChoice = Annotated[
    Precision,
    typer.Option(
        help="auto: bfloat16 where the processor computes with it.", rich_help_panel=TRAINING
    ),
]
DeviceChoice = Annotated[
    Device, typer.Option(help="auto: cuda where there is one.", rich_help_panel=TRAINING)
]
Threads = Annotated[
    int | None, _option("Processor threads, of the tokenizers too.", TRAINING, "all cores", min=1)
]
