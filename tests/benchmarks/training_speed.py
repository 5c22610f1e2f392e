"""Measure the speed of training on idle and loaded machines, in each way to compute a step.

    python tests/benchmarks/training_speed.py [--only lm384 lm512 classifier translator]

Ways take turns, so that all meet the same load; figures are medians of the turns. ``auto`` is what
a training with a time budget does. Busy loops run beside it, or come and go.
"""

import argparse
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
from report import Report
from torch import nn

from rnncli.config import DEFAULTS, Settings, Task, choose_threads
from rnncli.tasks.trainer import recipe_of
from rnncli.training.contract import Progress, TrainingData
from rnncli.training.device import choose_precision, start_torch
from rnncli.training.loop import fit
from rnncli.training.sizing import UNLIMITED

TURN, TURNS = 2.0, 5  # seconds of each way, and how often it has its turn
PERIOD = 5.0  # seconds that a load comes, and goes, for
CHANGING = 30.0  # seconds of each way beside such a load
WORDS = "soup bread garden ferry choir novel lamp teapot bakery map gull oven island"


def sentences(number: int, words: int) -> list[str]:
    """Return sentences of about so many words; what they say does not matter here."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(words // 2, words * 2, (number,), generator=generator)
    nouns = WORDS.split()
    return [
        " ".join(
            nouns[i % len(nouns)] + str(int(i) // len(nouns))
            for i in torch.randint(0, 400 * len(nouns), (int(n),), generator=generator)
        )
        for n in lengths
    ]


def data(task: Task) -> Dataset:
    texts = sentences(4_000, 14)
    if task == "classify":
        return Dataset.from_dict({"text": texts, "label": [str(len(t) % 3) for t in texts]})
    if task == "translate":
        return Dataset.from_dict({"source": texts, "target": texts[1:] + texts[:1]})
    return Dataset.from_dict({"text": texts})


SETUPS: dict[str, tuple[Task, dict[str, Any]]] = {
    "lm384": ("generate", {"hidden_size": 384, "dropout": 0.3}),
    "lm512": ("generate", {"hidden_size": 512, "dropout": 0.3}),
    "classifier": ("classify", {"ngrams": False}),
    "translator": ("translate", {}),
}
WAYS: dict[str, dict[str, Any]] = {
    "threads": {"threads": choose_threads(None)},
    "workers": {"workers": choose_threads(None)},
    "one thread": {"workers": 1},
    "auto": {},
}


class Run:
    """A training that can be continued for some seconds at a time."""

    def __init__(self, name: str, way: dict[str, Any], folder: Path) -> None:
        task, given = SETUPS[name]
        precision = choose_precision("auto", "cpu")
        settings: Settings = replace(
            DEFAULTS[task].with_given({**given, **way, "precision": precision, "device": "cpu"}),
            max_time=UNLIMITED,
            epochs=None,
        )
        start_torch(settings.seed)
        corpus = data(task)
        prepared = recipe_of(task).prepare(
            TrainingData(corpus, corpus.select(range(200))), settings, folder, lambda _: None
        )
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
        for loops in (0, 1, 2):
            report.section(f"{name}, {loops} busy loops")
            with busy(loops):
                speeds: dict[str, list[float]] = {way: [] for way in runs}
                for _ in range(TURNS):
                    for way, run in runs.items():
                        speeds[way].append(run.speed(TURN))
            medians = {way: statistics.median(values) for way, values in speeds.items()}
            best = max(value for way, value in medians.items() if way != "auto")
            for way, value in medians.items():
                told = f"{value / best:.2f} of the best"
                report.add(way, value, "targets/s", f"{told}; at last {runs[way].way}")
        report.section(f"{name}, a busy loop that comes and goes")
        for way, run in runs.items():
            with changing(1):
                report.add(way, run.speed(CHANGING), "targets/s")


def loop_of_torch(report: Report) -> None:
    """Measure a plain loop over ``nn.LSTM`` in float32 with the sizes of ``lm384``."""
    vocab_size, streams, steps, hidden = 68, 16, 64, 384
    embedding = nn.Embedding(vocab_size, 128)
    lstm = nn.LSTM(128, hidden, batch_first=True)
    output = nn.Linear(hidden, vocab_size)
    parameters = [*embedding.parameters(), *lstm.parameters(), *output.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3)
    tokens = torch.randint(0, vocab_size, (streams, steps + 1))
    state = None
    speeds = []
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
            count += streams * steps
        speeds.append(count / (time.perf_counter() - began))
    report.section("a plain loop over nn.LSTM, float32, 384 units")
    report.add("nn.LSTM", statistics.median(speeds), "targets/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=SETUPS, default=list(SETUPS))
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    report = Report()
    loop_of_torch(report)
    for name in options.only:
        measure(report, name)
    if options.json:
        report.write(options.json)


if __name__ == "__main__":
    main()
