"""Measure what texts chosen by `rnncli label` are worth, and how many suspects are wrong labels.

    python tests/benchmarks/labelling.py choice [--only trec sst2] [--seeds 0 1] [--labels 50 200]
    python tests/benchmarks/labelling.py suspects [--cleanlab PYTHON]

``choice`` simulates a person whose labels are known: texts come as at the terminal, with a refit
after every five until 100 labels and then after every 20, which spares time, or at random; the
model of the labels so far is scored on texts that are in neither. A seed draws pool and test
texts. ``inside`` tells how often the accuracy on the test texts lies in the interval that the
screen shows. ``suspects`` turns a tenth of the labels at random. ``--cleanlab`` names an
interpreter that has cleanlab, which ranks by the same probabilities.
Corpora are those of ``$RNNCLI_CORPORA``; the reviews come with rnncli.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from report import Report

from rnncli.analysis.metrics import macro_f1
from rnncli.data.columns import ANY_COLUMNS
from rnncli.data.partly_labelled import read_labelled_texts
from rnncli.data.vector_sources import bundled_vectors
from rnncli.networks.numerics import Floats
from rnncli.tasks.classify.vectors import ENGLISH
from rnncli.tasks.labelling.features import TextFeatures, TextVectorizer
from rnncli.tasks.labelling.journal import Answer
from rnncli.tasks.labelling.learner import Learned, Learner
from rnncli.tasks.labelling.questions import ActiveQuestions
from rnncli.tasks.labelling.session import LabelState
from rnncli.tasks.labelling.suspects import (
    held_out_probabilities,
    probable_errors,
    with_sentiment,
)

CORPORA = {  # name -> file below $RNNCLI_CORPORA; None: bundled
    "reviews": None,
    "trec": "trec/train.csv",
    "financial": "financial_phrasebank/train.csv",
    "sst2": "sst2/train.csv",
    "airline": "airline_sentiment/train.csv",
    "ag_news": "ag_news/train_partial.csv.gz",
}
CHECKPOINTS = (50, 100, 200, 350, 500)  # labels
OFTEN, SELDOM, LATER = 5, 20, 100  # answers until a refit; the second from so many labels on
POOL, TEST = 1_500, 1_000  # texts at most
WRONG_SHARE = 0.1  # of labels that are turned
SUSPECTS_READ = 2_000  # texts
FIRST = 100  # suspects whose precision is told

RANK = """
import json, sys
import numpy as np
from cleanlab.rank import get_label_quality_scores
data = np.load(sys.argv[1])
methods = "self_confidence", "normalized_margin", "confidence_weighted_entropy"
scores = {m: get_label_quality_scores(data["classes"], data["probabilities"], method=m).tolist()
          for m in methods}
