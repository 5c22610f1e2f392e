"""``rnncli inspect``: look inside a model."""

import json
import os
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli import options
from rnncli.cli.bundled_models import bundled_model
from rnncli.cli.console import Messenger, printable
from rnncli.cli.options import DATA, LAG, UNITS, VIEWS, option
from rnncli.config import MODELS
from rnncli.errors import ConfigError, ModelError
from rnncli.messages import Announce
from rnncli.storage.bundled import PREFIX, model_directory

if TYPE_CHECKING:
    from rnncli.cli.views.figure import Figure

MODEL_PREFIXES = (PREFIX, "hf:")


def inspect(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL] [TEXT]",
            help="The model's directory, unless -m or $RNNCLI_MODEL names it, else the newest in "
            "models/, else the bundled one; and a text that it reads. With one alone, a directory "
            "is the model.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        option(
            "--data FILE",
            DATA,
            "Texts for --find, --edit and --lag; else those that the model held out.",
        ),
    ] = None,
    near: Annotated[
        str | None,
        option("--near WORD", VIEWS, "Show the words whose embeddings are near that of this one."),
    ] = None,
    control: Annotated[
        str | None,
        option(
            "--control LABEL",
            VIEWS,
            "Control code to read the text under, of a model that has them.",
        ),
    ] = None,
    find: Annotated[
        str | None,
        option(
            "--find PROPERTY",
            UNITS,
            "Show the units that know a property: quote, line, indent, digit, upper, position, "
            "sentiment, or that the last word is in a FILE of words.",
        ),
    ] = None,
    match: Annotated[
        bool, option("--match", UNITS, "With --find: where each unit is largest and smallest.")
    ] = False,
    edit: Annotated[
        list[str] | None,
        option(
            "--edit UNIT=VALUE",
            UNITS,
            "Clamp a unit, such as c17=1, and show what the model does then. Repeatable.",
        ),
    ] = None,
    lag: Annotated[
        bool,
        option("--lag", LAG, "Show how far back the model remembers, by gradient and by loss."),
    ] = False,
    against: Annotated[
        list[Path] | None, option("--against DIR", LAG, "With --lag: another model. Repeatable.")
    ] = None,
    cell: Annotated[
        list[str] | None,
        option(
            "--cell CELL",
            LAG,
            "With --lag: an untrained network of the model's sizes: lstm, gru, rnn or mingru. "
            "Repeatable.",
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
    model: options.ModelPath = None,
) -> None:
    """Look inside a model: its parts, and what happens in it as it reads a text.

    Examples:
        rnncli inspect models/classify
        rnncli inspect models/classify "slow start, but a superb ending"
        rnncli inspect models/generate "The ferry"

    With a text it shows what the model predicts after each token, and which units react. --find
    names the units that know a property, --edit clamps one, --lag tells how far back it remembers.
    """
    messenger = Messenger(quiet, color)
    path, text = _model_and_text(model, arguments or [], messenger.announce)

    from rnncli.cli.views.figure import print_figures
    from rnncli.cli.views.model_parts import model_figures, neighbours_figure
    from rnncli.cli.views.predictions import prediction_figures
    from rnncli.tasks import load
    from rnncli.tasks.inspection import inspect_model, inspect_text, similar_tokens

    loaded = load(path)
    figures: list[Figure] = []
    content: dict[str, Any] = {}  # of the figures, for JSON
    if any((find, match, edit, lag, against, cell, data)):
        from rnncli.cli.measurements import MeasurementRequest, measure

        request = MeasurementRequest(find, match, edit or [], lag, against or [], cell or [], data)
        measured, drawn = measure(loaded, text, request, messenger)
        content |= measured
        figures += drawn
    elif near is not None:
        similarities = similar_tokens(loaded, near)
        content["near"] = list(map(asdict, similarities))
        figures.append(neighbours_figure(near, similarities))
    elif text is None:
        parts = inspect_model(loaded)
        content |= parts.to_dict()
        figures += model_figures(parts)
    else:
        inspection = inspect_text(loaded, text, control)
        content |= inspection.to_dict()
        figures += prediction_figures(inspection, loaded.description.level)
    if as_json:
        print(printable(json.dumps(content, ensure_ascii=False)), flush=True)
    else:
        print_figures(figures, messenger.console(stderr=False))


def _model_and_text(
    option: Path | None, arguments: list[str], announce: Announce
) -> tuple[Path, str | None]:
    """Return the model of ``-m`` or of the first argument, else the usual one, and the text.

    Raises:
        ConfigError: there are more arguments than a model and a text.
        ModelError: there is no model.

    """
    takes = 1 if option is not None else 2
    if len(arguments) > takes:
        first = [] if option is not None else arguments[:1]
        text = " ".join(arguments[len(first) :])
        command = shlex.join(["rnncli", "inspect", *first, text])
        raise ConfigError(
            "there is more than one text", f"put quotation marks around it: {command}"
        )
    if option is not None:
        return model_directory(option), arguments[0] if arguments else None
    if len(arguments) == 2 or (arguments and _names_model(arguments[0])):
        return model_directory(arguments[0]), arguments[1] if arguments[1:] else None
    return _usual_model(announce), arguments[0] if arguments else None


def _names_model(argument: str) -> bool:
    """Return whether an argument that stands alone is a model: a directory, or a name of one."""
    return argument.startswith(MODEL_PREFIXES) or Path(argument).is_dir()


def _usual_model(announce: Announce) -> Path:
    """Return the model of $RNNCLI_MODEL, else the newest in models/, else the bundled one."""
    if path := os.environ.get("RNNCLI_MODEL"):
        return model_directory(path)
    configs = [path for path in MODELS.glob("*/config.json") if path.is_file()]
    if configs:
        newest = max(configs, key=lambda path: path.stat().st_mtime).parent
        announce(f"model: {newest}, the newest in {MODELS}")
        return newest
    bundled = bundled_model("classify", announce)
    if bundled is None:
        raise ModelError(f"there is no model in {MODELS}", "train one: rnncli train")
    return bundled
