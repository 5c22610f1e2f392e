"""The figures of a text that a model reads: those that are asked for, else its predictions."""

from collections.abc import Iterator
from dataclasses import dataclass

from rnncli.cli.views.fan import fan
from rnncli.cli.views.figure import Figure
from rnncli.cli.views.predictions import prediction_figures, waveform_figure
from rnncli.cli.views.selection import selected_states
from rnncli.cli.views.states import (
    gate_figures,
    path_figures,
    saturation_figures,
    state_figures,
    unit_figure,
)
from rnncli.networks.architecture import State
from rnncli.tasks.inspection import TextInspection
from rnncli.tasks.predictions import SeriesForecast, TokenProbabilities


@dataclass(frozen=True)
class Views:
    """What is shown of a text; without any, the predictions."""

    units: bool = False
    gates: bool = False
    path: bool = False
    unit: int | None = None

    def __bool__(self) -> bool:
        return self != Views()


def text_figures(
    inspection: TextInspection, views: Views, state: State | None, count: int
) -> Iterator[Figure]:
    """Yield the figures of a text, those of units with ``count`` of them.

    Raises:
        ConfigError: the network has no such state, gate or unit.

    """
    if not views:
        yield from prediction_figures(inspection)
    elif isinstance(inspection.prediction, TokenProbabilities):
        yield waveform_figure(inspection.prediction)
    elif isinstance(inspection.prediction, SeriesForecast):
        yield fan(inspection.prediction)
    if views.unit is not None:
        yield unit_figure(*next(selected_states(inspection, state)), views.unit)
    if views.units:
        yield from state_figures(inspection, state, count)
    if views.gates:
        yield from gate_figures(inspection, count)
        yield from saturation_figures(inspection)
    if views.path:
        yield from path_figures(inspection, state)


def page_figures(inspection: TextInspection, state: State | None = None) -> Iterator[Figure]:
    """Yield the figures of a page, which shows units and gates in an explorer of its own."""
    yield from prediction_figures(inspection)
    yield from saturation_figures(inspection)
    yield from path_figures(inspection, state)
