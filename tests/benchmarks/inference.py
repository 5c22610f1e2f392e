"""Measure inference: cold start, generation, classification, translation and memory.

    python tests/benchmarks/inference.py [--only cold generate classify translate memory]

Everything is measured side by side in one run, on models that it trains on the bundled corpora.
PyTorch is given the same weights, the same tokenizer and, in turn, several batch sizes, of which
the fastest counts.
"""

import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import cycle, islice
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line sets it

import numpy as np
import torch
from report import RNNCLI, ROOT, Report, peak_memory, rate
from torch_network import TorchNetwork

import rnncli
from rnncli.config import SamplingConfig, SearchConfig
from rnncli.networks.beam_search import beam_search
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.tasks.generate.predict import TextGenerator
from rnncli.tasks.translate.predict import Translator
from rnncli.text.batching import batch_by_length, pad
from rnncli.text.sentences import clean
from rnncli.text.special_tokens import EOS

RUNS = 11  # of a fresh process
LINES = 100_000
TORCH_BATCHES = (32, 64, 128, 256)

MODELS = {
    "classify": ("reviews", "--epochs", 4),
    "generate": ("stories", "--steps", 100, "--hidden-size", 512, "--embedding-dim", 512),
    "translate": ("phrasebook", "--epochs", 4),
}


def trained(folder: Path, task: str) -> Path:
    """Train a model once; its scores do not matter, its size does."""
    path = folder / task
    if not path.exists():
        words = [RNNCLI, "train", *map(str, MODELS[task]), "-q", "-o", str(path)]
        subprocess.run(words, check=True, stderr=sys.stderr)
    return path


