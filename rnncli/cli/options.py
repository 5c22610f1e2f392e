"""Options that several commands share, so that they mean the same thing everywhere."""

import os
from pathlib import Path
from typing import Annotated

import typer

from rnncli.cli.console import Color
from rnncli.config import Task

DATA, MODEL, TRAINING, OUTPUT = "Data", "Model", "Training", "Output"
MODELS = Path("models")

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
