"""Fan charts: the end of a series, and the quantiles of what is forecast."""

from typing import TYPE_CHECKING

from rnncli.cli.views.curves import Curves
from rnncli.cli.views.figure import Figure, print_figures
from rnncli.tasks.forecast.quantiles import LEVELS
from rnncli.tasks.predictions import SeriesForecast

if TYPE_CHECKING:
    from rich.console import Console

    from rnncli.tasks.forecast.tables import TableForecast

PAST = 2.0  # values of the past that are drawn, for each that is forecast


def fan(forecast: SeriesForecast) -> Figure:
    """Return the chart of a series."""
    values = enumerate(forecast.values.tolist(), start=1 - len(forecast.values))
    curves = {"past": [(float(x), value) for x, value in values if value == value]}
    for level, column in zip(LEVELS, forecast.quantiles.T.tolist(), strict=True):
        curves[f"quantile {level}"] = [(1.0 + i, value) for i, value in enumerate(column)]
    return Figure(forecast.name, Curves(curves, x="step", y=forecast.name))


def draw_fans(result: "TableForecast", console: "Console", at_most: int) -> None:
    """Draw the first fan charts on a terminal."""
    pairs = zip(result.table.series[:at_most], result.forecasts, strict=False)
    drawn = [
        SeriesForecast(each.name, each.values[-round(PAST * len(f.quantiles)) :], f.quantiles)
        for each, f in pairs
    ]
    print_figures(list(map(fan, drawn)), console)
