"""Make the sentiment model that comes with rnncli, by the tool's own training.

    python tests/benchmarks/sentiment/teacher.py --encoder MINILM_FOLDER labelled.csv
    python tests/benchmarks/sentiment/make_model.py labelled.csv data/models/sentiment [START]

With the model START, the training goes on from that.

Trained on are: openly licensed texts ($RNNCLI_CORPORA/open_sentiment), the bundled reviews, several
times, copies of both with names, places and the like exchanged, sentences of the grammar, and texts
that the teacher labelled, each with a label drawn by the teacher's probabilities.
"""

import csv
import json
import random
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from counterfactuals import counterfactuals
from grammar import sentences
from teacher import LABELS, read_open, read_own

import rnncli
from rnncli.analysis.calibration import fit_weights
from rnncli.storage.atomic_files import write_bytes
from rnncli.storage.layout import Layout
from rnncli.storage.publication import Publication, publish
from rnncli.storage.shared_vectors import share_vectors

# Texts of each source, none of which is trained on in any form: half of them calibrate the model,
# the others score it.
HELD_OUT = 250
OWN = "reviews"  # the source of the texts that come with rnncli
GRAMMAR = 16_000  # sentences
OWN_COPIES = 3  # of the bundled reviews: they say what the others do not
DOCUMENTS = 12_000
OTHER_SHARE = 0.3  # of a document's sentences, at most, have another label than the document
REVIEWS = ("films", "products", "reviews_uci")  # sources whose texts documents are made of
TATOEBA = 60_000  # sentences; two in three are not neutral, as few of Tatoeba are
# Fewer words with a trained embedding leave more places to those that only the vectors know.
SIZES = ("--hidden-size", "192", "--vocab-size", "13000", "--epochs", "10")
MORE_EPOCHS = "4"  # from a model that has learned
# N-grams add nothing to this network but 1.5 MB. Held-out labels are drawn: they mislead patience.
OPTIONS = ("--no-ngrams", "--patience", "999", "--seed", "0", "--workers", "2")
# Of the logits that fit the calibration texts. People ask about texts of other kinds: with it, the
# calibration error is below 0.05 on three of four corpora that nothing is learned from.
CONFIDENCE = 0.75
# Are written here.
DATA, CALIBRATION_DATA = Path("sentiment.csv"), Path("calibration.csv")
HELD_OUT_DATA = Path("held-out.csv")
DATA_NAME = "openly licensed texts of eight kinds"
SOURCES = (
    "texts of Hutto and Gilbert 2014 (MIT), Kotzias et al. 2015 (CC BY 4.0), Calefato et al. 2018 "
    "(MIT) and zeroshot/twitter-financial-news-sentiment (MIT); the bundled reviews; sentences of "
    "Tatoeba (CC BY 2.0 FR), labelled by a fine-tuned MiniLM (Apache 2.0)"
)

Rows = list[tuple[str, str]]


def read_labelled(path: Path, left_out: Rows, rng: random.Random) -> dict[str, Rows]:
    """Return the texts that the teacher labelled by their kind, with a drawn label each.

    Texts in ``left_out`` and spans of them are not returned.
    """
    kinds: dict[str, Rows] = {}
    known = "\n".join(" ".join(text.split()) for text, _ in left_out)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if " ".join(row["text"].split()) in known:
                continue
            weights = [float(row[label]) for label in LABELS]
            label = rng.choices(LABELS, weights)[0]
            kinds.setdefault(row["kind"], []).append((row["text"], label))
    return kinds


