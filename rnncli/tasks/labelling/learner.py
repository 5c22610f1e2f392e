"""Learn from the labels so far, and choose the texts that are worth a label next."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rnncli.data.vector_sources import bundled_vectors
from rnncli.messages import stage
from rnncli.networks.numerics import Floats, Ints, softmax
from rnncli.tasks.classify.vectors import ENGLISH
from rnncli.tasks.labelling.features import TextFeatures, TextVectorizer
from rnncli.tasks.labelling.model import MAX_FITTED, MIN_LABELS, LabelModel
from rnncli.tasks.labelling.ridge import fit_ridge
from rnncli.tasks.labelling.selection import doubt, most_telling
from rnncli.tasks.labelling.sentiment import MAX_COMPARED, MIN_COMPARED, SentimentAnswers

MIN_FOR_DOUBT = 10  # labels, from which a model tells what is in doubt
# Texts to choose from, drawn at random: their products are 16 MB, and computed in about a second.
SAMPLE = 2_000
PARTS = (2, 4, 8)  # into which the labels are divided, to see what fewer of them reach
MIN_PART = 10  # labels of a part: of fewer nothing is learned


@dataclass(frozen=True)
class HeldOutLabels:
    """The labels that texts get from models that have not seen theirs."""

    rows: tuple[int, ...] = ()
    by_all_others: tuple[str, ...] = ()
    by_part: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # from so small a part


@dataclass(frozen=True)
class Learned:
    """What follows from the labels so far."""

    labels: tuple[str, ...]  # in the order of the model's classes
    model: LabelModel | None  # None: there are too few labels
    held_out: HeldOutLabels
    next_rows: tuple[int, ...]  # of texts that are worth most

    @property
    def follows_sentiment(self) -> bool:
        """Whether the answers of the bundled sentiment model are features."""
        return self.model is not None and self.model.answer is not None

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
    def __init__(self, texts: Sequence[str], seed: int = 0, *, has_sentiment: bool = True) -> None:
        """Read the words of texts, which are known by their rows.

        Without ``has_sentiment`` the bundled sentiment model is never asked.
        """
        self._rng = np.random.default_rng(seed)
        self._vectorizer = TextVectorizer(texts, bundled_vectors(ENGLISH))
        self._features = self._vectorizer(texts)
        is_asked = has_sentiment and self._vectorizer.is_english
        self._sentiment = SentimentAnswers.of(texts) if is_asked else None
        self._sample: _Sample | None = None
        self._uses_sentiment = False
        self._compared = 0  # labels that were compared with sentiment

    def learn(
        self, labels: Mapping[int, str], excluded: Collection[int] = (), number: int = 10
    ) -> Learned:
        """Fit to the ``labels`` of rows, and choose ``number`` others that are not ``excluded``."""
        names = tuple(dict.fromkeys(labels.values()))
        taken = np.array(sorted({*labels, *excluded}), np.int64)
        if len(names) < MIN_LABELS:
            return Learned(names, None, HeldOutLabels(), self._choose(None, number, taken))
        rows, classes = _fitted(labels, names)
        self._compare_with_sentiment(rows, classes, len(names))
        features = self._select(rows)
        products = features.products()
        fit = fit_ridge(products, classes, len(names))
        answer = self._sentiment if self._uses_sentiment else None
        model = LabelModel(self._vectorizer, answer, *features.combine(fit.weights), fit.bias)
        held_out = HeldOutLabels(
            tuple(rows.tolist()),
            tuple(names[i] for i in fit.held_out.argmax(1)),
            {
                parts: tuple(names[i] for i in _label_by_part(products, classes, parts))
                for parts in PARTS
                if len(rows) >= MIN_PART * parts
            },
        )
        is_sure = len(rows) >= MIN_FOR_DOUBT
        return Learned(
            names, model, held_out, self._choose(model if is_sure else None, number, taken)
        )

    def _compare_with_sentiment(
        self, rows: Ints, classes: NDArray[np.int64], num_classes: int
    ) -> None:
        """Use the answers of the sentiment model, if the labels so far are predicted better so."""
        if self._sentiment is None or self._compared == MAX_COMPARED or len(rows) < MIN_COMPARED:
            return
        rows = rows[:MAX_COMPARED]
        self._compared = len(rows)
        self._uses_sentiment = self._sentiment.help(
            self._features, rows, classes[: len(rows)], num_classes
        )

    def _select(self, rows: Ints) -> TextFeatures:
        """Return the features of some texts, with the answers of the sentiment model if used."""
        features = self._features.select(rows)
        if self._sentiment is None or not self._uses_sentiment:
            return features
        return replace(features, answers=self._sentiment.select(rows))

    def _choose(self, model: LabelModel | None, number: int, taken: Ints) -> tuple[int, ...]:
        """Return rows that are worth a label most."""
        has_more = len(self._features) > SAMPLE
        if self._sample is None or (has_more and len(taken) > 2 * self._sample.taken):
            self._sample = self._draw(taken)
        rows = self._sample.rows
        doubts = np.ones(len(rows), np.float32)
        if model is not None:
            doubts = doubt(softmax(model.score(self._select(rows))))
        known = np.flatnonzero(np.isin(rows, taken))
        chosen = rows[most_telling(self._sample.products, doubts, number, known)]
        if len(chosen) < number:  # the sample has no more
            left = np.setdiff1d(np.arange(len(self._features)), np.append(taken, chosen))
            chosen = np.append(chosen, self._rng.permutation(left)[: number - len(chosen)])
        return tuple(chosen.tolist())

    def _draw(self, taken: Ints) -> "_Sample":
        """Draw texts to choose from, with those taken as far as they are half of them."""
        others = np.setdiff1d(np.arange(len(self._features)), taken)
        known = self._rng.permutation(taken)[: max(SAMPLE // 2, SAMPLE - len(others))]
        rows = np.append(known, self._rng.permutation(others)[: SAMPLE - len(known)])
        # With answers to sentiment, texts alike in these alone would tell of each other.
        return _Sample(rows, self._features.select(rows).products(), max(len(taken), MIN_FOR_DOUBT))


@dataclass(frozen=True)
class _Sample:
    """Texts (S,) to choose from; they are drawn anew when twice as many are ``taken``."""

    rows: Ints  # (S,)
    products: Floats  # (S, S)
    taken: int


def _fitted(
    labels: Mapping[int, str], names: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows (N,) that a model is fitted to, and their classes (N,)."""
    rows = np.fromiter(labels, np.int64)
    if len(rows) > MAX_FITTED:
        rows = np.random.default_rng(0).permutation(rows)[:MAX_FITTED]
    numbers = {name: i for i, name in enumerate(names)}
    return rows, np.array([numbers[labels[row]] for row in rows.tolist()])


def _label_by_part(products: Floats, classes: NDArray[np.int64], parts: int) -> Ints:
    """Return the class (N,) that each text has by a model of another one of some equal parts."""
    labels = np.zeros_like(classes)
    order = np.random.default_rng(0).permutation(len(classes))
    rows = np.array_split(order, parts)
    for part, others in zip(rows, [*rows[1:], rows[0]], strict=True):
        fit = fit_ridge(products[np.ix_(part, part)], classes[part], int(classes.max()) + 1)
        labels[others] = (products[np.ix_(others, part)] @ fit.weights + fit.bias).argmax(1)
    return labels
