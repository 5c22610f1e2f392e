"""The heads of networks: what they answer with."""

from dataclasses import dataclass
from typing import TypeAlias

from rnncli.config import MAX_CLASSES, MAX_VOCAB, require_bool, require_int
from rnncli.errors import ConfigError

MAX_WIDTH = 16_384  # of a layer: far above what a laptop trains
MAX_HORIZON = 10_000  # values that are forecast


@dataclass(frozen=True)
class Classes:
    """The head of a classifier."""

    count: int

    def __post_init__(self) -> None:
        """Check the sizes."""
        require_int("number of classes", self.count, 1, MAX_CLASSES)


@dataclass(frozen=True)
class Vocabulary:
    """The head of a decoder: logits of the next token."""

    size: int
    tied: bool = True  # the weights are those of the decoder's embedding (Press and Wolf 2017)
    deep: bool = True  # it also reads the previous token (Bahdanau et al. 2015, appendix A.2.2)

    def __post_init__(self) -> None:
        """Check the sizes."""
        require_int("size of the vocabulary", self.size, 1, MAX_VOCAB)
        require_bool("tied", self.tied)
        require_bool("deep", self.deep)


@dataclass(frozen=True)
class Quantiles:
    """The head of a forecaster: quantiles of each of the next values, all at once.

    One step of a recurrent layer for each segment, from the encoder's last state and an embedding
    of the segment's position (SegRNN, Lin et al. 2023, section 3.4).
    """

    horizon: int  # values
    segment: int  # values in a segment
    levels: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the sizes."""
        require_int("horizon", self.horizon, 1, MAX_HORIZON)
        require_int("values in a segment", self.segment, 1, MAX_WIDTH)
        is_ordered = list(self.levels) == sorted(set(self.levels))
        if not (self.levels and is_ordered and self.levels[0] > 0 and self.levels[-1] < 1):
            raise ConfigError(
                "the levels of the quantiles are wrong", "rise from above 0 to below 1"
            )

    @property
    def segments(self) -> int:
        """The number of segments, of which the last may be longer than the horizon."""
        return -(-self.horizon // self.segment)


@dataclass(frozen=True)
class Ctc:
    """The head of a transcriber: a token or nothing at each step (Graves et al. 2006)."""

    vocab_size: int

    def __post_init__(self) -> None:
        """Check the sizes."""
        require_int("size of the vocabulary", self.vocab_size, 1, MAX_VOCAB)


Head: TypeAlias = Classes | Vocabulary | Quantiles | Ctc
