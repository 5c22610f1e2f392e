"""``rnncli forecast``: forecast the next values of series."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger, is_terminal
from rnncli.cli.hints import retyped
from rnncli.cli.options import DATA, SEARCH, option
from rnncli.cli.output import open_output, require_output
from rnncli.config import choose_threads
from rnncli.errors import DataError

if TYPE_CHECKING:
    from rnncli.tasks.forecast.tables import TableForecast

CHARTS = 3  # of a table of more series, the first ones are drawn


def forecast(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE]",
            help="A table of a time column and columns of numbers, the past of what is to be "
            "forecast; else from stdin.",
        ),
    ] = None,
    time: options.TimeColumn = None,
    value: options.ValueColumn = None,
    series: options.SeriesColumn = None,
    known: options.KnownColumns = None,
    future: Annotated[
        str | None,
        option("--future FILE", DATA, "Later rows of the columns that are known ahead."),
    ] = None,
    horizon: Annotated[
        int | None,
        option(
            "--horizon N",
            SEARCH,
            "Steps to forecast, at most those that it was trained for.",
            min=1,
            show_default="all of the model",
        ),
    ] = None,
    method: Annotated[
        str | None,
        option(
            "--method NAME",
            SEARCH,
            "Forecast by this in place of the network: naive, seasonal_naive, seasonal_mean, "
            "exponential_smoothing or linear.",
        ),
    ] = None,
    output: options.OutputFile = None,
    force: options.Force = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
    model: options.ModelPath = None,
    threads: options.Threads = None,
) -> None:
    """Forecast the next values of series: the quantiles 0.1, 0.5 and 0.9 of each step.

    Examples:
        rnncli forecast sales.csv
        cat sales.csv | rnncli forecast --horizon 6 -m models/forecast
        rnncli forecast --json --method seasonal_naive sales.csv

    Four of five values lie between the outer quantiles. A terminal also gets a chart. No model
    comes with rnncli for this: train one with rnncli train sales.csv
    """
    messenger = Messenger(quiet, color)
    if output is not None:
        require_output(output, "-o", force=force)
    from rnncli.data.columns import Columns
    from rnncli.tasks.evaluation_data import training_data_of
    from rnncli.tasks.forecast.predict import Forecaster
    from rnncli.tasks.forecast.tables import forecast_table, read_table

    path = options.model_path(model, "forecast", messenger.announce)
    forecaster = Forecaster.load(path, threads=choose_threads(threads), announce=messenger.announce)
    columns = Columns(time=time, value=value, series=series, known=known)
    forecaster.require(horizon, method)
    if data is None and (sys.stdin is None or sys.stdin.isatty()):
        names = training_data_of(path).arguments
        raise DataError(
            "there is no table to forecast", retyped("sales.csv" if "-" in names else names[0])
        )
    table = read_table(forecaster, data or "-", messenger.announce, columns, future)
    result = forecast_table(forecaster, table, horizon, method, messenger.announce)
    with open_output(output, messenger) as write:
        for line in _json_lines(result) if as_json else _csv_lines(result):
            write(line)
    if is_terminal(stderr=False) and output is None and not as_json and not quiet:
        from rnncli.cli.views.fan import draw_fans

        draw_fans(result, messenger.console(), CHARTS)


def _json_lines(result: "TableForecast") -> Iterator[str]:
    for record in result.records():
        numbers = {k: v if k in ("series", "time") else float(v) for k, v in record.items()}
        yield json.dumps(numbers, ensure_ascii=False)


def _csv_lines(result: "TableForecast") -> Iterator[str]:
    for cells in result.rows():
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(cells)
        yield line.getvalue()
