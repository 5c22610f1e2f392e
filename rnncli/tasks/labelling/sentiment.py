"""The answers of the bundled sentiment model, as features of texts whose labels follow sentiment.

Its encoder has read far more texts than a person has labelled: where labels are of that kind, tens
of them then say as much as hundreds alone. Elsewhere they are noise. So they are features where
labels are predicted better with them.

Shapes: N texts, M of them that are compared, K labels of the sentiment model.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rnncli.networks.numerics import Floats, Ints
from rnncli.storage.bundled import bundled_models
from rnncli.storage.model_names import model_directory
from rnncli.storage.reading import load
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.tasks.classify.sentiment_start import MODEL, SAMPLE_CHARACTERS
from rnncli.tasks.labelling.features import TextFeatures
from rnncli.tasks.labelling.ridge import fit_ridge

MIN_COMPARED, MAX_COMPARED = 20, 100  # labels: fewer say nothing, so many say enough
# Of the held-out loss without them, what it must be with them. Random labels of airline, financial
# and sst2: 0.4 to 0.9 from 50 labels on; of trec and ag_news: 0.96 and more.
MAX_LOSS_RATIO = 0.95
LOGIT_SCALE = 1.7  # the root mean square of its logits for English texts, to give answers length 1

NOTICE = f"the answers of {MODEL} help to predict these labels, and are used"


class SentimentAnswers:
    """What the bundled sentiment model says of texts, which are known by their rows."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Take texts, and read none of them yet."""
        self._texts = texts
        self._classifier = TextClassifier(load(model_directory(MODEL), "classify"))
        self._answers = np.full((len(texts), len(self._classifier.labels)), np.nan, np.float32)

    @classmethod
    def of(cls, texts: Sequence[str]) -> "SentimentAnswers | None":
        """Return the answers to texts; None where the model does not come with rnncli."""
        return cls(texts) if MODEL in bundled_models() else None

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return answers (N, K) of about length 1."""
        logits = self._classifier.logits([text[:SAMPLE_CHARACTERS] for text in texts])
        answers: Floats = (logits - logits.mean(1, keepdims=True)) / np.float32(LOGIT_SCALE)
        return answers

    def select(self, rows: Ints) -> Floats:
        """Return the answers (N, K) to some texts, each of which is read once."""
        missing = rows[np.isnan(self._answers[rows, 0])]
        self._answers[missing] = self([self._texts[row] for row in missing])
        answers: Floats = self._answers[rows]
        return answers

    def help(
        self, features: TextFeatures, rows: Ints, classes: NDArray[np.int64], num_classes: int
    ) -> bool:
        """Return whether the classes (M,) of rows (M,) are predicted better with the answers."""
        words = features.select(rows)
        both = words, replace(words, answers=self.select(rows))
        losses = [fit_ridge(each.products(), classes, num_classes).loss for each in both]
        return losses[1] <= MAX_LOSS_RATIO * losses[0]
