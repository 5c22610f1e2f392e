"""Measure classifiers: default settings on each corpus, beside what people would use instead.

    python tests/benchmarks/classifiers.py [--only sst2 trec ...] [--max-time 5m]
    python tests/benchmarks/classifiers.py --few-labels [1000]

Models are trained and scored through the installed command. The corpora are those of the folder
``$RNNCLI_CORPORA``, and the bundled reviews. Scores are of the dev part where there is one, else of
a tenth that is drawn beforehand; test parts are left alone. With ``--few-labels``, that many texts
are drawn to learn from and, where there is no dev part, 2,000 others to score on. The linear models
of scikit-learn, fastText and spaCy run beside where they are installed. Nothing else should run
meanwhile.
"""

import argparse
import csv
import gzip
import json
import os
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from report import RNNCLI, ROOT, Report

from rnncli.analysis.metrics import accuracy, confusion_matrix, macro_f1

CORPORA = {  # where they lie, the dev part if there is one, and the time that is given
    "sst2": ("sst2/train.csv", "sst2/dev.csv", "5m"),
    "sst5": ("sst5/train.csv", "sst5/dev.csv", "5m"),
    "trec": ("trec/train.csv", "trec/dev.csv", "5m"),
    "airline_sentiment": ("airline_sentiment/train.csv", "airline_sentiment/dev.csv", "5m"),
    "financial_phrasebank": (
        "financial_phrasebank/train.csv",
        "financial_phrasebank/dev.csv",
        "5m",
    ),
    "names": ("names/names.csv", None, "5m"),
    "reviews": (str(ROOT / "data" / "reviews.csv"), None, "2m"),
    "ag_news": ("ag_news/train_partial.csv.gz", None, "10m"),
    "imdb": ("imdb/train.csv.gz", None, "15m"),
}
HELD_OUT, DRAW = 0.1, 7  # the share that is drawn where there is no dev part, and its seed
FEW_LABELS = (
    "sst2",
    "sst5",
    "trec",
    "airline_sentiment",
    "financial_phrasebank",
    "ag_news",
    "imdb",
)
FEW_DRAW, FEW_HELD_OUT, FEW_TIME = 0, 2_000, "3m"  # the seed, texts to score on, the time

SPACY_EPOCHS, SPACY_BATCH = 10, 32

Rows = list[tuple[str, str]]
Answers = Callable[[Rows, Sequence[str]], Sequence[str]]  # learn from rows, label texts


def read(path: Path) -> Rows:
    csv.field_size_limit(1 << 30)
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


def write(path: Path, rows: Rows) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("text", "label"), *rows])
    return path


def parts(name: str, few_labels: int | None) -> tuple[Rows, Rows]:
    """Return the rows to learn from and those to score on."""
    train, dev, _ = CORPORA[name]
    folder = Path(os.environ.get("RNNCLI_CORPORA", ""))
    rows = read(folder / train)
    others = read(folder / dev) if dev is not None and (folder / dev).exists() else None
    if few_labels is not None:
        random.Random(FEW_DRAW).shuffle(rows)
        return rows[:few_labels], others or rows[few_labels:][:FEW_HELD_OUT]
    if others is not None:
        return rows, others
    random.Random(DRAW).shuffle(rows)
    cut = round(HELD_OUT * len(rows))
    return rows[cut:], rows[:cut]


