"""``rnncli inspect``: look inside a model."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.cli.drawing import is_page, require_drawing, write_figures
from rnncli.cli.hints import retyped, retyped_without
from rnncli.cli.model_and_text import model_and_text
from rnncli.cli.options import DATA, LAG, OUTPUT, UNITS, VIEWS, option
from rnncli.cli.output import open_output, require_output
from rnncli.errors import ConfigError
from rnncli.networks.architecture import Direction, Half, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rnncli.cli.measurement_request import MeasurementRequest
    from rnncli.cli.views.figure import Figure
    from rnncli.cli.views.text_figures import Views
    from rnncli.tasks.inspection import Model, TextInspection


# Of how one text is read, and of the embeddings.
VIEW_PARAMETERS = [
    "units",
    "gates",
    "path",
    "unit",
    "near",
    "half",
    "layer",
    "direction",
    "state",
    "control",
]


def inspect(
    context: typer.Context,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL] [TEXT]",
            help="The model's directory, unless -m or $RNNCLI_MODEL names it, else the newest in "
            "models/, else the bundled one; and a text that it reads, a WAV file or a table of "
            "series. With one alone, a directory is the model.",
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
    units: Annotated[
        bool,
        option("--units", VIEWS, "Draw the states of the units that change most, over the text."),
    ] = False,
    gates: Annotated[
        bool,
        option("--gates", VIEWS, "Draw the gates over the text, and how often each is saturated."),
    ] = False,
    path: Annotated[
        bool,
        option("--path", VIEWS, "Draw the way of the state through the text in two directions."),
    ] = False,
    unit: Annotated[
        int | None,
        option(
            "--unit N",
            VIEWS,
            "Colour the text by one unit; at a terminal arrow keys and numbers change it.",
            min=0,
        ),
    ] = None,
    near: Annotated[
        str | None,
        option("--near WORD", VIEWS, "Show the words whose embeddings are near that of this one."),
    ] = None,
    half: Annotated[
        Half | None, option("--half HALF", VIEWS, "Of a translator: the encoder or the decoder.")
    ] = None,
    layer: Annotated[
        list[int] | None,
        option("--layer N", VIEWS, "Only this layer, numbered from 0. Repeatable.", min=0),
    ] = None,
    direction: Annotated[
        Direction | None,
        option("--direction DIRECTION", VIEWS, "Only layers that read forward, or backward."),
    ] = None,
    state: Annotated[
        State | None,
        option("--state STATE", VIEWS, "Only the hidden state h, or the memory c of an LSTM."),
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
            "sentiment, or whether the last word is one of some: no,not,never or a FILE of them.",
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
    output: Annotated[
        Path | None,
        option(
            "--output -o FILE",
            OUTPUT,
            "Draw into this file: .svg, or .html for a page that has all.",
        ),
    ] = None,
    force: options.Force = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
    model: options.ModelPath = None,
) -> None:
    """Look inside a model: its parts, and what happens in it as it reads a text.

    Examples:
        rnncli inspect bundled:sentiment
        rnncli inspect bundled:sentiment "slow start, but a superb ending"
        rnncli inspect bundled:stories "The ferry" -o ferry.html

    With a text it shows what the model predicts after each token, and which units react. --find
    names the units that know a property, --edit clamps one, --lag tells how far back it remembers.
    """
    messenger = Messenger(quiet, color)
    if output is not None and as_json:
        require_output(output, "-o", force=force)
    elif output is not None:
        require_drawing(output, force=force)
    model_path, text = model_and_text(model, arguments or [], messenger.announce)

    from rnncli.cli.measurement_request import MeasurementRequest
    from rnncli.cli.unit_browser import browse, can_browse
    from rnncli.cli.views.selection import Selection
    from rnncli.cli.views.text_figures import Views
    from rnncli.tasks.inspection import inspect_text, load_model

    request = MeasurementRequest(find, match, edit or (), lag, against or (), cell or (), data)
    _refuse_unused(text, request, options.typed_options(context, VIEW_PARAMETERS))
    loaded = load_model(model_path)
    if request:
        contents = _of_measurements(loaded, text, control, request, messenger)
    elif text is None:
        contents = _of_model(loaded, near)
    else:
        selection = Selection(half, tuple(layer or ()), direction)
        inspection = selection.apply(inspect_text(loaded, text, control))
        if unit is not None and output is None and not as_json and can_browse():
            browse(inspection, state, unit, messenger.console(stderr=False))
            return
        contents = _of_text(inspection, Views(units, gates, path, unit), state, output)
    _show(contents, output, as_json, messenger)


def _refuse_unused(text: str | None, request: "MeasurementRequest", typed: "Sequence[str]") -> None:
    """Refuse what would have no effect: options of one text without it, or beside a measurement."""
    if request:
        is_answered = text is not None and bool(request.edit)
        unused = [name for name in typed if name != "--control" or not is_answered]
        if unused:
            raise ConfigError(
                f"{unused[0]} has no effect on what is measured", f"leave {unused[0]} out"
            )
        if text is not None and not is_answered:
            hint = f"leave it out: {retyped_without(text)}"
            raise ConfigError("--find and --lag read many texts, not one", hint)
    elif text is None and (about_text := [name for name in typed if name != "--near"]):
        hint = f"give one: {retyped('a text')}"
        raise ConfigError(f"{about_text[0]} is about a text, and there is none", hint)
    elif text is not None and "--near" in typed:
        raise ConfigError("--near shows embeddings, not how a text is read", "leave --near out")


class Contents(NamedTuple):
    """What is shown: figures, the same for JSON, and the text of a page's explorer."""

    title: str
    figures: "Iterable[Figure]"
    to_dict: "Callable[[], dict[str, Any]]"  # takes long, of a long text
    inspection: "TextInspection | None" = None


