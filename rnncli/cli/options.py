"""Options that several commands share, so that they mean the same thing everywhere."""

import os
from pathlib import Path
from typing import Annotated

import typer

from rnncli.cli.console import Color
from rnncli.config import MODELS, Task

DATA, MODEL, TRAINING, OUTPUT = "Data", "Model", "Training", "Output"

Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print errors only.", rich_help_panel=OUTPUT),
]
ColorChoice = Annotated[Color, typer.Option(help="When to use colours.", rich_help_panel=OUTPUT)]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object a line.", rich_help_panel=OUTPUT)
]
ModelPath = Annotated[
    Path | None,
    typer.Option(
        "--model",
        "-m",
        metavar="DIR",
        help="The model to use; else $RNNCLI_MODEL, else the one of this task in models/.",
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
        help="Read texts from this file, one a line.",
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
        help="Write results to this file, which appears when it is complete; else to stdout.",
        rich_help_panel=OUTPUT,
        show_default=False,
    ),
]
KeptColumn = Annotated[
    str | None,
    typer.Option(
        "--column",
        metavar="NAME",
        help="Read this column of CSV, TSV or JSONL; keep all columns and add the results.",
        rich_help_panel=DATA,
        show_default=False,
    ),
]
BatchSize = Annotated[
    int,
    typer.Option(min=1, help="Lines answered at once, if they come at once.", rich_help_panel=DATA),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Threads to compute with.",
        rich_help_panel=MODEL,
        show_default="as many as there are cores",
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
        help="Column of the labels (authors, moods, languages) in whose manner a generator learns "
        "to write: the label is learned before each text, and generate --control names one.",
        rich_help_panel=DATA,
    ),
]
Revision = Annotated[
    str | None,
    typer.Option(
        metavar="HASH",
        help="Revision of a dataset of the hub, so that it stays the same.",
        rich_help_panel=DATA,
    ),
]


def model_path(given: Path | None, task: Task) -> Path:
    """Return the model that was named, in the option or the environment, or the usual place."""
    if given is not None:
        return given
    named = os.environ.get("RNNCLI_MODEL")
    return Path(named) if named else MODELS / task
