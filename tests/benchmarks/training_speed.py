"""Measure the speed of training on idle and loaded machines, in each way to compute a step.

    python tests/benchmarks/training_speed.py [--only lm384 lm512 classifier translator]

Ways take turns, so that all meet the same load; figures are medians of the turns. ``auto`` is what
a training with a time budget does. Busy loops run beside it, or come and go. Corpora are those of
``$RNNCLI_CORPORA``, or the bundled ones.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from report import ROOT, Report
from torch import nn

from rnncli.config import DEFAULTS, Settings, Task, choose_threads
from rnncli.data.corpus import read_corpus
from rnncli.tasks.trainer import recipe_of
from rnncli.training.contract import Progress, TrainingData
from rnncli.training.device import choose_precision, start_torch
from rnncli.training.loop import fit
from rnncli.training.sizing import UNLIMITED

TURN, TURNS = 1.5, 5  # seconds of each way, and how often it has its turn
WARM_UP = 5.0  # seconds of each way before the first turns, in which `auto` tries every way
PERIOD = 5.0  # seconds that a load comes, and goes, for
CHANGING = 20.0  # seconds of each way beside such a load
ROWS = 20_000  # of a corpus, drawn at random
STREAMS, STEPS, EMBEDDING, VOCAB_SIZE = 16, 64, 128, 325  # of the language models
PRODUCTS = 50  # whose time is measured together

SETUPS: dict[str, tuple[Task, str, str, dict[str, Any]]] = {  # task, corpus, bundled one, settings
    "lm384": (
        "generate",
        "tinyshakespeare/input.txt",
        "stories",
        {"hidden_size": 384, "dropout": 0.3},
    ),
    "lm512": (
        "generate",
        "tinyshakespeare/input.txt",
        "stories",
        {"hidden_size": 512, "dropout": 0.3},
    ),
    "classifier": ("classify", "airline_sentiment/train.csv", "reviews", {"ngrams": False}),
    "translator": ("translate", "tatoeba_en_fr/train.tsv.gz", "phrasebook", {}),
}
WAYS: dict[str, dict[str, Any]] = {
    "threads": {"threads": choose_threads(None)},
    "workers": {"workers": choose_threads(None)},
    "one thread": {"workers": 1},
    "auto": {},
}


def read(task: Task, corpus: str, bundled: str) -> Dataset:
    """Return some rows of a corpus of ``$RNNCLI_CORPORA``, or those of a bundled one."""
    path = Path(os.environ.get("RNNCLI_CORPORA", ROOT)) / corpus
    rows = read_corpus([str(path) if path.exists() else bundled], task=task).splits["train"]
    if task == "generate" or len(rows) <= ROWS:
        return rows
    return rows.shuffle(seed=0).select(range(ROWS))


class Run:
    """A training that can be continued for some seconds at a time."""

    def __init__(self, name: str, way: dict[str, Any], folder: Path) -> None:
        task, corpus, bundled, given = SETUPS[name]
        precision = choose_precision("auto", "cpu")
        settings: Settings = replace(
            DEFAULTS[task].with_overrides(
                {**given, **way, "precision": precision, "device": "cpu"}
            ),
            max_time=UNLIMITED,
            epochs=None,
        )
        start_torch(settings.seed)
        data = TrainingData(rows := read(task, corpus, bundled), rows.select(range(200)))
        prepared = recipe_of(task).prepare(data, settings, folder, lambda _: None)
        self._steps: Iterator[Progress] = fit(prepared.trainable, settings)
        self._threads = 1
        self.way = ""

    def speed(self, seconds: float) -> float:
        """Train for some seconds and return the targets a second."""
        threads = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        began = time.perf_counter()
        first = targets = next(self._steps).targets
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            progress = next(self._steps)
            targets, self.way = progress.targets, progress.way
        self._threads = torch.get_num_threads()
        torch.set_num_threads(threads)
        return (targets - first) / (time.perf_counter() - began)


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """Run so many busy loops beside."""
    command = [sys.executable, "-c", "while 1: pass"]
    processes = [subprocess.Popen(command) for _ in range(loops)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextmanager
def changing(loops: int) -> Iterator[None]:
    """Run busy loops that come and go every ``PERIOD`` seconds."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(PERIOD):
            with busy(loops):
                ended.wait(PERIOD)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def measure(report: Report, name: str) -> None:
    """Measure all ways for one setup beside all loads."""
    with tempfile.TemporaryDirectory() as folder:
        runs = {}
        for i, (way, given) in enumerate(WAYS.items()):
            (Path(folder) / str(i)).mkdir()
            runs[way] = Run(name, given, Path(folder) / str(i))
            runs[way].speed(WARM_UP)
        best: list[float] = []  # of the ways that do not change, beside each number of loops
        for loops in (0, 1, 2):
            report.section(f"{name}, {loops} busy loops")
            with busy(loops):
                speeds: dict[str, list[float]] = {way: [] for way in runs}
                for _ in range(TURNS):
                    for way, run in runs.items():
                        speeds[way].append(run.speed(TURN))
            medians = {way: statistics.median(values) for way, values in speeds.items()}
            fixed = {way: value for way, value in medians.items() if way != "auto"}
            best.append(max(fixed.values()))
            for way, value in medians.items():
                told = f"{value / best[-1]:.2f} of the best"
                report.add(way, value, "targets/s", f"{told}; at last {runs[way].way}")
            if loops == 0 and SETUPS[name][0] == "generate":
                compare_with_torch(report, SETUPS[name][3]["hidden_size"], best[-1])
        report.section(f"{name}, a busy loop that comes and goes")
        reachable = (best[0] + best[1]) / 2  # half of the time beside the loop
        for way, run in runs.items():
            with changing(1):
                speed = run.speed(CHANGING)
            report.add(way, speed, "targets/s", f"{speed / reachable:.2f} of the best at each time")


