"""Abstention: a classifier withholds a label that is too improbable."""

import math
from dataclasses import dataclass

from rnncli.errors import ConfigError

# Below it a label is wrong more than once in three: probabilities are calibrated.
AUTO_THRESHOLD = 2 / 3
ABSTAIN_LABEL = "neutral"  # suits sentiment, the most frequent kind of labels


@dataclass(frozen=True)
class Abstention:
    """The probability below which a label is withheld, and the label that replaces it."""

    threshold: float
    label: str

    @classmethod
    def of(cls, threshold: float | str, label: str | None = None) -> "Abstention":
        """Parse a threshold: a number, also as a string, or ``auto``.

        Raises:
            ConfigError: the threshold is no probability.

        """
        try:
            value = AUTO_THRESHOLD if threshold == "auto" else float(threshold)
        except (TypeError, ValueError):
            value = math.nan
        if not 0 < value <= 1:  # also for NaN
            raise ConfigError(
                f"--threshold is {threshold!r}, not a probability above 0 and at most 1",
                "--threshold auto",
            )
        return cls(value, ABSTAIN_LABEL if label is None else label)
