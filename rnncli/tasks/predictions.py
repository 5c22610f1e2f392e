"""What a model of each task predicts as it reads a text, a recording or a series."""

from dataclasses import dataclass
from typing import TypeAlias

from rnncli.analysis.alignment import Alignment
from rnncli.data.series import Doubles
from rnncli.networks.numerics import Floats
from rnncli.tasks.next_tokens import NextTokens


@dataclass(frozen=True)
class ClassProbabilities:
    """The probability of each class if the text ended after each of its tokens."""

    labels: tuple[str, ...]  # C
    initial: Floats  # (C,) before any token
    probabilities: Floats  # (T, C)


@dataclass(frozen=True)
class WrittenTranslation:
    """A translation, its attention to the source, and what else could have been written."""

    text: str
    alignment: Alignment
    next_tokens: NextTokens  # after <bos> and after each token of the translation


@dataclass(frozen=True)
class TokenProbabilities:
    """The sound up to its first pause, and what the network writes at each of its steps."""

    samples: Floats  # (S,)
    start: float  # seconds
    end: float
    labels: tuple[str, ...]  # of the V tokens that are likely at some step
    probabilities: Floats  # (T, V)


@dataclass(frozen=True)
class SeriesForecast:
    """The end of a series, and what is forecast after it."""

    name: str
    values: Doubles  # (T,) that the network reads
    quantiles: Doubles  # (H, Q)


Prediction: TypeAlias = (
    NextTokens | ClassProbabilities | WrittenTranslation | TokenProbabilities | SeriesForecast
)
