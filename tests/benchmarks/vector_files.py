"""Measure the time and the memory of reading files of word vectors.

    python tests/benchmarks/vector_files.py [--words 2000000] [--dim 300] [FILE ...]

Without a FILE it writes files of so many made-up words in a temporary folder: 2,000,000 words of
300 values are 2 to 5 GB. Each file is read in a process of its own, as `train` reads it: for the
vocabulary of the bundled reviews, and 30,000 words in all.
"""

import argparse
import csv
import resource
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from report import ROOT, Report

from rnncli.data.vector_sources import read_word_vectors
from rnncli.tasks.classify.vectors import MAX_WORDS
from rnncli.text.tokenizer import Tokenizer

BLOCK = 1_000  # rows, which are written over and over


def write_text(path: Path, words: list[str], dim: int) -> None:
    rows = [" ".join(f"{x:.4f}" for x in row) for row in values(dim)]
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{word} {rows[i % BLOCK]}\n" for i, word in enumerate(words))


def write_word2vec(path: Path, words: list[str], dim: int) -> None:
    rows = [row.tobytes() for row in values(dim)]
    with path.open("wb") as file:
        file.write(f"{len(words)} {dim}\n".encode())
        file.writelines(word.encode() + b" " + rows[i % BLOCK] for i, word in enumerate(words))


def write_fasttext(path: Path, words: list[str], dim: int) -> None:
    """Write a model with as many buckets of n-grams as words."""
    number = len(words)
    with path.open("wb") as file:
        file.write(
            struct.pack("<2i12i", 793_712_314, 12, dim, 5, 1, 1, 5, 1, 1, 2, number, 3, 6, 1)
        )
        file.write(struct.pack("<d3i2q", 1e-4, number, number, 0, 1, -1))
        file.writelines(word.encode() + b"\0" + struct.pack("<qb", 1, 0) for word in words)
        file.write(struct.pack("<?2q", False, 2 * number, dim))
        block = values(dim).tobytes()
        for _ in range(2 * number // BLOCK):
            file.write(block)


WRITERS = {"glove.txt": write_text, "word2vec.bin": write_word2vec, "fasttext.bin": write_fasttext}


def values(dim: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(BLOCK, dim)).astype("<f4")


def bundled_texts() -> list[str]:
    with (ROOT / "data/reviews.csv").open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)]


def measure(path: Path) -> None:
    """Read a file, and print the words read, the seconds, and the peak of memory in MiB."""
    tokenizer = Tokenizer.train(bundled_texts(), "word", 20_000, fold=True)
    began = time.monotonic()
    vectors = read_word_vectors(str(path), tokenizer, MAX_WORDS, print)
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(len(vectors.words), seconds, peak)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--words", type=int, default=2_000_000)
    parser.add_argument("--dim", type=int, default=300)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=Path("vector_files.json"))
    given = parser.parse_args()
    if given.measure:
        measure(given.files[0])
        return
    report = Report()
    report.section("reading word vectors")
    with tempfile.TemporaryDirectory() as folder:
        known = sorted({word for text in bundled_texts() for word in text.lower().split()})
        words = [*known, *(f"w{i}" for i in range(given.words - len(known)))]
        for file in given.files or [Path(folder) / name for name in WRITERS]:
            if not given.files:
                WRITERS[file.name](file, words, given.dim)
            command = [sys.executable, __file__, "--measure", str(file)]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            number, seconds, peak = map(float, out.split()[-3:])
            note = f"{number:,.0f} words, {file.stat().st_size / 1e9:.2f} GB"
            report.add(f"{file.name}: time", seconds, "s", note)
            report.add(f"{file.name}: memory", peak, "MiB")
            if not given.files:
                file.unlink()
    report.write(given.out)


if __name__ == "__main__":
    main()
