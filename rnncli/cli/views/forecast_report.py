"""The scores of a forecaster, as a table for a terminal."""

from typing import TYPE_CHECKING

from rnncli.cli.views.table import print_table
from rnncli.tasks.forecast.evaluate import ForecastReport

if TYPE_CHECKING:
    from rich.console import Console


def print_forecasts(report: ForecastReport, console: "Console", command: str) -> None:
    """Print the scores of a forecaster beside those of simple forecasts, and what follows.

    ``command`` forecasts the same series by the model.
    """
    rows = [["model", f"{report.model.mase:.3f}", f"{report.model.mae:.4g}",
             f"{report.model.rmse:.4g}", "", ""]]  # fmt: skip
    for name, scores in report.baselines.items():
        low, high = scores.interval
        rows.append(
            [name.replace("_", " "), f"{scores.mase:.3f}", f"{scores.mae:.4g}",
             f"{scores.rmse:.4g}", f"{scores.difference:+.3f}", f"{low:+.3f} to {high:+.3f}"]
        )  # fmt: skip
    console.print(
        f"origins {report.origins:,}, horizon {report.horizon}; between the quantiles 0.1 and 0.9: "
        f"{100 * report.coverage:.1f} % of the values (80 % is right)"
    )
    header = ["", "MASE", "MAE", "RMSE", "worse than the model by", "95 % interval"]
    print_table(console, header, rows)
    console.print(_verdict(report, command), highlight=False)


def _verdict(report: ForecastReport, command: str) -> str:
    """Return whether a simple forecast is better, and how to get it."""
    if report.better is None:
        return "no simple forecast is better than the model by more than chance"
    better = report.better.replace("_", " ")
    return (
        f"{better} is better than the model; to forecast by it: {command} --method {report.better}"
    )
