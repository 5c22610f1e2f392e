"""Measure language models: the recipe, the cells side by side, and the speed of training.

    python tests/benchmarks/language_models.py [--only recipe cells speed] [--text FILE]

Models are trained and scored through the installed command. The text is tiny shakespeare of the
folder ``$RNNCLI_CORPORA``, or the bundled stories. Nothing else should run meanwhile.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from report import RNNCLI, ROOT, Report
from torch import nn

from rnncli.analysis.gradients import load_network, network_gradient_by_lag
from rnncli.config import CELLS, Cell
from rnncli.networks.architecture import Architecture, Stack, Tokens, count_parameters
from rnncli.networks.heads import Vocabulary
from rnncli.storage.reading import load

BUDGETS = ("110s", "10m")
SEEDS = (0, 1, 2)
WINDOW = 256  # tokens, as nanoGPT scores
WEIGHTS = 850_000  # of each cell
LAYERS = {"rnn": 1, "gru": 1, "lstm": 1, "mingru": 3}  # gates of a single minGRU see one token
DISTANCES = (1, 4, 16, 64, 256)  # steps back, at which gradients are looked at
BATCH, STEPS, HIDDEN, EMBEDDING = 16, 64, 384, 128  # of the training whose speed is measured


def text() -> Path:
    corpora = os.environ.get("RNNCLI_CORPORA")
    found = Path(corpora or ROOT) / "tinyshakespeare" / "input.txt"
    return found if found.exists() else ROOT / "data" / "stories.txt"


def train(data: Path, folder: Path, *options: object) -> dict[str, float]:
    """Train through the command, and score the held-out part in both ways."""
    words = [RNNCLI, "train", data, "-o", folder, "-q", "--force", *options]
    began = time.monotonic()
    subprocess.run(list(map(str, words)), check=True)
    seconds = time.monotonic() - began
    scores = {"seconds": seconds}
    for name, more in (("carried", []), ("window", ["--window", str(WINDOW)])):
        words = [RNNCLI, "evaluate", folder, "--json", "-q", *more]
        out = subprocess.run(list(map(str, words)), check=True, capture_output=True).stdout
        scores[name] = json.loads(out)["nats_per_character"]
    return scores


def recipe(report: Report, data: Path, folder: Path, budgets: list[str], seeds: list[int]) -> None:
    """Train with default settings."""
    report.section(f"{data.name}, default settings, nats per character (median of the seeds)")
    for budget in budgets:
        runs = [
            train(data, folder / "recipe", "--max-time", budget, "--seed", seed) for seed in seeds
        ]
        for name in ("carried", "window", "seconds"):
            values = [run[name] for run in runs]
            note = ", ".join(f"{value:.4f}" for value in values)
            unit = "s" if name == "seconds" else "nats"
            report.add(f"{budget}: {name}", statistics.median(values), unit, note)


def cells(report: Report, data: Path, folder: Path, budget: str) -> None:
    """Train every cell with as many weights and as much time, and look at its gradients."""
    report.section(f"{data.name}, {WEIGHTS:,} weights and {budget} each")
    for cell in CELLS:
        hidden_size = width(cell)
        options = ("--cell", cell, "--num-layers", LAYERS[cell], "--hidden-size", hidden_size)
        scores = train(data, folder / cell, *options, "--max-time", budget)
        report.add(f"{cell}, {LAYERS[cell]} x {hidden_size}: carried", scores["carried"], "nats")
        reach = gradients(folder / cell, data)
        for distance in DISTANCES:
            report.add(f"{cell}: gradient {distance} steps back", 1e6 * reach[distance], "ppm")


def width(cell: Cell) -> int:
    """Return how many units make so many weights."""

    def weights(hidden_size: int) -> int:
        stack = Stack(cell, LAYERS[cell], hidden_size)
        return count_parameters(Architecture(Tokens(100, EMBEDDING), None, stack, Vocabulary(100)))

    return max(size for size in range(8, 4_096, 8) if weights(size) <= WEIGHTS)


def gradients(folder: Path, data: Path) -> dict[int, float]:
    """Return how much an input that many steps back moves the loss, of what the last one does."""
    model = load(folder, "generate")
    network = load_network(model.network.architecture, model.weights)
    length = max(DISTANCES) + 2
    ids = np.array(model.tokenizer.encode(data.read_text()[-200 * length :]))
    rows = ids[: len(ids) // length * length].reshape(-1, length)  # (N, T + 1)
    reach = network_gradient_by_lag(network, rows)
    return {distance: float(reach[distance]) for distance in DISTANCES}


def speed(report: Report, data: Path, folder: Path) -> None:
    """Compare training with a plain loop over the same network, and with the matrix product."""
    cost = 6 * (4 * HIDDEN * (HIDDEN + EMBEDDING) + HIDDEN * EMBEDDING + EMBEDDING * 100)
    report.section(f"training speed, LSTM {HIDDEN}, {BATCH} x {STEPS} tokens a step")
    plain = plain_loop()
    report.add("plain nn.LSTM in float32", plain, "tokens/s", f"{plain * cost / 1e9:.0f} GFLOP/s")
    options = ("--hidden-size", HIDDEN, "--max-time", "40s", "--dropout", "0.1")
    train(data, folder / "speed", *options)
    lines = (folder / "speed" / "metrics.jsonl").read_text().splitlines()
    first, last = (json.loads(lines[i]) for i in (1, -2))
    steps, seconds = (last[name] - first[name] for name in ("step", "seconds"))
    own = steps * BATCH * STEPS / seconds
    report.add("rnncli train, evaluation included", own, "tokens/s", f"x {own / plain:.2f}")
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        peak = product(dtype)
        report.add(f"matrix product, {name}", peak, "GFLOP/s", f"{own * cost / peak / 1e7:.0f} %")


def plain_loop(seconds: float = 20) -> float:
    """Return the tokens a second of the loop that tutorials have."""
    torch.manual_seed(0)
    embedding, lstm = nn.Embedding(100, EMBEDDING), nn.LSTM(EMBEDDING, HIDDEN, batch_first=True)
    output = nn.Sequential(nn.Linear(HIDDEN, EMBEDDING), nn.Linear(EMBEDDING, 100))
    parameters = [*embedding.parameters(), *lstm.parameters(), *output.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=3e-3)
    tokens = torch.randint(100, (BATCH, STEPS + 1))
    state, steps, began = None, 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        if steps == 5:
            began = time.perf_counter()
        x, state = lstm(embedding(tokens[:, :-1]), state)
        state = tuple(part.detach() for part in state)
        logits = output(x)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        steps += 1
    return (steps - 5) * BATCH * STEPS / (time.perf_counter() - began)


def product(dtype: torch.dtype) -> float:
    """Return the GFLOP a second of the products that such a layer consists of."""
    a = torch.randn(BATCH * STEPS, HIDDEN + EMBEDDING).to(dtype)
    b = torch.randn(HIDDEN + EMBEDDING, 4 * HIDDEN).to(dtype)
    best = float("inf")
    for _ in range(30):
        began = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - began)
    return 2 * a.shape[0] * a.shape[1] * b.shape[1] / best / 1e9


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", default=["recipe", "cells", "speed"])
    parser.add_argument("--text", type=Path, default=text())
    parser.add_argument("--budgets", nargs="+", default=list(BUDGETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--cell-budget", default="110s")
    parser.add_argument("--out", type=Path, default=Path("language_models.json"))
    given = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if "speed" in given.only:
            speed(report, given.text, folder)
        if "cells" in given.only:
            cells(report, given.text, folder, given.cell_budget)
        if "recipe" in given.only:
            recipe(report, given.text, folder, given.budgets, given.seeds)
    report.write(given.out)
    print(f"\n{given.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