def balanced(rows: Rows) -> Iterator[tuple[str, str]]:
    """Take `TATOEBA` of the rows, a third of them neutral."""
    neutral = [row for row in rows if row[1] == "neutral"]
    yield from neutral[: TATOEBA // 3]
    yield from [row for row in rows if row[1] != "neutral"][: TATOEBA * 2 // 3]


def documents(rows: Rows, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Join texts, mostly of one label, to long ones, since nearly all texts are sentences."""
    texts = {label: [text for text, of in rows if of == label] for label in LABELS}
    others = {label: [text for text, of in rows if of != label] for label in LABELS}
    for label in LABELS:
        for _ in range(DOCUMENTS // len(LABELS)):
            number = rng.randint(3, 16)
            num_others = int(number * rng.uniform(0, OTHER_SHARE))
            parts = rng.choices(texts[label], k=number - num_others)
            parts += rng.choices(others[label], k=num_others)
            rng.shuffle(parts)
            yield " ".join(parts), label


def read_sources() -> dict[str, Rows]:
    """Return all texts that people labelled, by their source."""
    sources: dict[str, Rows] = {OWN: read_own()}
    for row in read_open():
        sources.setdefault(row["source"], []).append((row["text"], row["label"]))
    return sources


def training_data(labelled: Path) -> tuple[Rows, Rows, Rows]:
    """Return texts and labels to train on, to calibrate on and to score on, in random order."""
    rng = random.Random(0)
    sources = read_sources()
    held_out = [row for rows in sources.values() for row in rng.sample(rows, HELD_OUT)]
    left_out = {text for text, _ in held_out}
    sources = {
        source: [row for row in rows if row[0] not in left_out] for source, rows in sources.items()
    }
    own = sources[OWN]
    rows = [row for rows in sources.values() for row in rows]
    rows += counterfactuals(rows)
    for seed in range(1, OWN_COPIES):
        rows += [*own, *counterfactuals(own, seed)]
    rows += documents([row for source in REVIEWS for row in sources[source]], rng)
    kinds = read_labelled(labelled, held_out, rng)
    rows += [*kinds["open"], *kinds["span"], *balanced(kinds["tatoeba"]), *sentences(GRAMMAR)]
    rng.shuffle(rows)
    rng.shuffle(held_out)
    half = len(held_out) // 2
    return rows, held_out[:half], held_out[half:]


def calibrate(model: Path, rows: Rows) -> None:
    """Fit the scale of the logits anew.

    The texts that training holds out have copies among those that are trained on.
    """
    classifier = rnncli.load(model)
    assert isinstance(classifier, rnncli.TextClassifier)
    classes = np.array([classifier.labels.index(label) for _, label in rows])
    (weight,) = fit_weights(classifier.member_logits([text for text, _ in rows]), classes)
    config = Layout(model).config
    description = json.loads(config.read_text("utf-8"))
    description["tuned"] = {"network": CONFIDENCE * float(weight)}
    write_bytes(config, (json.dumps(description, indent=2) + "\n").encode())


def settings(start: Sequence[str]) -> list[str]:
    """Return the options of the training, from another model perhaps."""
    options = ["--init-from", *start, "--epochs", MORE_EPOCHS] if start else [*SIZES]
    return [*options, *OPTIONS]


def describe(model: Path, scores: dict[str, Any], options: Sequence[str]) -> None:
    """Name the sources in the description and on the card, and the scores on held-out texts."""
    publication = Publication(
        data=DATA_NAME,
        licence=SOURCES,
        arguments=(DATA.name,),
        command=shlex.join(["rnncli", "train", DATA.name, *options]),
        summary=f"labels texts as {', '.join(LABELS)}",
        scores={name: scores[name] for name in ("accuracy", "macro_f1")},
        scored_on="other texts of the same kinds",
    )
    publish(model, publication)


def main() -> None:
    """Write the training data, train, and put the model where it is bundled."""
    model = Path(sys.argv[2])
    options = settings(sys.argv[3:])
    parts = training_data(Path(sys.argv[1]))
    for path, rows in zip((DATA, CALIBRATION_DATA, HELD_OUT_DATA), parts, strict=True):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("text", "label"))
            writer.writerows(rows)
    subprocess.run(["rnncli", "train", DATA, "-o", model, *options], check=True)
    calibrate(model, parts[1])
    share_vectors(model)
    describe(model, rnncli.evaluate(model, HELD_OUT_DATA, baselines=False).scores, options)


if __name__ == "__main__":
    main()
