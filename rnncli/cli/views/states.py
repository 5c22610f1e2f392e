"""Figures of the states and gates of recurrent layers over the tokens of a text."""

from collections.abc import Iterator, Sequence

import numpy as np

from rnncli.analysis.projection import principal_directions
from rnncli.analysis.saturation import CLOSED, OPEN, saturation
from rnncli.analysis.traces import Reading, Trace
from rnncli.cli.views import explanation
from rnncli.cli.views.curves import Curves
from rnncli.cli.views.figure import Figure
from rnncli.cli.views.heatmap import SIGNED_LIMITS, Heatmap
from rnncli.cli.views.highlight import Highlight, Scale
from rnncli.cli.views.predictions import trace_label
from rnncli.cli.views.selection import selected_states
from rnncli.cli.views.table import Table
from rnncli.cli.views.tokens import token_label, token_spans
from rnncli.errors import ConfigError
from rnncli.networks.architecture import State
from rnncli.networks.numerics import Floats
from rnncli.tasks.inspection import TextInspection

SCREEN_UNITS = 16  # of a heatmap on a terminal: as many stand side by side
FILE_UNITS = 64  # in a drawing
KEEPING_GATES = ("forget", "update")
KARPATHY = "Karpathy et al. 2015, section 4.2"


def state_figures(inspection: TextInspection, state: State | None, count: int) -> Iterator[Figure]:
    """Yield a heatmap of each chosen layer and state: its ``count`` units that change most.

    Raises:
        ConfigError: no layer has such a state.

    """
    for reading, trace, letter in selected_states(inspection, state):
        values = trace.states[letter]
        units = most_variable(values, count)
        yield Figure(
            f"{letter} of {_unit_count(units, values)}, {trace_label(trace)}",
            _heatmap(reading.tokens, values, units, is_signed=True),
            "A stripe along the text is a unit that remembers; a spot is one that reacts.",
            KARPATHY,
        )


def gate_figures(inspection: TextInspection, count: int) -> Iterator[Figure]:
    """Yield a heatmap of each gate of each chosen layer, for the units that change most.

    Raises:
        ConfigError: no layer has gates.

    """
    if not any(trace.gates for trace in inspection.traces.values()):
        raise ConfigError("a plain recurrent network has no gates", "leave --gates out")
    for reading in inspection.readings:
        for trace in reading.traces:
            units = most_variable(trace.hidden_states, count)
            for gate, values in trace.gates.items():
                yield Figure(
                    f"{gate} gate of {_unit_count(units, values)}, {trace_label(trace)}",
                    _heatmap(reading.tokens, values, units),
                    _GATE_CAPTIONS[gate],
                    "Hochreiter and Schmidhuber 1997; Cho et al. 2014",
                )


def saturation_figures(inspection: TextInspection) -> Iterator[Figure]:
    """Yield how often the gates of each chosen layer are saturated."""
    for trace in inspection.traces.values():
        if trace.gates:
            yield _saturation_figure(trace)
            yield _saturation_table(trace)


_GATE_CAPTIONS = {
    "input": "Open (100 %) where the unit writes what it reads into its memory.",
    "forget": "Open (100 %) where the unit keeps its memory, closed (0 %) where it forgets.",
    "output": "Open (100 %) where the memory of the unit is seen by the rest of the network.",
    "reset": "Closed (0 %) where the unit ignores the state before when it makes a new one.",
    "update": "Where a GRU keeps its state the gate is open (100 %); in a minGRU, closed (0 %).",
}


def _saturation_figure(trace: Trace) -> Figure:
    """Return the scatter plot of saturated gates: a dot for each unit and gate."""
    dots = {}
    # Drawn last, and so over the others: the gate by which a unit keeps its state.
    for gate, values in sorted(trace.gates.items(), key=lambda item: item[0] in KEEPING_GATES):
        shares = saturation(values)
        dots[gate] = list(zip(shares.open.tolist(), shares.closed.tolist(), strict=True))
    return Figure(
        f"how often gates are saturated, {trace_label(trace)}",
        Curves(dots, f"share above {OPEN}:", f"share below {CLOSED}", is_connected=False),
        "Each dot is a unit. At the right its gate is always open, at the top always closed; a "
        "forget gate at the right remembers over the whole text.",
        "Karpathy et al. 2015, figure 3",
    )


