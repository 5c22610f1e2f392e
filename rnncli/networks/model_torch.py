"""Networks in PyTorch, for training, made of the parts that `architecture.py` describes.

No Python loop runs over time. As in GNMT (Wu et al. 2016, section 3), the queries of the attention
are the outputs of the decoder's first layer, so that all steps attend to the source in one product.
`model_numpy.py` computes the same functions in NumPy, for inference.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnncli.networks.architecture import Architecture, Frames, Stack, Tokens, feature_size
from rnncli.networks.attention_torch import Attention, Source
from rnncli.networks.cells_torch import CELLS, Layers, LayerState, Recurrent
from rnncli.networks.ctc_torch import FrameLabeller
from rnncli.networks.embedding_torch import DropoutRates, Embedding, locked_dropout
from rnncli.networks.encoder_torch import ClassificationHead, Encoder, token_mask
from rnncli.networks.forecaster_torch import SequenceForecaster
from rnncli.networks.heads import Classes, Ctc, Quantiles, Vocabulary
from rnncli.networks.on_device_torch import OnDevice

LEXICAL_INIT_SCALE = 0.5  # of the identity, which was too strong
SMOOTHING = 0.1  # added to the count of each token, since some never occur

NO_DROPOUT = DropoutRates()


class Decoder(nn.Module):
    """Predict each next token from those before it."""

    def __init__(
        self, front: Tokens, stack: Stack, head: Vocabulary, dropout: DropoutRates
    ) -> None:
        super().__init__()
        self._add_layers(front, stack, head, dropout)
        self._add_output(front, stack, head)

    def _add_layers(
        self, front: Tokens, stack: Stack, head: Vocabulary, dropout: DropoutRates
    ) -> None:
        self.dropout = dropout
        self.embedding = Embedding(head.size, front.embedding_dim)
        inputs = [front.embedding_dim, *[stack.hidden_size] * (stack.num_layers - 1)]
        self.layers: Layers[Recurrent] = Layers(
            CELLS[stack.cell](size, stack.hidden_size) for size in inputs
        )

    def _add_output(self, front: Tokens, stack: Stack, head: Vocabulary) -> None:
        width = feature_size(front, stack, head)
        self._is_deep = head.deep
        if head.deep:
            # Without effect at first, so that the network learns to read the text before.
            self.previous_token_projection = nn.Linear(front.embedding_dim, width, bias=False)
            nn.init.zeros_(self.previous_token_projection.weight)
        self.projection: nn.Module = nn.Identity()
        if width != stack.hidden_size:
            self.projection = nn.Linear(stack.hidden_size, width)
        self.output = nn.Linear(width, head.size)
        if head.tied:
            self.output.weight = self.embedding.weight
        nn.init.zeros_(self.output.bias)

    @torch.no_grad()
    def init_output_bias(self, counts: NDArray[np.int64]) -> None:
        """Initialise the output bias to the log-frequencies of tokens, from counts (V,).

        Otherwise the first steps learn nothing else, and in a tied layer the gradients of tokens
        that never occur, such as most bytes, dominate for thousands of steps.
        """
        self.output.bias.copy_(log_frequencies(counts))

    def features(
        self, tokens: Tensor, states: Sequence[LayerState | None]
    ) -> tuple[Tensor, list[LayerState]]:
        """Return the features (N, T, E) after ``tokens`` (N, T), and the last states."""
        x = embedded = self._embedded(tokens)  # (N, T, E)
        after: list[LayerState] = []
        for layer, state in zip(self.layers, states, strict=True):
            x, last = layer(x, state)  # (N, T, H)
            after.append(last)
            x = locked_dropout(x, self.dropout.hidden, self.training)
        return self._project(x, embedded), after

    def _project(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Return the features (..., E) from outputs (..., H) and previous tokens (..., E)."""
        features: Tensor = self.projection(x)
        if self._is_deep:
            features = features + self.previous_token_projection(embedded)
        return features

    def _embedded(self, tokens: Tensor) -> Tensor:
        return locked_dropout(self.embedding(tokens), self.dropout.embedding, self.training)


