"""Whether a classifier starts from the model of sentiment that comes with rnncli.

Where the labels of English texts follow their sentiment, its encoder, which has read far more texts
than a person has labelled, is worth more than any number of new weights; elsewhere it is not. So
its answers to some texts are compared with their labels. Imports no PyTorch.

Shapes: N texts, K labels of the model, C labels of the texts.
"""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.config import DEFAULTS
from rnncli.data.corpora import BUNDLED, DEFAULT_CORPUS, bundled_file
from rnncli.messages import Announce, stage
from rnncli.networks.numerics import Floats
from rnncli.storage.bundled import bundled_models
from rnncli.storage.model_names import model_directory
from rnncli.storage.reading import SavedModel, load
from rnncli.tasks import ignore
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.tasks.classify.vectors import ENGLISH, choose_vectors
from rnncli.training.initial_model import FROM_NOTHING, INHERITED

MODEL = "bundled:sentiment"
# Of the entropy of the labels, what the answers must explain. Sentiment in two to five classes: 14
# to 51 %; topics and kinds of questions: under 2 %.
MIN_SHARE = 0.1
SAMPLE, SAMPLE_CHARACTERS = 500, 1_000  # texts, and characters of each


def sentiment_model(
    data: Sequence[str],
    texts: Sequence[str],
    labels: Sequence[str],
    overrides: Mapping[str, Any],
    announce: Announce,
) -> SavedModel | None:
    """Return the model, where the labels (N,) of some texts follow sentiment.

    It has its own sizes and vocabulary, and has learned from the bundled reviews; so it is none
    where ``overrides`` ask for others, or ``data`` names these.
    """
    if MODEL not in bundled_models() or {*INHERITED, "vocab_size"} & overrides.keys():
        return None
    if is_bundled_reviews(data) or len(set(labels)) < 2:
        return None
    settings = DEFAULTS["classify"].with_overrides(overrides)
    if choose_vectors(texts, settings, False, ignore) != ENGLISH:
        return None
    model = load(model_directory(MODEL), "classify")
    if explained_share(_answers(model, texts), labels) < MIN_SHARE:
        return None
    announce(
        f"start: {MODEL}, since these labels follow the sentiment of their texts; "
        f"from nothing: --init-from {FROM_NOTHING}"
    )
    return model


def draw(number: int) -> list[int]:
    """Return which of a number of texts to compare."""
    return sorted(random.Random(0).sample(range(number), min(number, SAMPLE)))


def explained_share(answers: NDArray[np.int64], labels: Sequence[str]) -> float:
    """Return which share of the entropy of different labels the answers (N,) of a model explain.

    Each label is predicted from those of the other texts, with the same answer or with any; so the
    share is about 0 where they have nothing to do with each other, however few texts there are.
    """
    _, classes = np.unique(labels, return_inverse=True)  # (N,)
    counts = np.zeros((answers.max() + 1, classes.max() + 1), np.float32)  # (K, C)
    np.add.at(counts, (answers, classes), 1)
    totals = counts.sum(0, keepdims=True)  # (1, C)
    usual = _loss(totals, np.full_like(totals, 1 / totals.size))
    return 1 - _loss(counts, totals / totals.sum()) / usual


def _loss(counts: Floats, prior: Floats) -> float:
    """Return the mean loss of each text's label, by the counts (K, C) of the others.

    The prior (1, C) counts as one text more.
    """
    others = np.maximum(counts - 1 + prior, 1e-9) / np.maximum(counts.sum(1, keepdims=True), 1)
    return float(-(counts * np.log(others)).sum() / counts.sum())


def is_bundled_reviews(data: Sequence[str]) -> bool:
    """Return whether these are the bundled reviews, whose labels the model has learned from."""
    if len(data) != 1 or data[0] == DEFAULT_CORPUS:
        return len(data) < 2
    path = Path(data[0])
    return path.exists() and path.samefile(bundled_file(BUNDLED[DEFAULT_CORPUS]))


@stage("comparing the labels with sentiment")
def _answers(model: SavedModel, texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of the label (N,) that the model gives to each text."""
    logits = TextClassifier(model).logits([text[:SAMPLE_CHARACTERS] for text in texts])
    answers: NDArray[np.int64] = logits.argmax(1)
    return answers
