"""Figures of how far back a model remembers."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rnncli.analysis.context import PositionLoss
from rnncli.cli.views.curves import Curves
from rnncli.cli.views.figure import Figure
from rnncli.cli.views.table import Table
from rnncli.cli.views.tokens import token_label
from rnncli.tasks.lag import GradientNorms, LagInspection, Reach

LAGS = (1, 4, 16, 64, 256)  # of the table
MAX_ROWS = 10  # evaluations of the table of gradient norms
MAX_NAME = 30  # characters of a network's name


def lag_figures(inspection: LagInspection) -> Iterator[Figure]:
    """Yield the gradients by lag, the losses by context and position, and clipping in training."""
    names = _names(inspection.reaches)
    yield Figure(
        "gradient of the last step, by how many steps back its input is",
        Curves(
            {name: _points(reach) for name, reach in zip(names, inspection.reaches, strict=True)},
            "steps back",
            "gradient",
            log_y=True,
        ),
        "Where the curve falls to nothing, nothing is learned from so far back.",
        "Bengio et al. 1994; Pascanu et al. 2013, section 2",
    )
    rows = [_row(name, each) for name, each in zip(names, inspection.reaches, strict=True)]
    yield Figure(
        "the same, relative to the last input",
        Table(["network", *(f"{lag} back" for lag in LAGS), "spectral radius"], rows),
        "Without gates, a spectral radius below 1 makes gradients vanish, and only one above 1 can "
        "make them explode; gates keep them.",
    )
    if inspection.contexts:
        yield Figure(
            f"loss where only so many {inspection.unit} are visible",
            _contexts(inspection),
            "Where it stops falling, what lies further back is of no use to the model.",
            "Khandelwal et al. 2018, section 3.1",
        )
    if inspection.positions:
        yield Figure(
            "loss by the position in the text",
            Table(
                ["tokens", str(inspection.measure)],
                [[_range(each), f"{each.loss:.3f}"] for each in inspection.positions],
            ),
            "A text is read from an empty state: the loss falls as long as memory helps.",
        )
    if inspection.training:
        yield Figure(
            "gradient norms in training",
            _norms(inspection.training),
            "Exploding gradients stand out before clipping, and are tamed after it.",
            "Pascanu et al. 2013, section 3.2",
        )


def _names(reaches: Sequence[Reach]) -> list[str]:
    """Return names that differ and fit into a table: of models, those of their directories."""
    names: list[str] = []
    for reach in reaches:
        cell = f" ({reach.cell})" if reach.is_trained else ""
        name = token_label(Path(reach.network).name, MAX_NAME) + cell
        names.append(name if name not in names else f"{name} {len(names) + 1}")
    return names


def _points(reach: Reach) -> list[tuple[float, float]]:
    return [(float(lag), float(value)) for lag, value in enumerate(reach.gradient)]


def _row(name: str, reach: Reach) -> list[str]:
    gradient = reach.gradient
    shares = [_percent(float(gradient[lag])) if lag < len(gradient) else "" for lag in LAGS]
    radii = ", ".join(f"{radius:.2f}" for radius in reach.spectral_radii.values())
    return [name, *shares, radii or "none"]


def _percent(share: float) -> str:
    if not share:
        return "0"  # below what float32 holds
    return f"{100 * share:.2g} %" if share >= 1e-6 else f"{100 * share:.0e} %"


def _contexts(inspection: LagInspection) -> Table:
    rows = []
    for each in inspection.contexts:
        low, high = each.rise_interval
        rows.append(
            [
                str(each.tokens),
                f"{each.loss:.3f}",
                f"{each.rise:+.3f}",
                f"{low:+.3f} to {high:+.3f}",
            ]
        )
    header = [inspection.unit, str(inspection.measure), "above the whole", "95 % interval"]
    return Table(header, rows)


def _range(positions: PositionLoss) -> str:
    first, last = positions.first, positions.last
    return str(first) if first == last else f"{first} to {last}"


def _norms(norms: Sequence[GradientNorms]) -> Table:
    """Return the norms at evaluations, the last of each row's, and the largest of any of them."""
    size = -(-len(norms) // MAX_ROWS)  # evaluations of a row
    groups = [norms[i : i + size] for i in range(0, len(norms), size)]
    rows = [
        [f"{group[-1].step:,}", f"{group[-1].before:.3g}", f"{group[-1].after:.3g}",
         f"{max(each.largest for each in group):.3g}"]
        for group in groups
    ]  # fmt: skip
    return Table(["step", "before clipping", "after", "largest since the row before"], rows)