class AttentionDecoder(Decoder):
    """Predict each next token from those before it and from the source.

    The output layer also reads the lexical features of the attended source tokens (Nguyen and
    Chiang 2018, section 4; here linear), and the previous token ("deep output": Bahdanau et al.
    2015, appendix A.2.2).
    """

    def __init__(
        self,
        front: Tokens,
        source_size: int,
        stack: Stack,
        head: Vocabulary,
        dropout: DropoutRates,
    ) -> None:
        nn.Module.__init__(self)
        # The order of the modules is that of the random numbers that initialise them.
        self._add_layers(front, stack, head, dropout)
        self.attention = Attention(stack.hidden_size, source_size)
        self.bridge = nn.Linear(source_size, stack.num_layers * stack.hidden_size)
        width = feature_size(front, stack, head)
        self.lexical_projection = nn.Linear(front.width, width, bias=False)
        # The embeddings of translations are initialised alike: so they are likely from the start.
        nn.init.eye_(self.lexical_projection.weight)
        self.lexical_projection.weight.data *= LEXICAL_INIT_SCALE
        self._add_output(front, stack, head)

    def init_states(self, last: Tensor) -> list[LayerState]:
        """Return the initial state of each layer, from the encoder's last states (N, D)."""
        parts = torch.tanh(self.bridge(last)).chunk(len(self.layers), 1)  # (N, H) each
        return [layer.init_state(h) for layer, h in zip(self.layers, parts, strict=True)]

    def lexical_features(self, embedded: Tensor) -> Tensor:
        """Return the lexical features of the source (N, S, E): of each token without its context.

        With them, translations of rare words are learned from few examples.
        """
        features = self.lexical_projection(embedded)  # (N, S, E)
        return locked_dropout(features, self.dropout.embedding, self.training)

    def attend(
        self,
        tokens: Tensor,
        states: Sequence[LayerState | None],
        source: Source,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, list[LayerState]]:
        """Return the features (N, T, E) after ``tokens`` (N, T), and the last state of each layer.

        With a ``mask`` (N, T), return only the features (M, E) where it is true.
        """
        index = slice(None) if mask is None else mask
        embedded = self._embedded(tokens)  # (N, T, E)
        first, *deeper = self.layers
        x, state = first(embedded, states[0])  # (N, T, H)
        after: list[LayerState] = [state]
        x, weights = self.attention(x, source)  # (N, T, H), (N, K T, S)
        x = locked_dropout(x, self.dropout.hidden, self.training)
        for layer, before in zip(deeper, states[1:], strict=True):
            x, state = layer(x, before)
            after.append(state)
            x = locked_dropout(x, self.dropout.hidden, self.training)
        lexical = torch.bmm(weights.to(source.lexical_features.dtype), source.lexical_features)
        lexical = lexical.view(*tokens.shape, -1)  # (N, T, E)
        return self._project(x[index], embedded[index]) + lexical[index], after


class SequenceClassifier(OnDevice):
    """A classifier of texts: an encoder and a head."""

    def __init__(self, front: Tokens, encoder: Stack, head: Classes, dropout: DropoutRates) -> None:
        super().__init__()
        self.architecture = Architecture(front, encoder, None, head)
        self.encoder = Encoder(front, encoder, dropout)
        self.head = ClassificationHead(encoder.output_size, head.count, dropout.hidden)

    def classify(self, tokens: Tensor, lengths: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Return the logits (N, C) of the classes of texts (N, S); see `Encoder`."""
        encoded = self.encoder(tokens, lengths, hidden)
        logits: Tensor = self.head(*encoded, token_mask(tokens, lengths))
        return logits


class CausalLM(OnDevice):
    """A language model: a decoder without an encoder."""

    def __init__(
        self, front: Tokens, decoder: Stack, head: Vocabulary, dropout: DropoutRates
    ) -> None:
        super().__init__()
        self.architecture = Architecture(front, None, decoder, head)
        self.decoder = Decoder(front, decoder, head, dropout)


class EncoderDecoder(OnDevice):
    """An encoder, and a decoder with attention to its outputs."""

    def __init__(
        self,
        front: Tokens,
        encoder: Stack,
        decoder: Stack,
        head: Vocabulary,
        dropout: DropoutRates,
    ) -> None:
        super().__init__()
        self.architecture = Architecture(front, encoder, decoder, head)
        self.encoder = Encoder(front, encoder, dropout)
        self.decoder = AttentionDecoder(front, encoder.output_size, decoder, head, dropout)

    def encode(self, tokens: Tensor, lengths: Tensor) -> tuple[Source, list[LayerState]]:
        """Encode sources (N, S); return them and the initial states of the decoder."""
        embedded = self.encoder.embedding(tokens)  # (N, S, E)
        values, last = self.encoder.read(embedded, lengths)  # (N, S, D), (N, D)
        features = self.decoder.lexical_features(embedded)  # (N, S, E)
        return (
            Source(values, token_mask(tokens, lengths), features),
            self.decoder.init_states(last),
        )

    def features(
        self, tokens: Tensor, lengths: Tensor, targets: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Return the features (N, T, E) after ``targets`` (N, T).

        With a ``mask`` (N, T), return only the features (M, E) where it is true.
        """
        source, states = self.encode(tokens, lengths)
        return self.decoder.attend(targets, states, source, mask)[0]


def build(
    architecture: Architecture, dropout: DropoutRates = NO_DROPOUT
) -> SequenceClassifier | CausalLM | EncoderDecoder | SequenceForecaster | FrameLabeller:
    """Build the network of an architecture, with initial weights."""
    match architecture:
        case Architecture(Tokens() as front, Stack() as encoder, None, Classes() as head):
            return SequenceClassifier(front, encoder, head, dropout)
        case Architecture(Tokens() as front, None, Stack() as decoder, Vocabulary() as head):
            return CausalLM(front, decoder, head, dropout)
        case Architecture(
            Tokens() as front, Stack() as encoder, Stack() as decoder, Vocabulary() as head
        ):
            return EncoderDecoder(front, encoder, decoder, head, dropout)
        case Architecture(Frames() as front, Stack() as encoder, None, Quantiles() as head):
            return SequenceForecaster(front, encoder, head, dropout)
        case Architecture(Frames() as front, Stack() as encoder, None, Ctc() as head):
            return FrameLabeller(front, encoder, head, dropout)
    raise AssertionError("an architecture is checked when it is created")


def log_frequencies(counts: NDArray[np.int64]) -> Tensor:
    """Return the smoothed log-frequencies (V,) of tokens, from their counts (V,)."""
    frequencies = torch.from_numpy(counts).float() + SMOOTHING  # (V,)
    return (frequencies / frequencies.sum()).log()
