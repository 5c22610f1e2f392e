"""The architecture of a network: its parts, and the name and shape of every parameter.

A network has a front that reads tokens or numbers, an encoder, a decoder or both, and a head::

    classifier        Tokens -> encoder            -> Classes
    language model    Tokens            -> decoder -> Vocabulary
    translator        Tokens -> encoder -> decoder -> Vocabulary
    forecaster        Frames -> encoder            -> Quantiles
    transcriber       Frames -> encoder            -> Ctc

Where there are both, the decoder attends to the encoder. `parameters` is what networks in PyTorch
have, networks in NumPy read, and files of weights are checked by.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rnncli.config import (
    CELLS,
    MAX_VOCAB,
    Cell,
    require_bool,
    require_choice,
    require_int,
)
from rnncli.errors import ConfigError
from rnncli.networks.heads import MAX_WIDTH, Classes, Ctc, Head, Quantiles, Vocabulary
from rnncli.text.special_tokens import SPECIAL_TOKENS

# The largest sizes of a network: far above what a laptop trains, and a bound for the memory that a
# damaged or hostile config.json can ask for.
MAX_LAYERS = 32
MAX_PARAMETERS = 500_000_000  # 2 GB of float32

GATES: dict[Cell, int] = {"lstm": 4, "gru": 3, "rnn": 1, "mingru": 2}  # blocks of rows in a weight
WITHOUT_RECURRENT_WEIGHTS: frozenset[Cell] = frozenset({"mingru"})  # gates read the input alone
MIN_STATE = 1e-4  # of a minGRU, whose states are positive, since it takes their logarithms

VECTORS = "encoder.embedding.vectors"  # the one parameter that is not trained, and in int8

Shapes = dict[str, tuple[int, ...]]
# What a layer is part of, how it reads, and what it carries from step to step.
Half: TypeAlias = Literal["encoder", "decoder"]
Direction: TypeAlias = Literal["forward", "backward"]
State: TypeAlias = Literal["h", "c"]


@dataclass(frozen=True)
class Tokens:
    """The front of a network that reads text: an embedding of each token.

    It has a trained part and, where there are word vectors, a frozen part. The last tokens of the
    vocabulary, ``vectors_only``, are words that only the vectors know: their trained part is that
    of ``<unk>``.
    """

    vocab_size: int
    embedding_dim: int  # of the trained part
    vectors_dim: int = 0  # of the frozen part
    vectors_only: int = 0

    def __post_init__(self) -> None:
        """Check the sizes."""
        require_int("vocab_size", self.vocab_size, 1, MAX_VOCAB)
        require_int("embedding_dim", self.embedding_dim, 1, MAX_WIDTH)
        require_int("vectors_dim", self.vectors_dim, 0, MAX_WIDTH)
        words = self.vocab_size - len(SPECIAL_TOKENS) if self.vectors_dim else 0
        require_int("vectors_only", self.vectors_only, 0, max(words, 0))

    @property
    def trained_size(self) -> int:
        """The number of tokens that have a trained embedding."""
        return self.vocab_size - self.vectors_only

    @property
    def width(self) -> int:
        """The size of both parts of an embedding together."""
        return self.embedding_dim + self.vectors_dim


@dataclass(frozen=True)
class Frames:
    """The front of a network that reads numbers: a linear projection of each frame, and ReLU.

    A frame is a step of the network: a segment of a series, or a spectrum.
    """

    size: int  # numbers in a frame
    embedding_dim: int

    def __post_init__(self) -> None:
        """Check the sizes."""
        require_int("size of a frame", self.size, 1, MAX_WIDTH)
        require_int("embedding_dim", self.embedding_dim, 1, MAX_WIDTH)

    @property
    def width(self) -> int:
        """The size of what the first layer reads at each step."""
        return self.embedding_dim


@dataclass(frozen=True)
class Stack:
    """Stacked recurrent layers."""

    cell: Cell
    num_layers: int
    hidden_size: int  # of each direction
    bidirectional: bool = False

    def __post_init__(self) -> None:
        """Check the sizes."""
        require_choice("cell", self.cell, CELLS)
        require_int("num_layers", self.num_layers, 1, MAX_LAYERS)
        require_int("hidden_size", self.hidden_size, 1, MAX_WIDTH)
        require_bool("bidirectional", self.bidirectional)

    @property
    def directions(self) -> int:
        """The number of directions in which a text is read."""
        return 2 if self.bidirectional else 1

    @property
    def output_size(self) -> int:
        """The output size of all directions for each token."""
        return self.directions * self.hidden_size


Front: TypeAlias = Tokens | Frames


@dataclass(frozen=True)
class Architecture:
    """The parts of a network; its weights fit no other architecture.

    Raises:
        ConfigError: the parts do not fit together, or the network is too large.

    """

    front: Front
    encoder: Stack | None
    decoder: Stack | None
    head: Head

    def __post_init__(self) -> None:
        """Check the parts, and the size before anything is allocated."""
        if (size := count_parameters(self)) > MAX_PARAMETERS:
            raise ConfigError(
                f"a model of {size / 1e6:,.0f} M parameters is too large",
                "take a smaller --hidden-size, --embedding-dim or --vocab-size",
            )


def from_json(description: Any) -> Architecture:
    """Parse the architecture in a config.json: `dataclasses.asdict` of one.

    Raises:
        ConfigError: it is no architecture.

    """
    try:
        front, encoder, decoder, head = (
            description[name] for name in ("front", "encoder", "decoder", "head")
        )
        return Architecture(
            Frames(**front) if "vocab_size" not in front else Tokens(**front),
            None if encoder is None else Stack(**encoder),
            None if decoder is None else Stack(**decoder),
            _head(head, has_encoder=encoder is not None),
        )
    except (KeyError, TypeError) as error:
        raise ConfigError(f"the architecture is damaged: {error}", "describe all parts") from None


def _head(head: Any, *, has_encoder: bool) -> Head:
    if "count" in head:
        return Classes(**head)
    if "horizon" in head:
        return Quantiles(**{**head, "levels": tuple(map(float, head["levels"]))})
    if "vocab_size" in head:
        return Ctc(**head)
    # Models of before ``deep`` was written read the previous token beside an encoder only.
    return Vocabulary(**{"deep": has_encoder, **head})


def parameters(architecture: Architecture) -> Shapes:
    """Return the shape of every parameter by its name; tied ones are listed once.

    Raises:
        ConfigError: the parts do not fit together.

    """
    match architecture:
        case Architecture(Tokens() as front, Stack() as encoder, None, Classes() as head):
            pooled = 3 * encoder.output_size  # maximum, mean and last of the outputs
            return _encoder(front, encoder) | _linear("head.output", pooled, head.count)
        case Architecture(
            Tokens() as front, None, Stack(bidirectional=False) as decoder, Vocabulary() as head
        ):
            # Outputs are inputs of the next step.
            if front.vocab_size == head.size and not front.vectors_dim:
                return _decoder(front, decoder, head)
        case Architecture(
            Tokens() as front,
            Stack() as encoder,
            Stack(bidirectional=False) as decoder,
            Vocabulary() as head,
        ):
            attention = _attention(front, encoder, decoder, head)
            return _encoder(front, encoder) | _decoder(front, decoder, head) | attention
        case Architecture(Frames() as front, Stack() as encoder, None, Quantiles() as head):
            return _encoder(front, encoder) | _quantiles(front, encoder, head)
        case Architecture(Frames() as front, Stack() as encoder, None, Ctc() as head):
            output = _linear("output", encoder.output_size, head.vocab_size)
            return _encoder(front, encoder) | output
    raise ConfigError(
        "these parts of a network do not fit together",
        "give an encoder and classes, or a decoder of one direction and a vocabulary",
    )


def count_parameters(architecture: Architecture) -> int:
    """Count the parameters of a network."""
    return sum(map(math.prod, parameters(architecture).values()))


def feature_size(front: Tokens, decoder: Stack, head: Vocabulary) -> int:
    """Return the input size of the output layer."""
    return front.embedding_dim if head.tied else decoder.hidden_size


def _encoder(front: Front, encoder: Stack) -> Shapes:
    if isinstance(front, Frames):
        shapes = _linear("encoder.embedding", front.size, front.embedding_dim)
    else:
        shapes = {"encoder.embedding.weight": (front.trained_size, front.embedding_dim)}
        if front.vectors_dim:
            shapes[VECTORS] = front.vocab_size, front.vectors_dim
    for layer in range(encoder.num_layers):
        inputs = encoder.output_size if layer else front.width
        for direction in range(encoder.directions):
            shapes |= _recurrent(f"encoder.layers.{layer}.{direction}", encoder, inputs)
    return shapes


def _decoder(front: Tokens, decoder: Stack, head: Vocabulary) -> Shapes:
    features, size = feature_size(front, decoder, head), decoder.hidden_size
    shapes: Shapes = {"decoder.embedding.weight": (head.size, front.embedding_dim)}
    for layer in range(decoder.num_layers):
        inputs = size if layer else front.embedding_dim
        shapes |= _recurrent(f"decoder.layers.{layer}", decoder, inputs)
    if features != size:
        shapes |= _linear("decoder.projection", size, features)
    shapes |= _linear("decoder.output", features, head.size)
    if head.tied:
        del shapes["decoder.output.weight"]
    if head.deep:
        shapes["decoder.previous_token_projection.weight"] = features, front.embedding_dim
    return shapes


def _quantiles(front: Frames, encoder: Stack, head: Quantiles) -> Shapes:
    size = encoder.output_size
    values = head.segment * len(head.levels)
    return {
        "head.positions.weight": (head.segments, front.embedding_dim),
        **_recurrent("head.layer", Stack(encoder.cell, 1, size), front.embedding_dim),
        **_linear("head.output", size, values),
    }


def _attention(front: Tokens, encoder: Stack, decoder: Stack, head: Vocabulary) -> Shapes:
    source, size = encoder.output_size, decoder.hidden_size
    features = feature_size(front, decoder, head), front.width
    return {
        "decoder.attention.query.weight": (source, size),
        **_linear("decoder.attention.combine", size + source, size),
        **_linear("decoder.bridge", source, decoder.num_layers * size),
        "decoder.lexical_projection.weight": features,
    }


def _recurrent(prefix: str, stack: Stack, inputs: int) -> Shapes:
    rows = GATES[stack.cell] * stack.hidden_size
    shapes: Shapes = {f"{prefix}.weight_ih": (rows, inputs), f"{prefix}.bias_ih": (rows,)}
    if stack.cell not in WITHOUT_RECURRENT_WEIGHTS:
        shapes |= {f"{prefix}.weight_hh": (rows, stack.hidden_size), f"{prefix}.bias_hh": (rows,)}
    return shapes


def _linear(prefix: str, inputs: int, outputs: int) -> Shapes:
    return {f"{prefix}.weight": (outputs, inputs), f"{prefix}.bias": (outputs,)}
