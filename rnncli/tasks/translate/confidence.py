"""The confidence of a translation: the probability that it is a good one, by its score.

A good translation reaches chrF 50 (Popović 2015), or 30 in a script without spaces, where words
have one or two characters and few longer n-grams recur. The probability is a logistic function,
fitted to held-out pairs, of the negative log-probability of a translation divided by a power of
its length.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnncli.analysis.calibration import fit_logistic
from rnncli.text.sentences import clean
from rnncli.text.unicode import has_unspaced

if TYPE_CHECKING:
    from rnncli.tasks.translate.translation import Translation

# Of a translation from which most of the meaning can be read.
GOOD_CHRF, GOOD_CHRF_UNSPACED = 50.0, 30.0
EXPONENTS = (0.5, 0.75, 1.0)  # of the length
BOUNDS = 1e-3, 1e3  # of the parameters: of models that learned something, all are within
MAX_SCALE = 100.0  # where the cost tells nothing, since all translations are good
PREFIX = "confidence_"  # of the names of the parameters among the tuned ones of a model


@dataclass(frozen=True)
class Confidence:
    """The probability that a translation is good, by its log-probability and its length."""

    exponent: float  # of the length
    midpoint: float  # of the cost: there the probability is a half
    scale: float  # of the cost: the difference that multiplies the odds by e

    def __call__(self, log_p: float, length: int) -> float:
        """Return the probability that a translation of ``length`` tokens is good."""
        cost = -log_p / length**self.exponent
        odds = (self.midpoint - cost) / self.scale
        return 0.5 * (1 + math.tanh(odds / 2))  # the logistic function, which never overflows

    @classmethod
    def fit(cls, translations: Sequence["Translation"], references: Sequence[str]) -> "Confidence":
        """Fit the parameters to translations, whose scores are log-probabilities."""
        from sacrebleu.metrics.chrf import CHRF

        chrf = CHRF()
        scores = np.array(
            [
                chrf.sentence_score(translation.text, [clean(reference)]).score
                for translation, reference in zip(translations, references, strict=True)
            ]
        )
        unspaced = np.array(list(map(has_unspaced, references)))
        good = scores >= np.where(unspaced, GOOD_CHRF_UNSPACED, GOOD_CHRF)
        log_p = np.array([translation.score for translation in translations])
        lengths = np.array([max(translation.length, 1) for translation in translations])
        fits = []
        for exponent in EXPONENTS:
            cost = -log_p / lengths**exponent
            loss, intercept, slope = fit_logistic(cost, good)
            fits.append((loss, exponent, intercept, slope, float(cost.mean())))
        _, exponent, intercept, slope, mean = min(fits)
        if intercept <= 0:  # hardly any is good, however probable: a half at no cost, not before
            slope, intercept = (intercept + slope * mean) / mean, 0.0
        scale = 1 / max(-slope, 1 / MAX_SCALE)
        midpoint, scale = np.clip([intercept * scale, scale], *BOUNDS).tolist()
        return cls(exponent, midpoint, scale)

    def parameters(self) -> dict[str, float]:
        """Return the parameters by their names among the tuned ones of a model."""
        return {PREFIX + name: value for name, value in asdict(self).items()}

    @classmethod
    def parse(cls, tuned: Mapping[str, float]) -> "Confidence | None":
        """Return the confidence by the tuned parameters of a model; None without all of them."""
        if not tuned.keys() >= set(PARAMETERS):
            return None
        return cls(*(tuned[name] for name in PARAMETERS))


PARAMETERS = tuple(Confidence(1.0, 1.0, 1.0).parameters())
