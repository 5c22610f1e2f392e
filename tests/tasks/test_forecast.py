"""Forecasters: trained on a table of times and numbers, used, scored, and beaten where they are."""

import csv
import io
import json
import math
import os
import pty
import shutil

import numpy as np
import pytest
from shell import TIMEOUT, call, examples, start

import rnncli
from rnncli.tasks.forecast.quantiles import fit_offsets, shift

DAYS = 200


def weekly(day, level=50.0):
    """Return a value that repeats after a week, with a little noise."""
    noise = math.sin(day * 12.9898) * 1.5
    return level + 10 * math.sin(2 * math.pi * day / 7) + 4 * (day % 7 == 5) + noise


def table(rows, header):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def stamps(n, start="2023-01-01"):
    return [str(np.datetime64(start) + day) for day in range(n)]


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    path = tmp_path_factory.mktemp("series") / "sales.csv"
    rows = [
        (time, f"{weekly(i):.3f}", f"{weekly(i, 500):.3f}") for i, time in enumerate(stamps(DAYS))
    ]
    path.write_text(table(rows, ["date", "north", "south"]))
    return path


@pytest.fixture(scope="module")
def model(series):
    path = series.parent / "model"
    said = []
    rnncli.train(series, output=path, steps=30, horizon=7, hidden_size=8, announce=said.append)
    assert any("task: forecast" in line for line in said)
    assert any("every 1 day" in line for line in said)
    (line,) = (line for line in said if line.startswith("model: "))
    assert f" {rnncli.load(path).parameters:,} parameters" in line
    return path


def test_the_examples_of_the_help_page_work(model, series, tmp_path):
    shutil.copytree(model, tmp_path / "models" / "forecast")
    shutil.copy(series, tmp_path / "sales.csv")
    lines = examples("forecast")
    assert len(lines) == 3
    for line in lines:
        stdin = b"" if "sales.csv" in line else series.read_bytes()
        result = call(*line.split()[1:], cwd=tmp_path, stdin=stdin)
        assert result.code == 0, result.err
        assert len(result.lines) >= 7


def test_python_forecasts_a_list_of_numbers(model):
    forecaster = rnncli.load(model)
    (one,) = forecaster([[weekly(day) for day in range(DAYS)]], horizon=7)
    expected = [weekly(day) for day in range(DAYS, DAYS + 7)]
    assert np.abs(one.median - expected).max() < 6
    assert (np.diff(one.quantiles, axis=1) >= 0).all()


def test_a_pipe_has_a_row_a_step_in_the_shape_of_the_table(model, series):
    result = call("forecast", "-m", model, "--horizon", "3", stdin=series.read_bytes())
    rows = list(csv.reader(result.lines))
    assert rows[0][:4] == ["date", "north 0.1", "north 0.5", "north 0.9"]
    assert [row[0] for row in rows[1:]] == stamps(3, "2023-07-20")
    assert all(float(row[1]) <= float(row[2]) <= float(row[3]) for row in rows[1:])


def test_json_and_a_long_table_with_gaps_and_duplicates(model):
    days = [day for day in range(60) if day not in (20, 21)]
    rows = [(f"{day % 28 + 1}.{day // 28 + 1}.2024", "a", f"{weekly(day):.2f}".replace(".", ","))
            for day in [*days[::-1], 3]]  # fmt: skip
    text = table(rows, ["date", "shop", "sold"])
    result = call("forecast", "-m", model, "--horizon", "2", "--json", stdin=text.encode())
    lines = [json.loads(line) for line in result.lines]
    assert [line["series"] for line in lines] == ["a", "a"]
    assert lines[0]["0.1"] <= lines[0]["0.5"] <= lines[0]["0.9"]
    for notice in ("decimal marks", "not in order", "more than once", "missing"):
        assert notice in result.err


def test_a_better_baseline_is_told_and_can_be_had(model, series):
    scores = rnncli.evaluate(model).scores
    assert {"mase", "coverage", "baselines"} <= scores.keys()
    assert scores["mase"] < scores["baselines"]["naive"]["mase"]
    result = call("forecast", series, "-m", model, "--method", "seasonal_naive", "--horizon", "1")
    assert result.lines[1].split(",")[2] == f"{weekly(DAYS - 7):.3f}"


def test_the_command_for_a_better_baseline_works_as_typed(model, series):
    # The last value of a random walk is the best forecast, whatever the network has learned.
    walk = np.random.default_rng(0).normal(size=DAYS).cumsum() + 100
    data = series.parent / "walk.csv"
    data.write_text(table(zip(stamps(DAYS), map(str, walk), strict=True), ["day", "price"]))
    out = call("evaluate", model, data, "--value", "price").out.decode()
    assert "is better than the model" in out
    words = " ".join(out.split()).partition("to forecast by it: rnncli ")[2].split()
    assert call(*words).code == 0


def test_at_a_terminal_the_table_of_the_training_is_named(model, series):
    screen, device = pty.openpty()
    with start("forecast", "-m", model, stdin=device) as process:
        _, err = process.communicate(timeout=TIMEOUT)
    os.close(screen)
    os.close(device)
    assert process.returncode == 1
    hint = f"rnncli forecast -m {model} {series}"
    assert err.decode() == f"error: there is no table to forecast\nhint: {hint}\n"