def compare_with_torch(report: Report, hidden: int, speed: float) -> None:
    """Compare a speed with a plain float32 loop, and with the matrix products that it consists of.

    The product is that of the recurrent weights with the states of all time steps at once, in
    bfloat16 where training is: what could be reached if no step waited for the one before.
    """
    plain, gflops = plain_loop(hidden), product(hidden)
    report.add("a plain float32 loop over nn.LSTM", plain, "targets/s", f"x {speed / plain:.2f}")
    operations = 6 * (4 * hidden * (hidden + EMBEDDING) + EMBEDDING * (hidden + VOCAB_SIZE))
    share = speed * operations / gflops / 1e9
    report.add("the product at these shapes", gflops, "GFLOP/s", f"{share:.0%} of it reached")


def plain_loop(hidden: int) -> float:
    """Return the targets a second of the loop that tutorials have, with all threads."""
    embedding = nn.Embedding(VOCAB_SIZE, EMBEDDING)
    lstm = nn.LSTM(EMBEDDING, hidden, batch_first=True)
    output = nn.Linear(hidden, VOCAB_SIZE)
    parameters = [*embedding.parameters(), *lstm.parameters(), *output.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3)
    tokens = torch.randint(0, VOCAB_SIZE, (STREAMS, STEPS + 1))
    state = None
    speeds = []
    threads = torch.get_num_threads()
    torch.set_num_threads(choose_threads(None))
    for _ in range(TURNS):
        count, began = 0, time.perf_counter()
        while time.perf_counter() - began < TURN:
            x, state = lstm(embedding(tokens[:, :-1]), state)
            state = tuple(part.detach() for part in state)
            loss = nn.functional.cross_entropy(output(x).flatten(0, 1), tokens[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            count += STREAMS * STEPS
        speeds.append(count / (time.perf_counter() - began))
    torch.set_num_threads(threads)
    return statistics.median(speeds)


def product(hidden: int) -> float:
    """Return the GFLOP a second of the recurrent weights with as many states as a step has."""
    bfloat16 = choose_precision("auto", "cpu") == "bfloat16"
    states, weights = (
        torch.randn(rows, hidden).to(torch.bfloat16 if bfloat16 else torch.float32)
        for rows in (STREAMS * STEPS, 4 * hidden)
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(choose_threads(None))
    seconds = []
    for _ in range(TURNS):
        began = time.perf_counter()
        for _ in range(PRODUCTS):
            nn.functional.linear(states, weights)
        seconds.append((time.perf_counter() - began) / PRODUCTS)
    torch.set_num_threads(threads)
    return 2 * states.numel() * len(weights) / statistics.median(seconds) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=SETUPS, default=list(SETUPS))
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    report = Report()
    for name in options.only:
        measure(report, name)
    if options.json:
        report.write(options.json)


if __name__ == "__main__":
    main()
