"""Options that several commands share, so that they mean the same thing everywhere."""

import os
from pathlib import Path
from typing import Annotated

import typer

from rnncli.cli.console import Color
from rnncli.config import MODELS, Task

# The panels of help pages, in the order in which people need them.
DATA, BUDGET, OUTPUT, MODEL, ADVANCED = "Data", "Budget", "Output", "Model", "Advanced"
TRAINING = "Training"

Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print errors only.", rich_help_panel=OUTPUT),
]
ColorChoice = Annotated[
    Color, typer.Option(help="When to use colours; NO_COLOR is honoured.", rich_help_panel=OUTPUT)
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object a line.", rich_help_panel=OUTPUT)
]
ModelPath = Annotated[
    Path | None,
    typer.Option(
        "--model",
        "-m",
        metavar="DIR",
        help="Model directory; else $RNNCLI_MODEL, else the one of this task in models/.",
        rich_help_panel=MODEL,
        show_default=False,
    ),
]
InputFile = Annotated[
    Path | None,
    typer.Option(
        "--input",
        "-i",
        metavar="FILE",
        help="Read texts from this file, one a line; else from stdin.",
        rich_help_panel=DATA,
        show_default=False,
    ),
]
OutputFile = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write results to this file, once it is complete; else to stdout.",
        rich_help_panel=OUTPUT,
        show_default=False,
    ),
]
KeptColumn = Annotated[
    str | None,
    typer.Option(
        "--column",
        metavar="NAME",
        help="Read this column of CSV, TSV or JSONL; keep all columns and append the results.",
        rich_help_panel=DATA,
        show_default=False,
    ),
]
BatchSize = Annotated[
    int,
    typer.Option(
        min=1,
        help="Lines in a batch; what has come is answered when input pauses.",
        rich_help_panel=ADVANCED,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Processor threads.",
        rich_help_panel=ADVANCED,
        show_default="all cores",
    ),
]
TextColumn = Annotated[
    str | None,
    typer.Option("--text", metavar="NAME", help="Column of the texts.", rich_help_panel=DATA),
]
LabelColumn = Annotated[
    str | None,
    typer.Option("--label", metavar="NAME", help="Column of the labels.", rich_help_panel=DATA),
]
SourceColumn = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="NAME",
        help="Column of the texts to translate from.",
        rich_help_panel=DATA,
    ),
]
TargetColumn = Annotated[
    str | None,
    typer.Option(
        "--target", metavar="NAME", help="Column of the translations.", rich_help_panel=DATA
    ),
]
ControlColumn = Annotated[
    str | None,
    typer.Option(
        "--control",
        metavar="NAME",
        help="Column of control codes for a generator (authors, moods, languages): generate "
        "--control then names one to write like.",
        rich_help_panel=DATA,
    ),
]
Revision = Annotated[
    str | None,
    typer.Option(
        metavar="HASH",
        help="Revision of a dataset of the hub: pins its version.",
        rich_help_panel=DATA,
    ),
]


def model_path(given: Path | None, task: Task) -> Path:
    """Return the model that was named, in the option or the environment, or the usual place."""
    if given is not None:
        return given
    named = os.environ.get("RNNCLI_MODEL")
    return Path(named) if named else MODELS / task
