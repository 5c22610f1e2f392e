"""Figures of a model without a text: its parts, its training, its gates at rest, its embeddings."""

from collections.abc import Iterator, Mapping, Sequence

from rnncli.analysis.saturation import CLOSED, OPEN
from rnncli.analysis.weights import Part
from rnncli.cli.progress import format_scores
from rnncli.cli.views.curves import curves
from rnncli.cli.views.figure import Figure
from rnncli.cli.views.table import Table
from rnncli.cli.views.tokens import token_label
from rnncli.messages import format_duration, plural
from rnncli.networks.numerics import Floats
from rnncli.storage.description import ModelDescription
from rnncli.tasks.inspection import ModelInspection, Similarity


def model_figures(inspection: ModelInspection) -> Iterator[Figure]:
    """Yield the figures of a model."""
    yield Figure(
        "training", Table(["", ""], list(_training(inspection.description)), text_columns=2)
    )
    if (losses := curves(inspection.metrics)) is not None:
        yield Figure(
            "loss in training",
            losses,
            "Where the held-out loss rises while the other falls, the model learns by heart.",
        )
    yield Figure(
        "parts",
        _parts(inspection.parts),
        "RMS is the root mean square of the weights: where it is far above all others, look there.",
    )
    if inspection.resting_gates:
        yield Figure(
            "gates at rest",
            _resting_gates(inspection.resting_gates),
            "Without input a gate stands where its bias puts it: a forget gate far above 0.5 keeps "
            "the memory, and the gradient.",
            "Gers et al. 2000; Jozefowicz et al. 2015",
        )


def neighbours_figure(word: str, similarities: Sequence[Similarity]) -> Figure:
    """Return the figure of the tokens whose embeddings are near that of a word."""
    rows = [[token_label(each.token), f"{each.cosine:.3f}"] for each in similarities]
    return Figure(
        f"nearest to {token_label(word)} in the embeddings",
        Table(["token", "cosine"], rows),
        "Words that are used alike, or that mean the same to the task, stand near each other.",
        "Mikolov et al. 2013",
    )


def _training(description: ModelDescription) -> Iterator[list[str]]:
    """Yield the names and values of how a model was trained."""
    level = "" if description.level is None else f", {description.level} level"
    yield ["task", f"{description.task}{level}"]
    if description.labels:
        yield ["labels", ", ".join(map(token_label, description.labels[:20]))]
    if (data := description.data) is not None:
        rows = ", ".join(f"{number:,} {name}" for name, number in data.rows.items())
        yield ["data", data.name + (f" ({rows})" if rows else "")]
    if (training := description.training) is not None:
        yield ["command", training.command]
        steps = "" if training.steps is None else plural(training.steps, "step")
        seconds = "" if training.seconds is None else format_duration(training.seconds)
        yield ["best evaluation after", ", ".join(filter(None, [steps, seconds])) or "unknown"]
        if not training.finished:
            yield ["state", "training has not finished"]
    if description.scores:
        yield ["scores, held out", format_scores(description.scores)]


def _parts(parts: Sequence[Part]) -> Table:
    rows = [
        [part.name, _shapes(part), f"{part.parameters:,}",
         f"{part.root_mean_square:.3f}", f"{part.largest:.2f}"]
        for part in parts
    ]  # fmt: skip
    total = f"{sum(part.parameters for part in parts):,}"
    header = ["part", "shapes", "parameters", "RMS", "largest"]
    return Table(header, [*rows, ["all", "", total, "", ""]], text_columns=2)


def _shapes(part: Part) -> str:
    """Return the shapes of the weights of a part; biases are left out where there are others."""
    shapes = [shape for shape in part.shapes.values() if len(shape) > 1] or part.shapes.values()
    return ", ".join("x".join(map(str, shape)) for shape in shapes)


def _resting_gates(layers: Mapping[str, Mapping[str, Floats]]) -> Table:
    rows = [
        [layer, gate, f"{float(values.mean()):.2f}",
         f"{100 * float((values < CLOSED).mean()):.0f} %",
         f"{100 * float((values > OPEN).mean()):.0f} %"]
        for layer, gates in layers.items()
        for gate, values in gates.items()
    ]  # fmt: skip
    header = ["layer", "gate", "mean", f"units below {CLOSED}", f"above {OPEN}"]
    return Table(header, rows, text_columns=2)
