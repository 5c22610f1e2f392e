"""Learn from the labels so far, and choose the texts that are worth a label next."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.data.vector_sources import bundled_vectors
from rnncli.messages import stage
from rnncli.networks.numerics import Floats, Ints, softmax
from rnncli.tasks.classify.vectors import ENGLISH
from rnncli.tasks.labelling.features import TextVectorizer
from rnncli.tasks.labelling.model import MAX_FITTED, MIN_LABELS, LabelModel, fit_model
from rnncli.tasks.labelling.ridge import fit_ridge
from rnncli.tasks.labelling.selection import doubtful, spread

# Texts of every kind come until there are so many labels, then most come because they are in
# doubt. Of three choices simulated on four corpora (50 and a half; 50 and all; 25 and four fifths)
# this had the highest accuracy after 50 labels, and saw a rare kind early.
FIRST = 25  # labels
DOUBTFUL_SHARE = 0.8  # of the texts chosen later; the others are of every kind again


@dataclass(frozen=True)
class HeldOutLabels:
    """The labels that texts get from models that have not seen theirs."""

    rows: tuple[int, ...]
    by_all_others: tuple[str, ...]
    by_half: tuple[str, ...]  # from the labels of that half of the texts that they are not in


@dataclass(frozen=True)
class Learned:
    """What follows from the labels so far."""

    labels: tuple[str, ...]  # in the order of the model's classes
    model: LabelModel | None  # None: there are too few labels
    next_rows: tuple[int, ...]  # of texts that are worth most

    def suggest(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """Return the likeliest label of each text, and its probability; none without a model."""
        if self.model is None:
            return []
        return [
            (self.labels[int(row.argmax())], float(row.max()))
            for row in softmax(self.model.logits(texts))
        ]


class Learner:
    """A model of texts of which some have labels."""

    @stage("reading the words of the texts")
    def __init__(self, texts: Sequence[str], seed: int = 0) -> None:
        """Read the words of texts, which are known by their rows."""
        self._rng = np.random.default_rng(seed)
        self._vectorizer = TextVectorizer(texts, bundled_vectors(ENGLISH))
        self._features = self._vectorizer(texts)

    def learn(
        self, labels: Mapping[int, str], excluded: Collection[int] = (), number: int = 10
    ) -> Learned:
        """Fit to the ``labels`` of rows, and choose ``number`` others that are not ``excluded``."""
        names = tuple(dict.fromkeys(labels.values()))
        taken = np.array(sorted({*labels, *excluded}), np.int64)
        if len(names) < MIN_LABELS:
            return Learned(names, None, self._choose(None, number, taken))
        rows, classes = _fitted(labels, names)
        features = self._features.select(rows)
        model, _ = fit_model(self._vectorizer, features, classes, len(names))
        logits = model.score(self._features)
        has_few = len(rows) < FIRST
        next_rows = self._choose(None if has_few else softmax(logits), number, taken)
        return Learned(names, model, next_rows)

    def hold_out(self, labels: Mapping[int, str]) -> HeldOutLabels:
        """Label each of at most ``MAX_FITTED`` texts by models that have not seen its label.

        One is fitted to all other texts, one to a random half of them.
        """
        names = tuple(dict.fromkeys(labels.values()))
        if len(names) < MIN_LABELS:
            return HeldOutLabels((), (), ())
        rows, classes = _fitted(labels, names)
        products = self._features.select(rows).products()
        by_all = fit_ridge(products, classes, len(names)).held_out.argmax(1)
        by_half = np.empty_like(by_all)
        halves = np.array_split(np.random.default_rng(0).permutation(len(rows)), 2)
        for half, others in (halves, halves[::-1]):
            fit = fit_ridge(products[np.ix_(half, half)], classes[half], len(names))
            by_half[others] = (products[np.ix_(others, half)] @ fit.weights + fit.bias).argmax(1)
        return HeldOutLabels(
            tuple(rows.tolist()),
            tuple(names[i] for i in by_all),
            tuple(names[i] for i in by_half),
        )

    def _choose(self, probabilities: Floats | None, number: int, taken: Ints) -> tuple[int, ...]:
        """Return rows that are worth a label most."""
        vectors = self._features.vectors
        chosen: Ints = np.empty(0, np.int64)
        if probabilities is not None:
            share = round(DOUBTFUL_SHARE * number)
            chosen = doubtful(probabilities, vectors, share, taken, self._rng)
        others = spread(vectors, number - len(chosen), np.union1d(taken, chosen), self._rng)
        both = self._rng.permutation(np.append(chosen, others))
        return tuple(both.tolist())


def _fitted(
    labels: Mapping[int, str], names: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows (N,) that a model is fitted to, and their classes (N,)."""
    rows = np.fromiter(labels, np.int64)
    if len(rows) > MAX_FITTED:
        rows = np.random.default_rng(0).permutation(rows)[:MAX_FITTED]
    numbers = {name: i for i, name in enumerate(names)}
    return rows, np.array([numbers[labels[row]] for row in rows.tolist()])