def test_a_dry_run_counts_rows_and_not_series(series):
    lines = call("train", series, "--dry-run").lines
    assert f"rows     {DAYS}, {DAYS // 10} of them held out" in lines


@pytest.fixture(scope="module")
def promoted(tmp_path_factory):
    """Sales that jump on the days of a promotion, whose next days are known."""
    path = tmp_path_factory.mktemp("promoted") / "sales.csv"
    promotion = np.random.default_rng(2).integers(0, 5, DAYS + 10) == 0
    values = [f"{weekly(day) + 30 * promotion[day]:.2f}" for day in range(DAYS)] + [""] * 10
    path.write_text(table(zip(stamps(DAYS + 10), values, map(int, promotion), strict=True),
                          ["date", "sales", "promotion"]))  # fmt: skip
    return path


def test_columns_that_are_known_ahead_are_read(promoted):
    said = []
    path = promoted.parent / "model"
    settings = {"steps": 2, "horizon": 7, "hidden_size": 4, "announce": said.append}
    rnncli.train(promoted, output=path, **settings)
    assert any(line.startswith("known ahead: promotion") for line in said)
    header, *rows = csv.reader(promoted.read_text().splitlines())
    past = promoted.parent / "past.csv"
    past.write_text(table([row[:2] for row in rows[:DAYS]], header[:2]))
    rnncli.train(past, output=promoted.parent / "blind", **settings)
    known, blind = (rnncli.evaluate(promoted.parent / name).scores for name in ("model", "blind"))
    assert known["mae"] < blind["mae"] / 3
    result = call("forecast", promoted, "-m", path)
    medians = [float(row[2]) for row in list(csv.reader(result.lines))[1:]]
    jumps = [median > weekly(day) + 15 for day, median in enumerate(medians, start=DAYS)]
    assert jumps == [row[2] == "1" for row in rows[DAYS : DAYS + 7]]
    past.write_text(table(rows[:DAYS], header))
    future = promoted.parent / "future.csv"
    future.write_text(table([(row[0], row[2]) for row in rows[DAYS:]], ["date", "promotion"]))
    assert call("forecast", past, "-m", path, "--future", future).lines == result.lines
    refused = call("forecast", past, "-m", path)
    assert refused.code == 1 and "--future FILE" in refused.err


def test_intervals_cover_four_of_five_values_at_each_step():
    rng = np.random.default_rng(0)
    steps = np.arange(1, 13)
    targets = rng.normal(size=(2_000, 12)) * steps  # harder to forecast the later they are
    quantiles = np.zeros((2_000, 12, 3)) + np.array([-2.0, 0.0, 1.0])
    offsets = fit_offsets(quantiles[:1_000], targets[:1_000], np.ones((1_000, 12), bool))
    low, _, high = np.moveaxis(shift(quantiles[1_000:], offsets), -1, 0)
    inside = ((low <= targets[1_000:]) & (targets[1_000:] <= high)).mean(0)
    assert (np.abs(inside - 0.8) < 0.05).all()


def test_intervals_of_a_hardly_trained_forecaster_are_as_wide_as_its_errors(tmp_path):
    learned, new = 300, 100
    noise = np.random.default_rng(4).normal(scale=8, size=learned + new)
    values = [170 + 15 * (day % 7 >= 5) + noise[day] for day in range(learned + new)]
    rows = zip(stamps(learned), [f"{value:.2f}" for value in values[:learned]], strict=True)
    (tmp_path / "sales.csv").write_text(table(rows, ["date", "sales"]))
    rnncli.train(tmp_path / "sales.csv", output=tmp_path / "m", steps=2, horizon=7, hidden_size=4)
    origins = range(learned, learned + new - 7)
    forecasts = rnncli.load(tmp_path / "m")([values[:origin] for origin in origins])
    low, _, high = np.moveaxis([forecast.quantiles for forecast in forecasts], -1, 0)
    targets = np.array([values[origin : origin + 7] for origin in origins])
    assert 0.6 < ((low <= targets) & (targets <= high)).mean() < 0.95


def test_a_forecaster_is_looked_into(model, series):
    parts = call("inspect", model)
    assert "encoder.layers.0.0" in parts.out.decode()
    result = call("inspect", model, series, "--units", "--gates")
    assert "quantile 0.9" in result.out.decode()
    assert "update gate" in result.out.decode()
    assert "2023-07-19" in result.out.decode()  # the end of the last segment
    lag = call("inspect", model, "--data", series, "--lag", "--cell", "rnn")
    assert "rnn, untrained" in lag.out.decode()
    assert "only so many values are visible" in lag.out.decode()
    refused = call("inspect", model, "--data", series, "--find", "digit")
    assert refused.code == 2 and "this model reads series" in refused.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("date,y\n2024-01-01,1\n", "1 row"),
        ("date,y\n2024-01-01,1\n2024-01-02,abc\n2024-01-03,3\n", "'abc' in the column y"),
        ("date,y\n2024-01-01,1\n2024-13-45,2\n2024-01-03,3\n", "2024-13-45"),
        ("a,b\nx,y\nz,w\n", "times"),
        ("date,y\n2024-01-01,nan\n2024-01-02,inf\n", "no number"),
    ],
)
def test_a_hostile_table_is_refused(model, text, says):
    result = call("forecast", "-m", model, stdin=text.encode())
    assert result.code == 1
    assert says in result.err
    assert "Traceback" not in result.err
    assert not result.out
