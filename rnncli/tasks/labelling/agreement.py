"""What two people say of the same texts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Agreement:
    """How often two people gave the same texts the same labels."""

    both: int  # texts that both labelled
    agreed: int
    kappa: float  # agreement beyond chance, of 1 at most (Cohen 1960)


def agreement(first: Mapping[str, str], second: Mapping[str, str]) -> Agreement:
    """Compare the labels of the texts that two people labelled."""
    both = first.keys() & second.keys()
    agreed = sum(first[text] == second[text] for text in both)
    number = max(len(both), 1)
    counts = [Counter(labels[text] for text in both) for labels in (first, second)]
    by_chance = sum(counts[0][label] * counts[1][label] for label in counts[0]) / number**2
    observed = agreed / number
    kappa = 1.0 if by_chance == 1 else (observed - by_chance) / (1 - by_chance)
    return Agreement(len(both), agreed, kappa)
