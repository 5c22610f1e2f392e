"""Learn from the labels so far, and choose the texts that are worth a label next."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnncli.data.vector_sources import bundled_vectors
from rnncli.messages import stage
from rnncli.networks.numerics import Floats, Ints, softmax
from rnncli.tasks.classify.vectors import ENGLISH
from rnncli.tasks.labelling.features import TextVectorizer
from rnncli.tasks.labelling.model import MAX_FITTED, MIN_LABELS, LabelModel, fit_model
from rnncli.tasks.labelling.selection import doubtful, spread

MAX_CANDIDATES = 20_000  # texts to choose from, at random: nobody labels as many
FIRST = 50  # labels, until which texts of every kind are chosen, and none because it is in doubt
DOUBTFUL_SHARE = 0.5  # of the texts chosen later; the others are of every kind again


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
    def __init__(self, texts: Sequence[str], labelled: Iterable[int] = (), seed: int = 0) -> None:
        """Choose the texts to choose from; those with labels are among them."""
        self._rng = np.random.default_rng(seed)
        rows = np.arange(len(texts))
        if len(texts) > MAX_CANDIDATES:
            drawn = self._rng.choice(len(texts), MAX_CANDIDATES, replace=False)
            rows = np.union1d(drawn, np.fromiter(labelled, np.int64))
        self._rows = rows  # (N,) of the candidates
        self._places = {int(row): place for place, row in enumerate(rows)}
        candidates = [texts[row] for row in rows.tolist()]
        self.vectorizer = TextVectorizer(candidates, bundled_vectors(ENGLISH))
        self._features = self.vectorizer(candidates)

    def learn(
        self, labels: Mapping[int, str], excluded: Collection[int] = (), number: int = 10
    ) -> Learned:
        """Fit to the ``labels`` of rows, and choose ``number`` others that are not ``excluded``."""
        names = tuple(dict.fromkeys(labels.values()))
        places = self._places_of(labels)
        taken = np.union1d(places, self._places_of(excluded))
        if len(names) < MIN_LABELS:
            return Learned(names, None, self._choose(None, number, taken))
        if len(places) > MAX_FITTED:
            places = np.random.default_rng(0).permutation(places)[:MAX_FITTED]
        numbers = {name: i for i, name in enumerate(names)}
        classes = np.array([numbers[labels[int(self._rows[place])]] for place in places])
        features = self._features.select(places)
        model, _ = fit_model(self.vectorizer, features, classes, len(names))
        logits = model.score(self._features)
        has_few = len(places) < FIRST
        next_rows = self._choose(None if has_few else softmax(logits), number, taken)
        return Learned(names, model, next_rows)

    def _places_of(self, rows: Iterable[int]) -> Ints:
        """Return the places of rows among the candidates."""
        return np.array([self._places[row] for row in rows if row in self._places], np.int64)

    def _choose(self, probabilities: Floats | None, number: int, taken: Ints) -> tuple[int, ...]:
        """Return rows that are worth a label most."""
        vectors = self._features.vectors
        chosen: Ints = np.empty(0, np.int64)
        if probabilities is not None:
            share = round(DOUBTFUL_SHARE * number)
            chosen = doubtful(probabilities, vectors, share, taken, self._rng)
        others = spread(vectors, number - len(chosen), np.union1d(taken, chosen), self._rng)
        both = self._rng.permutation(np.append(chosen, others))
        return tuple(self._rows[both].tolist())
