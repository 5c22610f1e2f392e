"""Measure the time of each stage and the peak memory where there is much to learn from or to label.

    python tests/benchmarks/scaling.py table 10000000 --max-time 1m
    python tests/benchmarks/scaling.py text 4000000000 --max-time 1m
    python tests/benchmarks/scaling.py lines 10000 1000000

``table`` trains on so many labelled rows, ``text`` on a text of so many bytes; ``lines`` labels so
many lines of a pipe with ``-m``. What they read is written below ``--folder`` and deleted.
"""

import argparse
import multiprocessing
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from report import RNNCLI, Report, peak_memory

import rnncli
from rnncli.messages import Rename, show_stages

HALVES = 50_000  # of texts; any two make a text, so that few are there twice
WORDS_A_HALF = 6
NOUNS = [f"{a}{b}" for a in "bdfgklmnprst" for b in ("an", "ell", "ick", "ode", "um", "ast")]
WORDS = {  # of label, and of both
    "good": ["a fine", "lovely", "clever and warm", "the best", "well made", "a joy"],
    "bad": ["a dull", "awful", "slow and cold", "the worst", "badly made", "a bore"],
    "": ["the", "of", "and", "it was", "with", "in this", "her", "their", "again", "not", *NOUNS],
}


def labelled_texts() -> Iterator[tuple[str, str]]:
    """Yield texts of about twelve words without an end, and their labels."""
    rng = random.Random(0)

    def half(label: str) -> str:
        words = rng.choices(WORDS[""], k=WORDS_A_HALF)
        words[rng.randrange(WORDS_A_HALF)] = rng.choice(WORDS[label])
        return " ".join(words)

    firsts = [(half(label), label) for label in ["good", "bad"] * (HALVES // 2)]
    seconds = [half("") for _ in range(HALVES)]
    while True:
        rng.shuffle(firsts)
        rng.shuffle(seconds)
        for (first, label), second in zip(firsts, seconds, strict=True):
            yield f"{first} {second}", label


def write_table(path: Path, rows: int) -> None:
    """Write a CSV of so many labelled texts."""
    texts = islice(labelled_texts(), rows)
    with path.open("w") as file:
        file.write("text,label\n")
        file.writelines(f"{text},{label}\n" for text, label in texts)


def write_text(path: Path, size: int) -> None:
    """Write a text of so many bytes, or a few more: the same lines, shuffled again and again."""
    lines = [f"{text}.\n" for text, _ in islice(labelled_texts(), HALVES)]
    rng = random.Random(1)
    with path.open("w") as file:
        while size > 0:
            rng.shuffle(lines)
            size -= file.write("".join(lines))


def train(data: Path, output: Path, settings: dict[str, object]) -> None:
    """Train, and print each stage as it ends: its seconds, and the memory at the peak so far."""
    began = time.monotonic()

    def memory() -> str:
        return f"{peak_memory('self'):6,.0f} MiB at the peak"

    @contextmanager
    def view(name: str) -> Iterator[Rename]:
        start = time.monotonic()
        yield lambda _: None
        print(f"    {name:58} {time.monotonic() - start:7.1f} s {memory()}", flush=True)

    with show_stages(view):
        result = rnncli.train(str(data), output=output, **settings)  # type: ignore[arg-type]
    print(f"    {'all':58} {time.monotonic() - began:7.1f} s {memory()}", flush=True)
    print(f"    epochs {result.epochs:.4f}, {result.scores}", flush=True)


def measure_training(report: Report, what: str, data: Path, settings: dict[str, object]) -> None:
    """Train in a process of its own, which is asked for its memory until it ends."""
    began, memory = time.monotonic(), 0.0
    process = multiprocessing.get_context("spawn").Process(
        target=train, args=(data, data.with_name("model"), settings)
    )
    process.start()
    while process.is_alive():
        memory = max(memory, peak_memory(process.pid or 0))
        process.join(0.1)
    report.add(f"train on {what}", time.monotonic() - began, "s", f"exit code {process.exitcode}")
    report.add("  peak memory", memory, "MiB")


def measure_labelling(report: Report, model: str, count: int) -> None:
    """Write lines into the pipe of ``classify``."""
    began = time.monotonic()
    words = [RNNCLI, "classify", "-q", "-m", model]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        for text, _ in islice(labelled_texts(), count):
            process.stdin.write(f"{text}\n")
        process.stdin.flush()
        memory = peak_memory(process.pid)
    report.add(f"classify {count:,} lines", time.monotonic() - began, "s")
    report.add("  peak memory", memory, "MiB")


def main() -> None:
    """Print a table, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("table", "text", "lines"))
    parser.add_argument("sizes", nargs="+", type=int)
    parser.add_argument("--max-time", default="1m")
    parser.add_argument("-m", "--model", default="bundled:sentiment")
    parser.add_argument("--folder", type=Path, help="a folder with room for the data")
    parser.add_argument("--json", type=Path, default=Path("scaling.json"))
    options = parser.parse_args()
    report = Report()
    report.section("Scaling")
    for size in options.sizes:
        if options.what == "lines":
            measure_labelling(report, options.model, size)
            continue
        is_table = options.what == "table"
        with TemporaryDirectory(dir=options.folder) as folder:
            data = Path(folder, "data.csv" if is_table else "data.txt")
            (write_table if is_table else write_text)(data, size)
            what = f"{size:,} {'rows' if is_table else 'bytes'}"
            measure_training(report, what, data, {"max_time": options.max_time})
    report.write(options.json)


if __name__ == "__main__":
    main()