def _of_model(model: "Model", near: str | None) -> Contents:
    """Return the parts of a model, or the words near another one in its embeddings."""
    from rnncli.cli.views.model_parts import model_figures, neighbours_figure
    from rnncli.tasks.inspection import inspect_model, require_text_model, similar_tokens

    if near is not None:
        similarities = similar_tokens(require_text_model(model, "--near"), near)
        figures = [neighbours_figure(near, similarities)]
        words = {"near": list(map(asdict, similarities))}
        return Contents(model.name, figures, lambda: words)
    parts = inspect_model(model)
    return Contents(model.name, model_figures(parts), parts.to_dict)


def _of_measurements(
    model: "Model",
    text: str | None,
    control: str | None,
    request: "MeasurementRequest",
    messenger: Messenger,
) -> Contents:
    """Return what was measured on many texts."""
    from rnncli.cli.measurements import measure

    values, figures = measure(model, text, control, request, messenger)
    return Contents(model.name, figures, lambda: values)


def _of_text(
    inspection: "TextInspection", views: "Views", state: State | None, output: Path | None
) -> Contents:
    """Return what happens in a model as it reads a text; a page has all views."""
    from rnncli.cli.views.states import FILE_UNITS, SCREEN_UNITS
    from rnncli.cli.views.text_figures import page_figures, text_figures

    if is_page(output):
        figures = page_figures(inspection, state)
    else:
        count = SCREEN_UNITS if output is None else FILE_UNITS
        figures = text_figures(inspection, views, state, count)
    return Contents(inspection.model, figures, inspection.to_dict, inspection)


def _show(contents: Contents, output: Path | None, as_json: bool, messenger: Messenger) -> None:
    """Print the contents, or write them into a file."""
    from rnncli.cli.views.figure import print_figures

    if as_json:
        with open_output(output, messenger) as write:
            write(json.dumps(contents.to_dict(), ensure_ascii=False))
    elif output is not None:
        title, figures, _, inspection = contents
        write_figures(output, title, list(figures), inspection, messenger)
    else:
        print_figures(contents.figures, messenger.console(stderr=False))
