"""Fan charts: the end of a series, and the quantiles of what is forecast."""

from typing import TYPE_CHECKING

from rnncli.cli.views.curves import Curves
from rnncli.cli.views.figure import Figure, print_figures
from rnncli.tasks.forecast.tables import TableForecast

if TYPE_CHECKING:
    from rich.console import Console

PAST = 2.0  # values of the past that are drawn, for each that is forecast


def fans(result: TableForecast) -> list[Figure]:
    """Return a fan chart of each series."""
    figures = []
    for series, forecast in zip(result.table.series, result.forecasts, strict=True):
        shown = series.values[-round(PAST * len(forecast.quantiles)) :].tolist()
        past = [(1.0 - len(shown) + i, value) for i, value in enumerate(shown) if value == value]
        curves = {"past": past}
        for level, column in zip(forecast.levels, forecast.quantiles.T.tolist(), strict=True):
            curves[f"quantile {level}"] = [(1.0 + i, value) for i, value in enumerate(column)]
        figures.append(Figure(series.name, Curves(curves, x="step", y=series.name)))
    return figures


def draw_fans(result: TableForecast, console: "Console", at_most: int) -> None:
    """Draw the first fan charts on a terminal."""
    print_figures(fans(result)[:at_most], console)
