"""A classifier that is fitted in a moment to the few texts that have labels so far.

Shapes: N texts, C labels, K labels of another classifier, E values that each text has, U n-grams.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rnncli.networks.numerics import Floats
from rnncli.tasks.labelling.features import TextFeatures, TextVectorizer

MAX_FITTED = 3_000  # texts: the time of a fit rises with their cube
MIN_LABELS = 2  # different ones, without which there is nothing to tell apart


@dataclass(frozen=True)
class LabelModel:
    """Score labels by the features of a text."""

    vectorizer: TextVectorizer
    answer: Callable[[Sequence[str]], Floats] | None  # (N, K) of another classifier, if it helps
    by_dense: Floats  # (E, C)
    by_ngrams: Floats  # (U, C)
    bias: Floats  # (C,)

    def logits(self, texts: Sequence[str]) -> Floats:
        """Return the logits (N, C) of texts."""
        features = self.vectorizer(texts)
        if self.answer is not None:
            features = replace(features, answers=self.answer(texts))
        return self.score(features)

    def score(self, features: TextFeatures) -> Floats:
        """Return the logits (N, C) of texts with known features."""
        return features.score(self.by_dense, self.by_ngrams) + self.bias
