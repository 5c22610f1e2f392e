"""Train forecasters on three public series, and score them on parts that follow the training.

    python tests/benchmarks/forecasting.py [--max-time 10m | --steps 300] [NAME]...

Names: ett-96, ett-192, ett-336, ett-720, sunspots, airline. ETTh1 has the usual split of 12, 4 and
4 months of 30 days, and is scaled by the mean and deviation of the first 12, so that errors can be
compared with those in papers. The other two are forecast one step ahead, on their last fifth and
their last 48 months. Data is below $RNNCLI_CORPORA.
"""

import argparse
import csv
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import rnncli

HOUR_COUNTS = 12 * 30 * 24, 16 * 30 * 24, 20 * 30 * 24  # where the parts of ETTh1 end
FOLDER = Path(os.environ["RNNCLI_CORPORA"]) / "timeseries"


def rows_of(name: str) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a table."""
    with (FOLDER / name).open(newline="") as file:
        header, *rows = csv.reader(file)
    return header, [row for row in rows if row]


def write(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    """Write a table."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def ett(folder: Path) -> tuple[Path, Path, float]:
    """Return the table to train on, the one to score on, and the share that is held out."""
    header, rows = rows_of("ETTh1.csv")
    values = np.array([row[1:] for row in rows], np.float64)
    first, second, third = HOUR_COUNTS
    values = (values - values[:first].mean(0)) / values[:first].std(0)
    scaled = [[row[0], *map(repr, v.tolist())] for row, v in zip(rows, values, strict=True)]
    train = write(folder / "train.csv", header, scaled[:second])
    return train, write(folder / "all.csv", header, scaled[:third]), 1 - first / second


def short(folder: Path, name: str, test: int) -> tuple[Path, Path, float]:
    """Return the same of a single series, whose last values are the test part."""
    header, rows = rows_of(name)
    train = write(folder / "train.csv", header, rows[:-test])
    return train, write(folder / "all.csv", header, rows), 0.2


def cases(names: list[str], folder: Path) -> Iterator[tuple[str, int, tuple[Path, Path, float]]]:
    """Yield each name, its horizon and its data."""
    for name in names:
        if name.startswith("ett-"):
            yield name, int(name.removeprefix("ett-")), ett(folder)
        elif name == "sunspots":
            yield name, 1, short(folder, "monthly-sunspots.csv", 564)
        else:
            yield name, 1, short(folder, "airline-passengers.csv", 48)


def main() -> None:
    """Print the scores of each case, a JSON object a line."""
    parser = argparse.ArgumentParser()
    usual = ["ett-96", "ett-192", "ett-336", "ett-720", "sunspots", "airline"]
    parser.add_argument("names", nargs="*", default=usual)
    parser.add_argument("--max-time", default="10m")
    parser.add_argument("--steps", type=int)
    options = parser.parse_args()
    budget: dict[str, Any] = {"max_time": options.max_time}
    if options.steps is not None:
        budget = {"steps": options.steps}
    with tempfile.TemporaryDirectory() as folder:
        for name, horizon, (train, both, share) in cases(options.names, Path(folder)):
            model = Path(folder) / name
            trained = rnncli.train(
                train, output=model, horizon=horizon, validation=share, announce=print, **budget
            )
            scores = rnncli.evaluate(model, both, announce=print).scores
            shown = {n: scores[n] for n in ("mse", "mae", "rmse", "mase", "coverage", "better")}
            others = {n: each["mse"] for n, each in scores["baselines"].items()}
            seconds = round(trained.seconds)
            result = {"name": name, **shown, "seconds": seconds, "baselines_mse": others}
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
