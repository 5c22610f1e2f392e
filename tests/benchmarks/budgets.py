"""Measure whether short time budgets are kept, how much of them the network gets, and the scores.

    python tests/benchmarks/budgets.py 20s 60s [--only reviews names] [--busy 2]

Each training is a process of its own with a terminal; ``--busy`` runs loops beside it. ``left`` is
the range of the times left that the terminal showed, divided by the true ones, from a tenth of the
time on and as long as two seconds are left; ``network`` is the share of the budget from the first
step to the last; ``silent`` is the longest time without any output.
Corpora are those of ``$RNNCLI_CORPORA``; where it is not set, the bundled ones.
"""

import argparse
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from report import RNNCLI, Report

from rnncli.messages import parse_duration

CORPORA = {  # name -> file below $RNNCLI_CORPORA; None: bundled
    "reviews": None,
    "stories": None,
    "phrasebook": None,
    "airline": "airline_sentiment/train.csv",
    "names": "names/names.csv",
    "tatoeba": "tatoeba_en_fr/train.tsv.gz",
    "shakespeare": "tinyshakespeare/input.txt",
}
SCORES = ("accuracy", "bits_per_character", "perplexity")
LEFT = re.compile(r"((?:\d+h )?(?:\d+m )?\d+[ms]) left")


@contextmanager
def busy_loops(number: int) -> Iterator[None]:
    """Run so many loops that each keep a core busy."""
    loops = [subprocess.Popen([sys.executable, "-c", "while 1: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def train(data: str, budget: str, model: Path) -> tuple[float, list[tuple[float, str]]]:
    """Train in a terminal; return the seconds that it took, and its output with times."""
    screen, terminal = pty.openpty()
    began = time.monotonic()
    words = [RNNCLI, "train", data, "--max-time", budget, "-o", str(model)]
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(terminal)
    output: list[tuple[float, str]] = []
    try:
        while text := os.read(screen, 1 << 16):
            output.append((time.monotonic() - began, text.decode(errors="replace")))
    except OSError:  # the other side is closed
        pass
    if process.wait():
        raise SystemExit("".join(text for _, text in output))
    os.close(screen)
    return time.monotonic() - began, output


def times_left(seconds: float, output: list[tuple[float, str]]) -> list[float]:
    """Return the times left that were shown, as multiples of the true ones."""
    return [
        max(parse_duration(shown) if shown != "0s" else 0.5, 0.5) / (seconds - at)
        for at, text in output
        if 0.1 * seconds <= at <= seconds - 2
        for shown in LEFT.findall(text)
    ]


def measure(name: str, data: str, budget: str, report: Report) -> None:
    """Train on a corpus, and add what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        seconds, output = train(data, budget, model)
        lines = [json.loads(line) for line in (model / "metrics.jsonl").read_text().splitlines()]
        scores = json.loads((model / "config.json").read_text())["scores"]
    score = next(name for name in SCORES if name in scores)
    first_step = next(at for at, text in output if "/s, " in text)
    share = (lines[-1]["seconds"] - first_step) / parse_duration(budget)
    left = times_left(seconds, output)
    moments = [0.0, *(at for at, _ in output)]
    silent = max(after - before for before, after in pairwise(moments))
    note = f"{lines[-1]['epoch']:.2f} epochs, {score.replace('_', ' ')} {scores[score]:.3f}, "
    note += f"network {100 * share:.0f} %, silent {silent:.1f} s"
    if left:
        note += f", left {min(left):.2f} to {max(left):.2f}"
    report.add(f"{name}, {budget}", seconds, "s", note)


def main() -> None:
    """Print a table, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("budgets", nargs="+")
    parser.add_argument("--only", nargs="+", choices=CORPORA, default=list(CORPORA))
    parser.add_argument("--busy", type=int, default=0, help="loops beside each training")
    parser.add_argument("--out", type=Path, default=Path("budgets.json"))
    arguments = parser.parse_args()
    corpora = os.environ.get("RNNCLI_CORPORA")
    report = Report()
    report.section(f"beside {arguments.busy} busy loops" if arguments.busy else "alone")
    with busy_loops(arguments.busy):
        for budget in arguments.budgets:
            for name in arguments.only:
                file = CORPORA[name]
                if file is None or corpora is not None:
                    data = name if file is None else str(Path(str(corpora)) / file)
                    measure(name, data, budget, report)
    report.write(arguments.out)


if __name__ == "__main__":
    main()
