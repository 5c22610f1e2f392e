"""Abstention: a classifier gives no label where even the best one is improbable."""

import math
from dataclasses import dataclass

from rnncli.errors import ConfigError

# Probabilities are calibrated on held-out data at training: below this one an answer would be
# wrong more than once in three.
AUTO_THRESHOLD = 2 / 3
ABSTAIN_LABEL = "neutral"  # classes are feelings more often than not, and this is none


@dataclass(frozen=True)
class Abstention:
    """The probability below which the best label of a text is withheld, and what replaces it."""

    threshold: float
    label: str

    @classmethod
    def of(cls, threshold: float | str, label: str | None = None) -> "Abstention":
        """Return what to do below a threshold: a number, which may be written out, or ``auto``.

        Raises:
            ConfigError: the threshold is no probability.

        """
        try:
            value = AUTO_THRESHOLD if threshold == "auto" else float(threshold)
        except (TypeError, ValueError):
            value = math.nan
        if not 0 < value <= 1:  # which NaN is not, either
            raise ConfigError(
                f"--threshold is {threshold!r}",
                "give a probability above 0 and at most 1, or have one chosen: --threshold auto",
            )
        return cls(value, ABSTAIN_LABEL if label is None else label)
