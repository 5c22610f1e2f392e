"""Options that several commands share, so that they mean the same thing everywhere."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from rnncli.cli.console import Color
from rnncli.config import MODELS, Task

# The panels of help pages, in the order in which people need them.
DATA, BUDGET, SAMPLING, SEARCH = "Data", "Budget", "Sampling", "Search"
OUTPUT, MODEL, ADVANCED = "Output", "Model", "Advanced"


def option(text: str, panel: str, *names: str, **settings: Any) -> Any:
    """Make an option with this help text on this panel; without names, it has its parameter's."""
    return typer.Option(*names, help=text, rich_help_panel=panel, **settings)


Quiet = Annotated[bool, option("Print errors only.", OUTPUT, "--quiet", "-q")]
ColorChoice = Annotated[
    Color,
    option("Colours: auto, always or never; NO_COLOR is honoured.", OUTPUT, metavar="WHEN"),
]
Json = Annotated[bool, option("Print one JSON object a line.", OUTPUT, "--json")]
ModelPath = Annotated[
    Path | None,
    option(
        "Model directory; else $RNNCLI_MODEL, else the one of this task in models/.",
        MODEL,
        "--model",
        "-m",
        metavar="DIR",
    ),
]
InputFile = Annotated[
    Path | None,
    option(
        "Read texts from this file, one a line; else from stdin.",
        DATA,
        "--input",
        "-i",
        metavar="FILE",
    ),
]
OutputFile = Annotated[
    Path | None,
    option(
        "Write results to this file, once it is complete; else to stdout.",
        OUTPUT,
        "--output",
        "-o",
        metavar="FILE",
    ),
]
Column = Annotated[
    str | None,
    option(
        "Read this column of CSV, TSV or JSONL; keep all columns and append the results.",
        DATA,
        metavar="NAME",
    ),
]
BatchSize = Annotated[
    int,
    option(
        "Lines in a batch; an incomplete one is answered when input pauses.",
        ADVANCED,
        min=1,
        metavar="N",
    ),
]
Threads = Annotated[
    int | None,
    option("Processor threads.", ADVANCED, min=1, metavar="N", show_default="all cores"),
]
TextColumn = Annotated[str | None, option("Column of the texts.", DATA, "--text", metavar="NAME")]
LabelColumn = Annotated[
    str | None, option("Column of the labels.", DATA, "--label", metavar="NAME")
]
SourceColumn = Annotated[
    str | None, option("Column of the texts to translate from.", DATA, "--source", metavar="NAME")
]
TargetColumn = Annotated[
    str | None, option("Column of the translations.", DATA, "--target", metavar="NAME")
]
ControlColumn = Annotated[
    str | None,
    option(
        "Column of control codes for a generator (authors, moods, languages): generate "
        "--control then names one to write like.",
        DATA,
        "--control",
        metavar="NAME",
    ),
]
Revision = Annotated[
    str | None,
    option("Revision of a dataset of the hub: pins its version.", DATA, metavar="HASH"),
]


def model_path(model: Path | None, task: Task) -> Path:
    """Return the path of ``-m``, else that in the environment, else the usual one of the task."""
    return model or Path(os.environ.get("RNNCLI_MODEL") or MODELS / task)
