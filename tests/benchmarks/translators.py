"""Measure translators: default settings on each corpus, within the time that is given.

    python tests/benchmarks/translators.py [--only multi30k-de-en phrasebook ...] [--test]
        [--budgets 10m] [--models FOLDER]

Models are trained and scored through the installed command. The corpora are those of the folder
``$RNNCLI_CORPORA``, and the bundled phrasebook, of which a part is held out. Scores are of val and
dev parts; with ``--test``, where there is a test part, of that: for the end, never to choose by.
Nothing else should run meanwhile.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from report import RNNCLI, Report

from rnncli import Translator
from rnncli.config import SearchConfig


@dataclass(frozen=True)
class Corpus:
    """Where the parts of a corpus lie; without parts to score on, a tenth is held out."""

    train: tuple[str, ...]
    dev: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    budgets: tuple[str, ...] = ("30m",)

    def part(self, test: bool) -> list[Path]:
        """Return the files to score on."""
        chosen = self.test if test and self.test else self.dev
        return [place(name) for name in chosen]


def parallel(folder: str, source: str, target: str, part: str) -> tuple[str, str]:
    return f"{folder}/{part}.{source}", f"{folder}/{part}.{target}"


def multi30k(source: str, target: str, *budgets: str) -> Corpus:
    parts = ("train", "val", "test_2016_flickr")
    return Corpus(*(parallel("multi30k", source, target, part) for part in parts), budgets)


CORPORA = {
    "phrasebook": Corpus(("phrasebook",), budgets=("2m",)),
    "multi30k-de-en": multi30k("de", "en", "10m", "30m"),
    "multi30k-en-de": multi30k("en", "de", "30m"),
    "tatoeba-en-fr": Corpus(("tatoeba_en_fr/train.tsv.gz",), ("tatoeba_en_fr/dev.tsv",)),
    "small-en-ja": Corpus(
        parallel("small_parallel_enja", "en", "ja", "train"),
        parallel("small_parallel_enja", "en", "ja", "dev"),
    ),
}


def place(name: str) -> Path:
    """Return where a file of a corpus lies; a bundled corpus is its name."""
    path = Path(os.environ.get("RNNCLI_CORPORA", "")) / name
    return path if path.exists() else Path(name)


def command(*words: object) -> bytes:
    return subprocess.run(list(map(str, [RNNCLI, *words])), check=True, capture_output=True).stdout


def measure(
    report: Report, name: str, corpus: Corpus, budget: str, test: bool, models: Path | None
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        model = (models or Path(scratch)) / f"{name}-{budget}"
        began = time.monotonic()
        command("train", *map(place, corpus.train), "-o", model, "-q", "--max-time", budget)
        seconds = time.monotonic() - began
        scored = corpus.part(test)
        scores = json.loads(command("evaluate", model, *scored, "--json", "-q"))
        told = json.loads((model / "config.json").read_text())["training"]
        note = f"{seconds:.0f} s, {told['epochs']:.1f} epochs"
        what = f"{name}, {budget}" + (", test" if test and corpus.test else "")
        report.add(f"{what}: BLEU, lower-cased", scores["bleu_lower"]["score"], "", note)
        report.add(f"{what}: BLEU", scores["bleu"]["score"], "", scores["bleu"]["signature"])
        report.add(f"{what}: chrF", scores["chrf"]["score"], "")
        for fault in ("empty_outputs", "looping_outputs"):
            report.add(f"{what}: {fault.replace('_', ' ')}", scores[fault], "")
        alone = json.loads(command("evaluate", model, *scored, "--json", "-q", "--no-memory"))
        report.add(f"{what}: BLEU, lower-cased, no memory", alone["bleu_lower"]["score"], "")
        if scored:
            speed(report, what, model, scored)


def speed(report: Report, what: str, model: Path, scored: list[Path]) -> None:
    """Translate one side of what was scored, with two threads."""
    lines = scored[0].read_text("utf-8").split("\n")[:1_000]
    texts = [line.split("\t")[0] for line in lines]
    translator = Translator.load(model, threads=2)
    for memory, note in ((True, ""), (False, ", no memory")):
        began = time.monotonic()
        translator(texts, SearchConfig(memory=memory))
        report.add(f"{what}: beam 5{note}", len(texts) / (time.monotonic() - began), "lines/s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", default=list(CORPORA))
    parser.add_argument("--budgets", nargs="+", help="instead of those of each corpus")
    parser.add_argument("--test", action="store_true")
    parser.add_argument("--models", type=Path, help="where models are kept; else nowhere")
    parser.add_argument("--out", type=Path, default=Path("translators.json"))
    given = parser.parse_args()
    report = Report()
    report.section("Translators")
    for name in given.only:
        for budget in given.budgets or CORPORA[name].budgets:
            measure(report, name, CORPORA[name], budget, given.test, given.models)
    report.write(given.out)


if __name__ == "__main__":
    main()
