"""Labels that are probably wrong, by confident learning.

Each text is labelled by models that have not seen its label. The less probable these find it, the
more probably it is wrong (Northcutt, Jiang and Chuang 2021, "Confident Learning", section 3.2, by
self-confidence). From where on it is named, a ratio decides: limits that follow each label's mean
probability, as theirs, named fewer wrong labels for as many right ones (figures: labelling.md).

Shapes: N texts, C labels, B texts of a block.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rnncli.data.vector_sources import bundled_vectors
from rnncli.messages import Announce, stage
from rnncli.networks.numerics import Floats, softmax
from rnncli.tasks import ignore
from rnncli.tasks.classify.vectors import ENGLISH
from rnncli.tasks.labelling.features import TextFeatures, TextVectorizer
from rnncli.tasks.labelling.model import MAX_FITTED, MIN_LABELS
from rnncli.tasks.labelling.ridge import fit_ridge
from rnncli.tasks.labelling.sentiment import (
    MAX_COMPARED,
    MIN_COMPARED,
    NOTICE,
    SentimentAnswers,
)
from rnncli.tasks.labelling.suggestions import known_labels
from rnncli.text.arguments import as_texts

ALIKE = 0.8  # cosine of near-duplicates: a word or two differ
# How much more probable than its label another one must be. Where a model knows little, as of few
# texts, it often prefers another label, but seldom so clearly: of 160 everyday lines with right
# labels it does for 35 %, and so clearly for 1 %. Of a tenth of labels that are turned at random,
# about as many are named, three in four of them rightly.
MIN_RATIO = 6.0
BLOCK = 1 << 24  # cosines that are computed at once: bounds memory


@dataclass(frozen=True)
class Suspect:
    """A text whose label is probably wrong."""

    row: int  # among all texts
    text: str
    label: str
    likely_label: str
    probability: float  # of the likely label
    near_duplicates: tuple[int, ...]  # rows of texts that say the same and have other labels


def suspects(
    texts: Iterable[str],
    labels: Sequence[str | None],
    n: int | None = None,
    *,
    has_sentiment: bool = True,
    announce: Announce = ignore,
) -> list[Suspect]:
    """Return the texts whose label is probably wrong, the surest first; ``n`` of them at most.

    ``labels`` has None where there is none. Where labels follow sentiment, the answers of the
    bundled sentiment model are used, which is announced; not without ``has_sentiment``.

    Raises:
        InputError: ``texts`` is no list of texts, or ``labels`` has another length.

    """
    texts = as_texts(texts)
    known = known_labels(texts, labels)
    names = list(dict.fromkeys(known.values()))
    if len(names) < MIN_LABELS:
        return []
    rows = np.fromiter(known, np.int64)
    classes = np.array([names.index(label) for label in known.values()])
    labelled = [texts[row] for row in rows]
    vectorizer = TextVectorizer(labelled, bundled_vectors(ENGLISH))
    features = vectorizer(labelled)
    if has_sentiment:
        features = with_sentiment(features, labelled, vectorizer, classes, announce)
    probabilities = held_out_probabilities(features, classes, len(names))
    likely = probabilities.argmax(1)
    order = probable_errors(probabilities, classes)[:n]
    alike = _near_duplicates(features, order, classes)
    return [
        Suspect(
            int(rows[i]),
            labelled[i],
            names[classes[i]],
            names[likely[i]],
            float(probabilities[i, likely[i]]),
            tuple(int(rows[j]) for j in near),
        )
        for i, near in zip(order.tolist(), alike, strict=True)
    ]


def with_sentiment(
    features: TextFeatures,
    texts: Sequence[str],
    vectorizer: TextVectorizer,
    classes: NDArray[np.int64],
    announce: Announce = ignore,
) -> TextFeatures:
    """Return features with the answers of the bundled sentiment model, where classes ask (N,)."""
    answers = SentimentAnswers.of(texts) if vectorizer.is_english else None
    if answers is None or len(texts) < MIN_COMPARED:
        return features
    rows = np.random.default_rng(0).permutation(len(texts))[:MAX_COMPARED]
    if not answers.help(features, rows, classes[rows], int(classes.max()) + 1):
        return features
    announce(NOTICE)
    return replace(features, answers=answers.select(np.arange(len(texts))))


@stage("labelling each text by models of others")
def held_out_probabilities(
    features: TextFeatures, classes: NDArray[np.int64], num_classes: int
) -> Floats:
    """Return probabilities (N, C) of texts by models that have not seen their classes (N,).

    Of more than ``MAX_FITTED`` texts, a model is fitted to each of several random parts; it judges
    those inside by leaving one out, and all others; the results are averaged.
    """
    number = len(classes)
    parts = -(-number // MAX_FITTED)
    order = np.random.default_rng(0).permutation(number)
    total = np.zeros((number, num_classes))
    for rows in np.array_split(order, parts):
        part = features.select(rows)
        fit = fit_ridge(part.products(), classes[rows], num_classes)
        logits = np.empty((number, num_classes))
        if parts > 1:
            logits[:] = features.score(*part.combine(fit.weights)) + fit.bias
        logits[rows] = fit.held_out
        total += softmax(logits)
    mean: Floats = (total / parts).astype(np.float32)
    return mean


def probable_errors(probabilities: Floats, classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the texts whose classes (N,) are probably wrong, the most improbable first.

    Another class must be ``MIN_RATIO`` times as probable. With labels turned at random, this order
    found more of them early than the difference to the likely class.
    """
    own = probabilities[np.arange(len(classes)), classes]
    wrong = np.flatnonzero(probabilities.max(1) >= MIN_RATIO * own)
    return wrong[np.argsort(own[wrong], kind="stable")]


def _near_duplicates(
    features: TextFeatures, rows: NDArray[np.int64], classes: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Return for each row the texts that say about the same and have another class."""
    found: list[NDArray[np.int64]] = []
    step = max(1, BLOCK // max(len(classes), 1))
    for first in range(0, len(rows), step):
        block = rows[first : first + step]
        cosines = features.vectors[block] @ features.vectors.T  # (B, N)
        is_near = (cosines >= ALIKE) & (classes[block][:, None] != classes)
        for row, near in zip(block, is_near, strict=True):
            others = np.append(row, np.flatnonzero(near))
            by_ngrams = features.select(others).ngram_products()[0]
            found.append(others[1:][by_ngrams[1:] >= ALIKE])
    return found
