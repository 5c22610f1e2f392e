"""A classifier that is fitted in a moment to the few texts that have labels so far.

Shapes: N texts, C labels, D values of a vector, U n-grams.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.networks.numerics import Floats
from rnncli.tasks.labelling.features import TextFeatures, TextVectorizer
from rnncli.tasks.labelling.ridge import RidgeFit, fit_ridge

MAX_FITTED = 3_000  # texts: the time of a fit rises with their cube
MIN_LABELS = 2  # different ones, without which there is nothing to tell apart


@dataclass(frozen=True)
class LabelModel:
    """Score labels by the vectors and the n-grams of a text."""

    vectorizer: TextVectorizer
    by_vectors: Floats  # (D, C)
    by_ngrams: Floats  # (U, C)
    bias: Floats  # (C,)

    def logits(self, texts: Sequence[str]) -> Floats:
        """Return the logits (N, C) of texts."""
        return self.score(self.vectorizer(texts))

    def score(self, features: TextFeatures) -> Floats:
        """Return the logits (N, C) of texts with known features."""
        return features.score(self.by_vectors, self.by_ngrams) + self.bias


def fit_model(
    vectorizer: TextVectorizer,
    features: TextFeatures,
    classes: NDArray[np.int64],
    num_classes: int,
) -> tuple[LabelModel, RidgeFit]:
    """Fit a model to at most ``MAX_FITTED`` texts with classes (N,)."""
    fit = fit_ridge(features.products(), classes, num_classes)
    return LabelModel(vectorizer, *features.combine(fit.weights), fit.bias), fit