def _saturation_table(trace: Trace) -> Figure:
    rows = []
    for gate, values in trace.gates.items():
        closed, open_ = float((values < CLOSED).mean()), float((values > OPEN).mean())
        always = float((saturation(values).open > OPEN).mean())
        shares = (float(values.mean()), closed, open_, always)
        rows.append([gate, *(f"{100 * share:.0f} %" for share in shares)])
    header = ["gate", "mean", f"below {CLOSED}", f"above {OPEN}", "units open nine times in ten"]
    return Figure(f"saturation, {trace_label(trace)}", Table(header, rows))


def path_figures(inspection: TextInspection, state: State | None) -> Iterator[Figure]:
    """Yield the way of each chosen state through the text, in its two principal directions.

    Raises:
        ConfigError: no layer has such a state.

    """
    for reading, trace, letter in selected_states(inspection, state):
        projection = principal_directions(trace.states[letter])
        order = slice(None, None, -1 if trace.backward else 1)
        labels = list(map(token_label, reading.tokens))[order]
        points = [(float(x), float(y)) for x, y in projection.points[order]]
        first, second = (f"{100 * share:.0f} %" for share in projection.shares)
        yield Figure(
            f"the way of {letter} from {labels[0]} to {labels[-1]}, {trace_label(trace)}",
            Curves(
                {letter: points},
                x=f"direction 1 ({first} of the variance)",
                y=f"direction 2 ({second})",
                labels={letter: labels},
            ),
            "Near points are similar states. Look for tokens that move the state far, and for a "
            "place where it comes to rest.",
            "principal components: Hotelling 1933",
        )


def unit_figure(reading: Reading, trace: Trace, letter: State, unit: int) -> Figure:
    """Return a text with the state of one unit after each token as the colour behind it.

    Raises:
        ConfigError: the layer has no such unit.

    """
    values = trace.states[letter]
    if not 0 <= unit < values.shape[1]:
        raise ConfigError(
            f"there is no unit {unit}: the units of {trace_label(trace)} are 0 to "
            f"{values.shape[1] - 1}",
            f"--unit {values.shape[1] - 1}",
        )
    largest = _largest(values[:, unit])
    scores = values[:, unit].tolist()
    parts = [(*span, x) for span, x in zip(token_spans(reading.tokens), scores, strict=True)]
    scale = Scale(
        [limit * largest for limit in SIGNED_LIMITS],
        explanation.SCALE.positive,
        explanation.SCALE.negative,
    )
    return Figure(
        f"{letter} of unit {unit}, {trace_label(trace)}",
        Highlight("".join(reading.tokens), parts, scale),
        f"From {min(scores):+.2f} to {max(scores):+.2f}, after each token. Look for what turns the "
        "unit on, and what turns it off.",
        KARPATHY,
    )


def most_variable(values: Floats, count: int) -> list[int]:
    """Return the numbers of the ``count`` units whose values (T, H) vary most, in their order."""
    return sorted(np.argsort(-values.std(0), kind="stable")[:count].tolist())


def _unit_count(units: Sequence[int], values: Floats) -> str:
    total = values.shape[1]
    return f"all {total} units" if len(units) == total else f"{len(units)} of {total} units"


def _heatmap(
    tokens: Sequence[str], values: Floats, units: Sequence[int], *, is_signed: bool = False
) -> Heatmap:
    """Return a heatmap of units and tokens: characters stand side by side, words in a column."""
    shown = values[:, units]  # (T, U)
    labels, numbers = list(map(token_label, tokens)), list(map(str, units))
    maximum = _largest(shown) if is_signed else 1.0
    if max(map(len, labels)) == 1:
        return Heatmap(numbers, labels, shown.T.tolist(), is_signed, maximum)
    return Heatmap(labels, numbers, shown.tolist(), is_signed, maximum)


def _largest(values: Floats) -> float:
    """Return the largest absolute value; 1 where all are 0."""
    return float(np.abs(values).max(initial=0)) or 1.0
