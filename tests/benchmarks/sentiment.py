"""Measure classifiers of English sentiment on texts and behaviour that they were not trained on.

    python tests/benchmarks/sentiment.py models/classify [MODEL ...]

Each is scored on the dev parts of ``$RNNCLI_CORPORA`` (of IMDB: 2,000 reviews of its training
part), on ``everyday.tsv``, and by the bundled probe, beside VADER and TextBlob where installed.
Where a corpus has two labels, the choice is between these two: the probability of neutral is left
out. A model of two labels gets all neutral texts of the others wrong.
"""

import argparse
import csv
import gzip
import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from report import Report

import rnncli
from rnncli.analysis.metrics import calibration_error
from rnncli.analysis.probe import Probabilities, mean_failure, probe
from rnncli.data.probe_cases import ProbeCase, read_probe_cases
from rnncli.networks.numerics import softmax
from rnncli.tasks.classify.sentiment import NEUTRAL, POSITIVE, sentiment_labels

CORPORA = {
    "sst2, dev": "sst2/dev.csv",
    "imdb, 2,000 of train": "imdb/train.csv.gz",
    "airline, dev": "airline_sentiment/dev.csv",
    "financial, dev": "financial_phrasebank/dev.csv",
}
MAX_TEXTS, SEED = 2_000, 0  # of a corpus, and how they are drawn
EVERYDAY = Path(__file__).with_name("everyday.tsv")

MEANINGS = ("negative", "neutral", "positive")  # the columns of probabilities
VADER_THRESHOLD = 0.05  # below it a compound score is neutral (Hutto and Gilbert 2014)

Rows = list[tuple[str, str]]
Classifier = Callable[[Sequence[str]], Probabilities]  # texts -> (N, 3)


def read(path: Path) -> Rows:
    """Return texts and labels as meanings."""
    csv.field_size_limit(1 << 30)
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        dialect = "excel-tab" if path.suffix == ".tsv" else "excel"
        rows = [(row["text"], row["label"]) for row in csv.DictReader(file, dialect=dialect)]
    if len(rows) > MAX_TEXTS:
        rows = random.Random(SEED).sample(rows, MAX_TEXTS)
    labels = sentiment_labels(sorted({label for _, label in rows})) or {}
    meanings = {label: meaning for meaning, label in labels.items()}
    return [(text, meanings[label]) for text, label in rows]


def trained(name: str) -> tuple[Classifier, tuple[str, ...]]:
    """Return a model as a classifier into `MEANINGS`, and those that it has."""
    model = rnncli.load(name)
    assert isinstance(model, rnncli.TextClassifier)
    labels = sentiment_labels(model.labels)
    assert labels is not None, f"{name}: {model.labels}"
    places = [MEANINGS.index(meaning) for meaning in labels]
    columns = [model.labels.index(label) for label in labels.values()]

    def classify(texts: Sequence[str]) -> Probabilities:
        probabilities = np.zeros((len(texts), len(MEANINGS)))
        logits = model.logits(texts).astype(np.float64)
        probabilities[:, places] = softmax(logits)[:, columns]
        return probabilities

    return classify, tuple(labels)


def lexicons() -> Iterator[tuple[str, Classifier]]:
    """Yield the word lists that are installed; their probabilities only order the labels."""

    def classifier(score: Callable[[str], float]) -> Classifier:
        def classify(texts: Sequence[str]) -> Probabilities:
            scores = np.array([score(text) for text in texts])
            threshold = np.full(len(scores), VADER_THRESHOLD)
            return softmax(2 * np.stack([-scores, threshold, scores], axis=1))

        return classify

    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        vader = SentimentIntensityAnalyzer()
        yield "VADER", classifier(lambda text: float(vader.polarity_scores(text)["compound"]))
    except ImportError:
        print("VADER: pip install vaderSentiment")
    try:
        from textblob import TextBlob

        yield "TextBlob", classifier(lambda text: float(TextBlob(text).sentiment.polarity))
    except ImportError:
        print("TextBlob: pip install textblob")


def score(classify: Classifier, rows: Rows) -> tuple[float, float]:
    """Return accuracy and calibration error."""
    probabilities = classify([text for text, _ in rows])
    classes = np.array([MEANINGS.index(meaning) for _, meaning in rows])
    if NEUTRAL not in {meaning for _, meaning in rows}:
        probabilities[:, MEANINGS.index(NEUTRAL)] = 0.0
        probabilities /= probabilities.sum(1, keepdims=True)
    is_right = probabilities.argmax(1) == classes
    return float(is_right.mean()), float(calibration_error(probabilities.max(1), is_right))


def cases_for(meanings: Sequence[str]) -> list[ProbeCase]:
    """Return the cases of the bundled probe that a model with these labels can answer."""
    return [c for c in read_probe_cases(None) if c.expected != NEUTRAL or NEUTRAL in meanings]


def measure(
    report: Report, name: str, classify: Classifier, meanings: Sequence[str], *, calibrated: bool
) -> dict[str, float]:
    """Return all figures of a classifier, in per cent."""
    report.section(name)
    figures: dict[str, float] = {}

    def add(what: str, share: float) -> None:
        figures[what] = 100 * share
        report.add(what, 100 * share, "%")

    errors = {}
    folder = Path(os.environ.get("RNNCLI_CORPORA", ""))
    for corpus, path in {**CORPORA, "everyday lines": EVERYDAY}.items():
        if not (folder / path).exists():
            print(f"  {corpus}: not here")
            continue
        accuracy, errors[corpus] = score(classify, read(folder / path))
        add(corpus, accuracy)
    for corpus, error in errors.items() if calibrated else ():
        add(f"calibration error: {corpus}", error)
    rows = probe(cases_for(meanings), MEANINGS, classify, POSITIVE)
    add("probe: mean failure", mean_failure(rows))
    for row in rows:
        add(f"probe: {row.name}", row.failure)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--out", type=Path, default=Path("sentiment.json"))
    given = parser.parse_args()
    report = Report()
    tables = {
        name: measure(report, name, classify, MEANINGS, calibrated=False)
        for name, classify in lexicons()
    }
    for name in given.models:
        classify, meanings = trained(name)
        tables[name] = measure(report, name, classify, meanings, calibrated=True)
    print("\n| |", " | ".join(tables), "|\n|", "--- |" * (1 + len(tables)))
    for what in dict.fromkeys(what for figures in tables.values() for what in figures):
        cells = [f"{figures[what]:.1f}" if what in figures else "" for figures in tables.values()]
        print(f"| {what} |", " | ".join(cells), "|")
    report.write(given.out)


if __name__ == "__main__":
    main()
