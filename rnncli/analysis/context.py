"""How much a model's predictions need of the text before: its loss with a short context.

What lies further back is hidden from the model, and the rise of the loss tells what it was worth
(Khandelwal et al. 2018, section 3.1).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis.metrics import QUANTILE, Interval

CONTEXTS = (1, 4, 16, 64, 256)  # tokens

Losses: TypeAlias = NDArray[np.float64]  # (N,) of the same N predictions each time


@dataclass(frozen=True)
class ContextLoss:
    """The mean loss with a context of so many tokens, and its rise over that with all of it."""

    tokens: int
    loss: float  # nats
    rise: float
    rise_interval: Interval


def context_losses(
    losses: Callable[[int], Losses], whole: Losses, contexts: Sequence[int] = CONTEXTS
) -> list[ContextLoss]:
    """Compare predictions from short contexts with the same ones from the ``whole`` context.

    Intervals are those of a mean of N differences, by the normal distribution.
    """
    compared = []
    for tokens in contexts:
        short = losses(tokens)
        differences = short - whole
        rise = float(differences.mean())
        error = QUANTILE * float(differences.std()) / np.sqrt(len(differences))
        interval = (rise - error, rise + error)
        compared.append(ContextLoss(tokens, float(short.mean()), rise, interval))
    return compared


@dataclass(frozen=True)
class PositionLoss:
    """The mean loss of the tokens at some positions of their texts, counted from 1."""

    first: int
    last: int
    loss: float  # nats
    count: int  # tokens


def position_losses(losses: Sequence[NDArray[np.floating[Any]]]) -> list[PositionLoss]:
    """Average the losses (T,) of texts over the positions 1, 2 to 3, 4 to 7, and so on."""
    positions = np.concatenate([np.arange(1, len(each) + 1) for each in losses])
    values = np.concatenate(losses).astype(np.float64)
    groups = np.frexp(positions)[1] - 1  # the exponent of the power of two below
    averaged = []
    for group in np.unique(groups).tolist():
        part = values[groups == group]
        averaged.append(PositionLoss(2**group, 2 ** (group + 1) - 1, float(part.mean()), len(part)))
    return averaged
