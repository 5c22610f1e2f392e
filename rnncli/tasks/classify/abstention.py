"""When a classifier gives no label: where even the best one is too improbable."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnncli.errors import ConfigError

if TYPE_CHECKING:
    from rnncli.tasks.classify.predict import Classification

# Probabilities are calibrated on held-out data at training: below this one an answer would be
# wrong more than once in three.
AUTO_THRESHOLD = 2 / 3
ABSTAIN_LABEL = "neutral"  # classes are feelings more often than not, and this is none


@dataclass(frozen=True)
class Abstention:
    """Below which probability there is no answer, and what is said instead."""

    threshold: float
    label: str

    def applies_to(self, result: "Classification") -> bool:
        """Return whether even the best label of a text is too improbable."""
        return result.probability < self.threshold


def abstention_of(
    threshold: str | None, label: str | None, announce: Callable[[str], None]
) -> Abstention | None:
    """Return what ``--threshold`` and ``--abstain-label`` ask for; None for an answer always.

    Raises:
        ConfigError: the threshold is no probability, or there is a label and no threshold.

    """
    if threshold is None:
        if label is not None:
            raise ConfigError(
                "--abstain-label needs --threshold", "say below which probability: --threshold auto"
            )
        return None
    if label is None:
        label = ABSTAIN_LABEL
    if threshold != "auto":
        return Abstention(_probability(threshold), label)
    announce(f"threshold: {AUTO_THRESHOLD:.4f}, below which the answer is {label}")
    return Abstention(AUTO_THRESHOLD, label)


def _probability(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:  # which NaN is not, either
        raise ConfigError(
            f"--threshold is {text!r}",
            "give a probability above 0 and at most 1, or have one chosen: --threshold auto",
        )
    return number
