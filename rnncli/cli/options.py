"""Options that several commands share, so that they mean the same thing everywhere."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from rnncli.cli.bundled_models import bundled_model
from rnncli.cli.console import Color
from rnncli.config import MODELS, Task
from rnncli.errors import ConfigError
from rnncli.messages import Announce
from rnncli.storage.bundled import bundled_translators
from rnncli.storage.model_names import model_directory

# The panels of help pages, in the order in which people need them.
DATA, FILES, BUDGET, SAMPLING, SEARCH = "Data", "Files", "Budget", "Sampling", "Search"
VIEWS, UNITS, LAG = "Views", "Units", "Lag"
OUTPUT, MODEL, ADVANCED = "Output", "Model", "Advanced"


def option(form: str, panel: str, text: str, **settings: Any) -> Any:
    """Make an option from its form on help pages, such as ``--output -o FILE``, and its text."""
    words = form.split()
    names = [word for word in words if word.startswith("-")]
    metavar = words[-1] if len(names) < len(words) else None
    return typer.Option(*names, metavar=metavar, help=text, rich_help_panel=panel, **settings)


Quiet = Annotated[bool, option("--quiet -q", OUTPUT, "Print errors only.")]
ColorChoice = Annotated[
    Color, option("--color WHEN", OUTPUT, "Colours: auto, always or never; NO_COLOR is honoured.")
]
Json = Annotated[bool, option("--json", OUTPUT, "Print one JSON object a line.")]
ModelPath = Annotated[
    Path | None,
    option(
        "--model -m DIR",
        MODEL,
        "Model directory, bundled:NAME, or of the hub hf:org/name or hf:org/name@revision; else "
        "$RNNCLI_MODEL, else models/TASK, else the bundled model of the task, if any.",
    ),
]
InputFile = Annotated[
    Path | None,
    option("--input -i FILE", DATA, "Read texts from this file, one a line; else from stdin."),
]
InputFiles = Annotated[
    list[Path] | None,
    option(
        "--input -i FILE",
        DATA,
        "Read texts from this file, one a line; else from stdin. A folder, a pattern in quotation "
        "marks or several -i: many files.",
    ),
]
OutputFile = Annotated[
    Path | None,
    option(
        "--output -o FILE", OUTPUT, "Write results to this file, once complete; else to stdout."
    ),
]
Force = Annotated[bool, option("--force", OUTPUT, "Replace an existing file.")]
OutputPlace = Annotated[
    Path | None,
    option(
        "--output -o FILE",
        OUTPUT,
        "Write results to this file, once complete; else to stdout. Of many files: to files of the "
        "same names in this folder.",
    ),
]
Jobs = Annotated[
    int | None,
    option(
        "--jobs N",
        FILES,
        "Answer many files by this many processes.",
        min=1,
        show_default="one a core",
    ),
]
ShardOption = Annotated[
    str | None,
    option(
        "--shard N/M",
        FILES,
        "Answer every M-th file, from the N-th on: on the N-th of M machines that share a disk.",
    ),
]
Estimate = Annotated[
    bool,
    option(
        "--estimate", FILES, "Only tell how many lines files have, and how long they would take."
    ),
]
Whole = Annotated[
    bool,
    option(
        "--whole",
        FILES,
        "Each file is one text, as in folders that train reads: one line out for each, with its "
        "name in place of the text.",
    ),
]
Column = Annotated[
    str | None,
    option(
        "--column NAME", DATA, "Texts are this column of CSV, TSV or JSONL; results are appended."
    ),
]
BatchSize = Annotated[
    int,
    option("--batch-size N", ADVANCED, "Lines in a batch; a pause of the input ends one.", min=1),
]
Threads = Annotated[
    int | None,
    option("--threads N", ADVANCED, "Processor threads.", min=1, show_default="all cores"),
]
Beam = Annotated[int, option("--beam N", SEARCH, "Beam size of translations; 1 is greedy search.")]
Memory = Annotated[
    bool,
    option(
        "--memory/--no-memory",
        SEARCH,
        "Look up similar training pairs, where the model keeps them.",
    ),
]
TextColumn = Annotated[str | None, option("--text NAME", DATA, "Column of the texts.")]
LabelColumn = Annotated[str | None, option("--label NAME", DATA, "Column of the labels.")]
SourceColumn = Annotated[
    str | None, option("--source NAME", DATA, "Column of the texts to translate from.")
]
TargetColumn = Annotated[str | None, option("--target NAME", DATA, "Column of the translations.")]
ControlColumn = Annotated[
    str | None,
    option("--control NAME", DATA, "Column of control codes for a generator."),
]
TimeColumn = Annotated[str | None, option("--time NAME", DATA, "Column of the times of series.")]
ValueColumn = Annotated[
    str | None, option("--value NAME", DATA, "Column of numbers; else all such.")
]
SeriesColumn = Annotated[
    str | None, option("--series NAME", DATA, "Column that names the series of each row.")
]
KnownColumns = Annotated[
    str | None,
    option("--known A,B", DATA, "Columns known ahead (holidays, prices)."),
]
Revision = Annotated[
    str | None,
    option("--revision HASH", DATA, "Revision of a dataset of the hub."),
]


def typed_options(context: typer.Context, parameters: Collection[str]) -> list[str]:
    """Return the options of some parameters that were typed, as a person calls them."""
    return [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in parameters
        and (source := context.get_parameter_source(str(parameter.name))) is not None
        and source.name == "COMMANDLINE"
    ]


def model_path(
    model: Path | None, task: Task, announce: Announce, language: str | None = None
) -> Path:
    """Return the path of ``-m``, else that in the environment, the usual one, the bundled one.

    A ``language`` to translate into, of ``--to``, means the bundled translator.

    Raises:
        ModelError: there is no model of that name.
        ConfigError: no translator into the language is bundled, or ``-m`` names another model; or
            it would be a bundled one, and there is no language.

    """
    path = MODELS / task
    if language is None:
        if (named := model or os.environ.get("RNNCLI_MODEL")) is not None:
            return model_directory(named, announce)
        if path.exists():
            return path
    elif model is not None and str(model) != bundled_translators().get(language):
        raise ConfigError(
            f"--to {language} means a bundled translator, and -m another model", "leave --to out"
        )
    return bundled_model(task, announce, language) or path