def cold(report: Report, folder: Path) -> None:
    """Time fresh processes, in turns, so that a busy moment meets all of them."""
    report.section(f"cold start, median of {RUNS}")
    commands = {
        "a bare interpreter": [sys.executable, "-c", "pass"],
        "import torch": [sys.executable, "-c", "import torch"],
        "rnncli --help": [RNNCLI, "--help"],
        "a line classified": [RNNCLI, "classify", "-m", str(trained(folder, "classify"))],
        "a line translated": [RNNCLI, "translate", "-m", str(trained(folder, "translate"))],
        "20 characters generated": [
            *(RNNCLI, "generate", "-m", str(trained(folder, "generate"))),
            *("--length", "20"),
        ],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, words in commands.items():
            began = time.perf_counter()
            subprocess.run(
                words, input=b"a warm, funny film\n", stdout=subprocess.DEVNULL, check=True
            )
            seconds[name].append(time.perf_counter() - began)
    torch_seconds = statistics.median(seconds["import torch"])
    for name, values in seconds.items():
        median = statistics.median(values)
        report.add(name, median, "s", f"{median / torch_seconds:.3f} of import torch")


def generate(report: Report, folder: Path, threads: int) -> None:
    """Compare greedy generation with PyTorch's layers stepped a token at a time."""
    report.section(f"generation, LSTM of 512 units, greedy, {threads} threads")
    generator = TextGenerator.load(trained(folder, "generate"), threads=threads)
    network: Any = generator.network
    decoder = TorchNetwork(network.architecture, network._weights).model.decoder
    assert decoder is not None
    layer = decoder.layers[0]
    lstm = torch.nn.LSTM(512, 512, batch_first=True)
    cell = torch.nn.LSTMCell(512, 512)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    lstm.load_state_dict({f"{name}_l0": getattr(layer, name) for name in names})
    cell.load_state_dict({name: getattr(layer, name) for name in names})
    first = generator.tokenizer.encode("\n")

    def with_lstm(n: int, length: int) -> list[list[int]]:
        tokens, state, drawn = torch.tensor(first * n)[:, None], None, []
        for _ in range(length):
            out, state = lstm(decoder.embedding(tokens), state)
            tokens = greedy(decoder.output(out))
            drawn.append(tokens[:, 0].tolist())
        return drawn

    def with_cell(n: int, length: int) -> list[list[int]]:
        tokens, state, drawn = torch.tensor(first * n), None, []
        for _ in range(length):
            state = cell(decoder.embedding(tokens), state)
            tokens = greedy(decoder.output(state[0]))
            drawn.append(tokens.tolist())
        return drawn

    def greedy(logits: torch.Tensor) -> torch.Tensor:
        logits[..., :EOS] = -np.inf
        return logits.argmax(-1)

    def with_rnncli(n: int, length: int) -> list[str]:
        config = SamplingConfig(temperature=0, length=length)
        return [sample.text for sample in generator.samples([""], n, config)[0]]

    for n, length in ((1, 1_000), (64, 100)):
        ours = rate(n * length, lambda n=n, length=length: with_rnncli(n, length))
        report.add(f"rnncli, whole text, batch {n}", ours, "tokens/s")
        for name, step, grad in (
            ("nn.LSTM with T = 1, no_grad", with_lstm, torch.no_grad),
            ("nn.LSTM with T = 1, as it stands", with_lstm, torch.enable_grad),
            ("nn.LSTMCell, no_grad", with_cell, torch.no_grad),
        ):
            short = length // 4
            with grad():
                theirs = rate(n * short, lambda n=n, short=short, step=step: step(n, short))
            report.add(f"{name}, batch {n}", theirs, "tokens/s", f"rnncli x {ours / theirs:.1f}")
    with torch.no_grad():
        tokens = [row[0] for row in with_cell(1, 300)]
    same = generator.tokenizer.decode(tokens) == with_rnncli(1, 300)[0]
    report.add("300 greedy tokens equal", float(same), "")


def classify(report: Report, folder: Path, threads: int) -> None:
    """Label short lines, tokenizing included."""
    with (ROOT / "data" / "reviews.csv").open(newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    lines = list(islice(cycle(texts), LINES))
    classifier = TextClassifier.load(trained(folder, "classify"), threads=threads)
    tokenizer, network = classifier.tokenizer, classifier.network
    report.section(f"classification of {LINES:,} lines, {threads} threads")

    def in_chunks(label: Callable[[Sequence[str]], Any], lines: Sequence[str] = lines) -> None:
        for start in range(0, len(lines), 1_024):
            label(lines[start : start + 1_024])

    ours = rate(LINES, lambda: in_chunks(classifier.logits), times=2)
    report.add("rnncli", ours, "lines/s")
    theirs = TorchNetwork(network.architecture, network._weights)
    some = lines[:10_240]
    for name, context in _precisions():
        rates = []
        for batch in TORCH_BATCHES:

            def label(texts: Sequence[str], batch: int = batch) -> None:
                encoded = [[*ids, EOS] for ids in tokenizer.encode_all(texts)]
                for rows in batch_by_length(encoded, 1 << 20, batch):
                    theirs.classify(*pad([encoded[row] for row in rows]))

            try:
                with context:
                    rates.append(rate(len(some), lambda label=label: in_chunks(label, some), 2))
            except RuntimeError:
                break
        if rates:
            note = f"rnncli x {ours / max(rates):.2f}"
            report.add(f"torch {name}, the best of its batch sizes", max(rates), "lines/s", note)
        else:
            print(f"  torch {name}: not on this processor")


def translate(report: Report, folder: Path, threads: int) -> None:
    """Translate sentences with the same search over both networks."""
    rows = (ROOT / "data" / "phrasebook.tsv").read_text().splitlines()[1:1_025]
    sources = [clean(row.split("\t")[0]) for row in rows]
    translator = Translator.load(trained(folder, "translate"), threads=threads)
    network: Any = translator.network
    theirs = TorchNetwork(network.architecture, network._weights)
    encoded = [[*ids, EOS] for ids in translator.tokenizer.encode_all(sources)]
    for beam in (1, 5):
        config = SearchConfig(beam=beam, memory=False)  # the other network has none
        report.section(f"translation of {len(sources):,} sentences, beam {beam}, {threads} threads")
        ours = rate(
            len(sources),
            lambda config=config: [
                translator(sources[i : i + 256], config) for i in range(0, len(sources), 256)
            ],
        )
        report.add("rnncli", ours, "lines/s")
        for name, context in _precisions():

            def search(config: SearchConfig = config) -> None:
                for rows in batch_by_length(encoded, 1 << 20, 64):
                    tokens, lengths = pad([encoded[row] for row in rows])
                    state = theirs.encode(tokens, lengths)
                    beam_search(theirs.step, state, 2 * lengths + 10, config)

            try:
                with context:
                    found = rate(len(sources), search, 1)
            except RuntimeError:
                print(f"  torch {name}: not on this processor")
                continue
            report.add(f"torch {name}", found, "lines/s", f"rnncli x {ours / found:.2f}")


def _precisions() -> list[tuple[str, AbstractContextManager[Any]]]:
    return [("float32", nullcontext()), ("bfloat16", torch.autocast("cpu", torch.bfloat16))]


def memory(report: Report, folder: Path) -> None:
    """Compare the largest memory of the command over inputs of two lengths."""
    report.section("memory of rnncli classify")
    model = trained(folder, "classify")
    peaks = []
    for count in (10_000, 1_000_000):
        lines = folder / f"{count}.txt"
        with lines.open("w") as file:
            file.writelines(f"{'good' if i % 2 else 'a bad one'} {i}\n" for i in range(count))
        words = [RNNCLI, "classify", "-m", str(model), "-i", str(lines)]
        began = time.perf_counter()
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, peak_memory(process.pid))
            time.sleep(0.02)
        assert process.returncode == 0
        peaks.append(peak)
        seconds = time.perf_counter() - began
        report.add(f"{count:,} lines", peaks[-1], "MiB", f"{count / seconds:,.0f} lines/s")
    report.add("growth", 100 * (peaks[1] / peaks[0] - 1), "%")


SECTIONS: dict[str, Callable[..., None]] = {
    "cold": cold,
    "generate": generate,
    "classify": classify,
    "translate": translate,
    "memory": memory,
}


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, os.cpu_count() or 1])
    parser.add_argument("--models", type=Path, help="where models are kept from run to run")
    parser.add_argument("--json", type=Path, default=Path("inference.json"))
    given = parser.parse_args()
    report = Report()
    print(f"rnncli {rnncli.__version__}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.models or Path(scratch)
        for name in given.only:
            if name in ("cold", "memory"):
                SECTIONS[name](report, folder)
                continue
            for threads in sorted(set(given.threads)):
                torch.set_num_threads(threads)
                SECTIONS[name](report, folder, threads)
    report.write(given.json)


if __name__ == "__main__":
    main()