def rnncli(report: Report, name: str, train: Rows, dev: Rows, budget: str) -> float:
    """Train and score; return the macro F1 in per cent."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        data, model = write(folder / "train.csv", train), folder / "model"
        began = time.monotonic()
        words = [RNNCLI, "train", data, "-o", model, "-q", "--max-time", budget]
        subprocess.run(list(map(str, words)), check=True)
        seconds = time.monotonic() - began
        size = sum(file.stat().st_size for file in model.iterdir() if file.is_file()) / 1e6
        words = [RNNCLI, "evaluate", model, write(folder / "dev.csv", dev), "--json", "-q"]
        out = subprocess.run(list(map(str, words)), check=True, capture_output=True).stdout
        scores = json.loads(out)
        note = f"{seconds:.0f} s, {size:.1f} MB"
        report.add(f"{name}: rnncli, accuracy", 100 * scores["accuracy"], "%", note)
        report.add(f"{name}: rnncli, macro F1", 100 * scores["macro_f1"], "%")
        report.add(f"{name}: rnncli, calibration error", 100 * scores["calibration_error"], "%")
        return 100 * float(scores["macro_f1"])


def peer(report: Report, name: str, what: str, train: Rows, dev: Rows, answers: Answers) -> None:
    labels = sorted({label for _, label in (*train, *dev)})
    numbers = {label: i for i, label in enumerate(labels)}
    began = time.monotonic()
    found = answers(train, [text for text, _ in dev])
    seconds = time.monotonic() - began
    truth = np.array([numbers[label] for _, label in dev])
    matrix = confusion_matrix(truth, np.array([numbers[a] for a in found]), len(labels))
    report.add(f"{name}: {what}, accuracy", 100 * accuracy(matrix), "%", f"{seconds:.0f} s")
    report.add(f"{name}: {what}, macro F1", 100 * macro_f1(matrix), "%")


def tfidf(train: Rows, texts: Sequence[str]) -> Sequence[str]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    learned = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10)
    )
    learned.fit([text for text, _ in train], [label for _, label in train])
    found: Sequence[str] = learned.predict(texts).tolist()
    return found


def nbsvm(train: Rows, texts: Sequence[str]) -> Sequence[str]:
    """Label texts as Wang and Manning (2012) do: one class against the rest."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.svm import LinearSVC

    pattern = r"\w+|[^\w\s]"
    vectorizer = CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=pattern)
    x, other = vectorizer.fit_transform([text for text, _ in train]), vectorizer.transform(texts)
    given = np.array([label for _, label in train])
    labels, margins = sorted(set(given.tolist())), []
    for label in labels:
        own = given == label
        inside, outside = 1 + x[own].sum(0).A1, 1 + x[~own].sum(0).A1
        ratio = np.log((inside / inside.sum()) / (outside / outside.sum()))
        learned = LinearSVC(C=0.1).fit(x.multiply(ratio).tocsr(), own)
        margins.append(learned.decision_function(other.multiply(ratio).tocsr()))
    return [labels[i] for i in np.argmax(margins, axis=0)]


def fasttext(train: Rows, texts: Sequence[str]) -> Sequence[str]:
    import fasttext

    def flat(text: str) -> str:
        return " ".join(re.findall(r"\w+|[^\w\s]", text.lower())) or "."

    labels = sorted({label for _, label in train})
    short = sum(len(text.split()) for text, _ in train) < 2 * len(train)  # names: by spelling
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        for text, label in train:
            file.write(f"__label__{labels.index(label)} {flat(text)}\n")
        file.flush()
        options = {"wordNgrams": 2, "epoch": 25, "lr": 0.5, "verbose": 0, "thread": 2}
        if short:
            options |= {"minn": 1, "maxn": 5}
        learned = fasttext.train_supervised(file.name, **options)
    found = learned.f.multilinePredict([flat(text) for text in texts], 1, 0.0, "strict")[0]
    return [labels[int(row[0].removeprefix("__label__"))] for row in found]


def spacy(train: Rows, texts: Sequence[str]) -> Sequence[str]:
    """Train the default text classifier of spaCy: a convolution and a bag of words, together."""
    import spacy
    from spacy.training import Example

    spacy.util.fix_random_seed(0)
    nlp, draw = spacy.blank("en"), random.Random(0)
    nlp.add_pipe("textcat")
    labels = sorted({label for _, label in train})
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {one: one == label for one in labels}})
        for text, label in train
    ]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(SPACY_EPOCHS):
        draw.shuffle(examples)
        for batch in spacy.util.minibatch(examples, SPACY_BATCH):
            nlp.update(batch, sgd=optimizer, drop=0.2)
    return [max(doc.cats, key=doc.cats.__getitem__) for doc in nlp.pipe(texts)]


PEERS = {
    "tf-idf and logistic regression": ("sklearn", tfidf),
    "NB-SVM": ("sklearn", nbsvm),
    "fastText": ("fasttext", fasttext),
    "spaCy": ("spacy", spacy),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=CORPORA)
    parser.add_argument("--few-labels", type=int, nargs="?", const=1_000, metavar="N")
    parser.add_argument("--max-time", default=None)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("classifiers.json"))
    given = parser.parse_args()
    report, all_f1 = Report(), []
    for name in given.only or (FEW_LABELS if given.few_labels else CORPORA):
        try:
            train, dev = parts(name, given.few_labels)
        except FileNotFoundError:
            print(f"\n{name}: not here")
            continue
        report.section(f"{name}: {len(train):,} texts to learn from, {len(dev):,} to score on")
        budget = given.max_time or (FEW_TIME if given.few_labels else CORPORA[name][2])
        all_f1.append(rnncli(report, name, train, dev, budget))
        for what, (module, answers) in ({} if given.no_peers else PEERS).items():
            try:
                __import__(module)
            except ImportError:
                print(f"  {what}: pip install {module}")
                continue
            peer(report, name, what, train, dev, answers)
    report.section("all corpora")
    report.add("rnncli, mean macro F1", sum(all_f1) / max(len(all_f1), 1), "%")
    report.write(given.out)


if __name__ == "__main__":
    main()
