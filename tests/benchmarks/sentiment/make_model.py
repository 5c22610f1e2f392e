"""Make the sentiment model that comes with rnncli, by the tool's own training.

    python tests/benchmarks/sentiment/teacher.py MINILM_FOLDER labelled.csv
    python tests/benchmarks/sentiment/make_model.py labelled.csv data/models/sentiment

Trained on are: openly licensed texts ($RNNCLI_CORPORA/open_sentiment), the bundled reviews twice,
copies of both with names, places and the like exchanged, sentences of the grammar, and texts that
the teacher labelled, each with a label drawn by the teacher's probabilities.
"""

import csv
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from counterfactuals import counterfactuals
from grammar import sentences
from teacher import LABELS, read_open, read_own

from rnncli.storage.layout import Layout
from rnncli.storage.shared_vectors import share_vectors

GRAMMAR = 10_000  # sentences
TATOEBA = 60_000  # sentences; two in three are not neutral, as few of Tatoeba are
SETTINGS = ("--hidden-size", "192", "--epochs", "8", "--seed", "0")
SOURCES = (
    "texts of Hutto and Gilbert 2014 (MIT), Kotzias et al. 2015 (CC BY 4.0), Calefato et al. 2018 "
    "(MIT) and zeroshot/twitter-financial-news-sentiment (MIT); the bundled reviews; sentences of "
    "Tatoeba (CC BY 2.0 FR), labelled by a fine-tuned MiniLM (Apache 2.0)"
)

Rows = list[tuple[str, str]]


def read_labelled(path: Path, rng: random.Random) -> dict[str, Rows]:
    """Return the texts that the teacher labelled by their kind, with a drawn label each."""
    kinds: dict[str, Rows] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            weights = [float(row[label]) for label in LABELS]
            label = rng.choices(LABELS, weights)[0]
            kinds.setdefault(row["kind"], []).append((row["text"], label))
    return kinds


def balanced(rows: Rows) -> Iterator[tuple[str, str]]:
    """Take `TATOEBA` of the rows, a third of them neutral."""
    neutral = [row for row in rows if row[1] == "neutral"]
    yield from neutral[: TATOEBA // 3]
    yield from [row for row in rows if row[1] != "neutral"][: TATOEBA * 2 // 3]


def training_data(labelled: Path) -> Rows:
    """Return all texts and labels, in random order."""
    rng = random.Random(0)
    rows = [(row["text"], row["label"]) for row in read_open()] + 2 * read_own()
    rows += counterfactuals(rows)
    kinds = read_labelled(labelled, rng)
    rows += [*kinds["open"], *kinds["span"], *balanced(kinds["tatoeba"]), *sentences(GRAMMAR)]
    rng.shuffle(rows)
    return rows


def describe(model: Path) -> None:
    """Name the sources in the description, and leave out what says nothing elsewhere."""
    config = Layout(model).config
    description = json.loads(config.read_text("utf-8"))
    data = description["data"]
    data |= {"name": "openly licensed texts of eight kinds", "arguments": [], "licence": SOURCES}
    config.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", "utf-8")


def main() -> None:
    """Write the training data, train, and put the model where it is bundled."""
    labelled, model = map(Path, sys.argv[1:])
    data = model.with_name("sentiment.csv")
    with data.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("text", "label"))
        writer.writerows(training_data(labelled))
    subprocess.run(["rnncli", "train", data, "-o", model, *SETTINGS], check=True)
    share_vectors(model)
    describe(model)


if __name__ == "__main__":
    main()