json.dump(scores, sys.stdout)
"""


def read(name: str) -> tuple[list[str], list[str]]:
    """Return the different texts of a corpus, and their labels."""
    file = CORPORA[name]
    path = name if file is None else str(Path(os.environ["RNNCLI_CORPORA"]) / file)
    rows = read_labelled_texts([path], ANY_COLUMNS)
    labels = dict(zip(rows.texts, rows.labels, strict=True))
    return list(labels), list(labels.values())


class Simulation:
    """Texts with known labels, of which a part is labelled and another one tests the model."""

    def __init__(
        self, texts: list[str], labels: list[str], seed: int, *, has_sentiment: bool
    ) -> None:
        self.has_sentiment = has_sentiment
        order = np.random.default_rng(seed).permutation(len(texts))
        pool = order[: min(POOL, 2 * len(order) // 3)]
        test = order[len(pool) : len(pool) + TEST]
        self.names = sorted(set(labels))
        self.labels = {texts[row]: labels[row] for row in order}
        self.pool, self.test = [texts[row] for row in pool], [texts[row] for row in test]
        self._read: tuple[TextVectorizer, TextFeatures] | None = None  # the test texts: it is slow
        self._answers: Floats | None = None

    def scores(self, learned: Learned) -> tuple[float, float]:
        """Return accuracy and macro F1 on the test texts."""
        model = learned.model
        assert model is not None
        if self._read is None or self._read[0] is not model.vectorizer:
            self._read = model.vectorizer, model.vectorizer(self.test)
        features = self._read[1]
        if model.answer is not None:
            if self._answers is None:
                self._answers = model.answer(self.test)
            features = replace(features, answers=self._answers)
        matrix = np.zeros((len(self.names), len(self.names)), np.int64)
        for text, best in zip(self.test, model.score(features).argmax(1), strict=True):
            label = learned.labels[best]
            matrix[self.names.index(self.labels[text]), self.names.index(label)] += 1
        return matrix.trace() / matrix.sum(), macro_f1(matrix)

    def rarest(self) -> str:
        """Return the rarest label of the pool."""
        counts = dict.fromkeys(self.names, 0)
        for text in self.pool:
            counts[self.labels[text]] += 1
        return min((name for name in counts if counts[name]), key=counts.__getitem__)


def choose(simulation: Simulation, checkpoints: Sequence[int]) -> dict[str, list[float]]:
    """Label the pool as `rnncli label` asks; return scores at each checkpoint."""
    state = LabelState({})
    questions = ActiveQuestions(
        simulation.pool, {}, has_sentiment=simulation.has_sentiment, refit_every=POOL
    )
    questions.settle(state)
    found: dict[str, list[float]] = {"accuracy": [], "macro F1": [], "inside": [], "seen": []}
    rarest = simulation.rarest()
    while len(state.labels) < checkpoints[-1] and (text := questions.next_text(state)):
        label = simulation.labels[text]
        state.apply(Answer(text, label))
        number = len(state.labels)
        if label == rarest and not found["seen"]:
            found["seen"] = [number]
        if number % (OFTEN if number <= LATER else SELDOM) == 0 or number in checkpoints:
            questions.settle(state)
        if number in checkpoints:
            learned, progress = questions.learned, questions.progress
            assert learned is not None
            assert progress is not None
            accuracy, f1 = simulation.scores(learned)
            low, high = progress.accuracy.interval
            found["accuracy"].append(accuracy)
            found["macro F1"].append(f1)
            found["inside"].append(low <= accuracy <= high)
    return found


def at_random(simulation: Simulation, checkpoints: Sequence[int]) -> dict[str, list[float]]:
    """Label the pool in a random order; return scores at each checkpoint."""
    learner = Learner(simulation.pool, has_sentiment=simulation.has_sentiment)
    found: dict[str, list[float]] = {"accuracy": [], "macro F1": [], "seen": []}
    names = [simulation.labels[text] for text in simulation.pool]
    found["seen"] = [names.index(simulation.rarest()) + 1]
    for number in checkpoints:
        learned = learner.learn(dict(enumerate(names[:number])), (), 1)
        accuracy, f1 = simulation.scores(learned)
        found["accuracy"].append(accuracy)
        found["macro F1"].append(f1)
    return found


def measure_choice(
    name: str, seeds: Sequence[int], checkpoints: Sequence[int], report: Report
) -> None:
    """Add what labels chosen by `label` and at random reach."""
    texts, labels = read(name)
    # The bundled sentiment model has learned from the labels of the reviews.
    simulations = [
        Simulation(texts, labels, seed, has_sentiment=CORPORA[name] is not None) for seed in seeds
    ]
    chosen = [choose(each, checkpoints) for each in simulations]
    drawn = [at_random(each, checkpoints) for each in simulations]
    for place, number in enumerate(checkpoints):
        for score in ("accuracy", "macro F1"):
            value, other = (
                100 * float(np.mean([each[score][place] for each in arm]))
                for arm in (chosen, drawn)
            )
            report.add(f"{name}, {number} labels, {score}", value, "%", f"at random {other:.1f}")
    inside = [hit for each in chosen for hit in each["inside"]]
    report.add(f"{name}, inside the interval", int(sum(inside)), "runs", f"of {len(inside)}")
    seen = [[each["seen"] for each in arm] for arm in (chosen, drawn)]
    worst = [max(number for each in arm for number in each or [checkpoints[-1]]) for arm in seen]
    report.add(f"{name}, rarest label seen, latest", worst[0], "labels", f"at random {worst[1]}")


def measure_suspects(
    name: str, cleanlab: str | None, report: Report, *, has_sentiment: bool
) -> None:
    """Add how many suspects have a label that was turned."""
    texts, labels = read(name)
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(texts))[:SUSPECTS_READ]
    texts = [texts[row] for row in rows]
    names = sorted(set(labels))
    truth = np.array([names.index(labels[row]) for row in rows])
    classes = truth.copy()
    turned = rng.choice(len(rows), round(WRONG_SHARE * len(rows)), replace=False)
    classes[turned] = (classes[turned] + rng.integers(1, len(names), len(turned))) % len(names)
    vectorizer = TextVectorizer(texts, bundled_vectors(ENGLISH))
    features = vectorizer(texts)
    if has_sentiment:
        features = with_sentiment(features, texts, vectorizer, classes, print)
    probabilities = held_out_probabilities(features, classes, len(names))
    order = probable_errors(probabilities, classes)
    is_turned = classes != truth
    first = is_turned[order[:FIRST]].mean()
    note = f"{len(order):,} named, {is_turned[order].mean():.0%} of them turned"
    report.add(f"{name}, precision of the first {FIRST}", 100 * float(first), "%", note)
    own = probabilities[np.arange(len(classes)), classes]
    report.add(f"{name}, average precision", 100 * average(own, is_turned), "%")
    if cleanlab is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "probabilities.npz"
            np.savez(path, probabilities=probabilities, classes=classes)
            done = subprocess.run(
                [cleanlab, "-c", RANK, str(path)], capture_output=True, check=True, text=True
            )
        for method, scores in json.loads(done.stdout).items():
            ranked = is_turned[np.argsort(scores, kind="stable")[:FIRST]].mean()
            value = 100 * average(np.array(scores), is_turned)
            note = f"precision of the first {FIRST}: {100 * ranked:.1f} %"
            report.add(f"{name}, average precision, cleanlab {method}", value, "%", note)


def average(quality: np.ndarray, is_wrong: np.ndarray) -> float:
    """Return the average precision of wrong labels, those of the lowest quality first."""
    hits = is_wrong[np.argsort(quality, kind="stable")]
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


def main() -> None:
    """Print a table, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("choice", "suspects"))
    parser.add_argument("--only", nargs="+", choices=CORPORA, default=list(CORPORA))
    parser.add_argument("--seeds", type=int, nargs="+", default=range(5))
    parser.add_argument("--labels", type=int, nargs="+", default=CHECKPOINTS)
    parser.add_argument("--cleanlab", help="an interpreter that has cleanlab")
    parser.add_argument("--no-sentiment", action="store_true", help="of suspects: words alone")
    parser.add_argument("--out", type=Path, default=Path("labelling.json"))
    arguments = parser.parse_args()
    report = Report()
    report.section(arguments.part)
    for name in arguments.only:
        if arguments.part == "choice":
            measure_choice(name, arguments.seeds, arguments.labels, report)
        else:
            has_sentiment = not arguments.no_sentiment and CORPORA[name] is not None
            measure_suspects(name, arguments.cleanlab, report, has_sentiment=has_sentiment)
        report.write(arguments.out)


if __name__ == "__main__":
    main()
