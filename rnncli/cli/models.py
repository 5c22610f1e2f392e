"""``rnncli models``: list the models on this machine."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger, is_terminal, printable
from rnncli.config import MODELS
from rnncli.text.unicode import as_field, escape_controls

if TYPE_CHECKING:
    from rich.console import Console

    from rnncli.storage.catalogue import ModelEntry

COLUMNS = ("name", "task", "score", "size", "age", "data")
WRAPPED = ("score", "data")  # names are there to be copied
UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))  # seconds


def models(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The folder of the models.", show_default=True)
    ] = MODELS,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
) -> None:
    """List the models on this machine: name, task, score, size, age and data.

    Examples:
        rnncli models
        rnncli models --json
        rnncli models models

    To upload a model to the Hugging Face hub: rnncli models push --help. To write one as ONNX or as
    an HTML page: rnncli models export --help.

    Listed are those in models/, that in $RNNCLI_MODEL, the bundled ones and those in the cache of
    the Hugging Face hub. Scores are those on the part of the data that training held out. A pipe
    gets a line for each model, with tabs between.
    """
    from rnncli.storage.catalogue import models as list_models

    messenger = Messenger(quiet, color)
    entries = list_models(folder)
    for entry in entries:
        if entry.problem is not None and not as_json:
            messenger.announce(entry.problem)
    if as_json:
        for entry in entries:
            print(printable(json.dumps(_fields(entry), ensure_ascii=False)))
    elif entries and is_terminal(stderr=False):
        _print_table(messenger.console(stderr=False), list(map(_row, entries)))
    elif entries:
        for entry in entries:
            print("\t".join(map(as_field, _row(entry))))
    if not as_json and not any(entry.origin == "trained" for entry in entries):
        messenger.announce(f"there is no model in {folder} yet")
        messenger.announce("next: rnncli train")


def _print_table(console: "Console", rows: list[list[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in COLUMNS:
        justify: Literal["left", "right"] = "right" if name in ("size", "age") else "left"
        table.add_column(name, justify=justify, no_wrap=name not in WRAPPED, overflow="fold")
    for row in rows:
        table.add_row(*map(escape_controls, row))
    console.print(table)


def _fields(entry: "ModelEntry") -> dict[str, Any]:
    """Return a model as a JSON object."""
    description = entry.description
    data = None if description is None else description.data
    return {
        "name": entry.name,
        "origin": entry.origin,
        "path": str(entry.path),
        "task": None if description is None else description.task,
        "finished": entry.is_finished,
        "scores": {} if description is None else dict(description.scores),
        "labels": [] if description is None else list(description.labels),
        "bytes": entry.size,
        "modified": round(entry.modified),
        "data": None if data is None else data.name,
        "error": entry.problem,
    }


def _row(entry: "ModelEntry") -> list[str]:
    """Return the cells of a model in the table."""
    from rnncli.cli.progress import format_scores

    size = f"{entry.size / 1e3:.0f} kB" if entry.size < 100_000 else f"{entry.size / 1e6:.1f} MB"
    # That of a bundled model would be the age of the installation.
    age = "" if entry.origin == "bundled" else _age(time.time() - entry.modified)
    description = entry.description
    if description is None:
        return [entry.name, "", "damaged", size, age, ""]
    scores = {name: value for name, value in description.scores.items() if name != "loss"}
    score = format_scores(dict(list(scores.items())[:1])) if entry.is_finished else "unfinished"
    data = "" if description.data is None else description.data.name
    return [entry.name, description.task, score, size, age, data]


def _age(seconds: float) -> str:
    """Return how long ago a model was written, in the largest unit: 3d, 1h."""
    name, unit = next((u for u in UNITS if seconds >= u[1]), UNITS[-1])
    return f"{max(seconds, 0) // unit:.0f}{name}"
