"""Forecasters: trained on a table of times and numbers, used, scored, and beaten where they are."""

import csv
import io
import json
import math
import shutil

import numpy as np
import pytest
from shell import call, examples

import rnncli

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
