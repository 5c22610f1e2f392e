"""The recurrent encoder-decoder in PyTorch, for training.

One network, of which each task uses its part::

    translate = Encoder + Decoder with Attention
    generate  =           Decoder
    classify  = Encoder + ClassificationHead

Shapes are noted behind the lines that make them:

    N batch   S source length   T target length   V vocabulary   E embedding   H hidden
    L layers  C classes         D = H, or 2 H where the encoder reads in both directions

No Python loop runs over time. The decoder follows the order of GNMT (Wu et al. 2016, section 3):
its first layer reads the whole target, attention looks up the source for all steps in one product,
and the remaining layers read the result. A single decoding step is the same code with T = 1.
`runtime.py` computes the same functions in NumPy, for inference.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rnncli.config import ModelConfig
from rnncli.networks.attention_torch import Attention, Memory
from rnncli.networks.cells_torch import (
    Embedding,
    Recurrent,
    State,
    last_step,
    locked_dropout,
    reverse,
)

CALL = 0.5  # how loudly a word calls for its translation at first: half of it learns best
UNSEEN = 0.1  # how often a token occurs that does not occur in the training text


class OnDevice(nn.Module):
    """Put arrays where the model is."""

    def tensor(self, array: NDArray[np.integer[Any] | np.bool_]) -> Tensor:
        """Return an array as a tensor where the model is."""
        return torch.from_numpy(array).to(next(self.parameters()).device)


class Encoder(nn.Module):
    """Read texts into one vector a token, in one or both directions."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.embedding_dropout = config.embedding_dropout
        self.embedding = Embedding(config.vocab_size, config.embedding_dim)
        directions = 2 if config.bidirectional else 1
        self.output_size = directions * config.encoder_units  # D
        self.layers = nn.ModuleList()
        for layer in range(config.num_layers):
            size = config.embedding_dim if layer == 0 else self.output_size
            self.layers.append(
                nn.ModuleList(
                    Recurrent(config.cell, size, config.encoder_units) for _ in range(directions)
                )
            )

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs (N, S, D) and both directions' last states (N, D).

        ``tokens`` is (N, S), padded behind; ``lengths`` is (N,), all at least 1.
        """
        return self.read(self.embedding(tokens), lengths)

    def read(self, words: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same for embedded ``words`` (N, S, E)."""
        x = locked_dropout(words, self.embedding_dropout, self.training)  # (N, S, E)
        last: list[Tensor] = []
        for layer in self.layers:
            outputs, last = [], []
            assert isinstance(layer, nn.ModuleList)
            for backward, direction in enumerate(layer):
                out, _ = direction(reverse(x, lengths) if backward else x)  # (N, S, H)
                last.append(last_step(out, lengths))  # (N, H)
                outputs.append(reverse(out, lengths) if backward else out)
            x = locked_dropout(torch.cat(outputs, 2), self.dropout, self.training)  # (N, S, D)
        return x, torch.cat(last, 1)


class Decoder(nn.Module):
    """Predict each next token from those before it and, in a translator, from the source."""

    def __init__(self, config: ModelConfig, memory_size: int | None = None) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.embedding_dropout = config.embedding_dropout
        vocab_size = config.target_vocab_size or config.vocab_size
        self.embedding = Embedding(vocab_size, config.embedding_dim)
        self.layers = nn.ModuleList(
            Recurrent(
                config.cell,
                config.embedding_dim if layer == 0 else config.hidden_size,
                config.hidden_size,
            )
            for layer in range(config.num_layers)
        )
        self.attention: Attention | None = None
        if memory_size is not None:
            self.attention = Attention(config.hidden_size, memory_size)
            self.bridge = nn.Linear(memory_size, config.num_layers * config.hidden_size)
        self.lexical: nn.Linear | None = None
        if config.lexical:
            self.lexical = nn.Linear(config.embedding_dim, config.embedding_dim, bias=False)
            # Words and their translations begin alike, and so a word calls for its translation.
            nn.init.eye_(self.lexical.weight)
            self.lexical.weight.data *= CALL
        width = config.output_width
        self.shortcut: nn.Linear | None = None
        if config.shortcut:
            self.shortcut = nn.Linear(config.embedding_dim, width, bias=False)
            nn.init.zeros_(self.shortcut.weight)
        self.projection: nn.Linear | None = None
        if config.tie_embeddings and config.hidden_size != config.embedding_dim:
            self.projection = nn.Linear(config.hidden_size, config.embedding_dim)
        self.output = nn.Linear(width, vocab_size)
        if config.tie_embeddings:  # Press and Wolf 2017
            self.output.weight = self.embedding.weight
        nn.init.zeros_(self.output.bias)

    @torch.no_grad()
    def start_from_frequencies(self, counts: NDArray[np.int64]) -> None:
        """Let an untrained decoder predict each token as often as it occurs; counts are (V,).

        Else it has to learn this first, and in a layer that shares its weights the tokens that
        never occur, such as most bytes, push all others aside for thousands of steps.
        """
        self.output.bias.copy_(log_frequencies(counts))

    def start(self, last: Tensor) -> list[State]:
        """Return the first state of each layer, from the encoder's last states (N, D)."""
        states: list[State] = []
        for h in torch.tanh(self.bridge(last)).chunk(len(self.layers), 1):  # (N, H)
            match self.layers[0].cell:
                case "lstm":
                    states.append((h, torch.zeros_like(h)))
                case "mingru":  # its states are positive
                    states.append(((h + 1) / 2 + 1e-4,))
                case _:
                    states.append((h,))
        return states

    def features(
        self,
        tokens: Tensor,
        states: Sequence[State | None],
        memory: Memory | None = None,
        where: Tensor | None = None,
    ) -> tuple[Tensor, list[State]]:
        """Return what the output layer reads after each of ``tokens`` (N, T), and the states.

        The states are those after the last step, one a layer. With ``where`` (N, T), only the
        features of the M places where it is true: the output layer is most of the work.
        """
        before = locked_dropout(
            self.embedding(tokens), self.embedding_dropout, self.training
        )  # (N, T, E)
        x = before
        after: list[State] = []
        for layer, state in zip(self.layers, states, strict=True):
            x, last = layer(x, state)  # (N, T, H)
            after.append(last)
            if self.attention is not None and len(after) == 1:
                assert memory is not None
                x, weights = self.attention(x, memory)  # (N, T, H), (N, T, S)
            x = locked_dropout(x, self.dropout, self.training)
        if where is not None:
            x = x[where]  # (M, H)
        if self.projection is not None:
            x = self.projection(x)  # (N, T, E)
        if self.shortcut is not None:  # "deep output": Bahdanau et al. 2015, appendix A.2.2
            x = x + self.shortcut(before if where is None else before[where])
        if memory is not None and memory.words is not None:
            words = torch.bmm(weights.to(memory.words.dtype), memory.words)  # (N, K T, E)
            words = words.view(*tokens.shape, -1)  # (N, T, E)
            x = x + (words if where is None else words[where])
        return x, after

    def meanings(self, words: Tensor) -> Tensor | None:
        """Return what words (N, S, E) of the source alone say to the output layer (N, S, E).

        A translation of the word that is attended to needs no context to be likely, which a network
        has little to learn from for rare words (Nguyen and Chiang 2018, section 4; here linear).
        """
        if self.lexical is None:
            return None
        return locked_dropout(self.lexical(words), self.embedding_dropout, self.training)


class ClassificationHead(nn.Module):
    """Score the classes from the maximum, the mean and the last of the encoder's states."""

    def __init__(self, memory_size: int, config: ModelConfig) -> None:
        super().__init__()
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(3 * memory_size, config.num_classes)

    def forward(self, memory: Tensor, last: Tensor, mask: Tensor) -> Tensor:
        """Return the logits (N, C) from the outputs (N, S, D) and last states (N, D)."""
        outside = ~mask.unsqueeze(2)  # (N, S, 1)
        largest = memory.masked_fill(outside, float("-inf")).amax(1)  # (N, D)
        mean = memory.masked_fill(outside, 0).sum(1) / mask.sum(1, keepdim=True)  # (N, D)
        pooled = torch.cat([largest, mean, last], 1)  # (N, 3 D)
        logits: Tensor = self.output(self.dropout(pooled))  # (N, C)
        return logits


class EncoderDecoder(OnDevice):
    """Hold the parts that the task uses."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder: Encoder | None = None
        self.decoder: Decoder | None = None
        self.head: ClassificationHead | None = None
        if config.task != "generate":
            self.encoder = Encoder(config)
        if config.task == "classify":
            assert self.encoder is not None
            self.head = ClassificationHead(self.encoder.output_size, config)
        else:
            self.decoder = Decoder(config, self.encoder.output_size if self.encoder else None)

    def start_words(self, vectors: Tensor, learned: bool) -> None:
        """Let words begin as vectors (V, E), where these are not 0, and learn from there or not."""
        assert self.encoder is not None
        self.encoder.embedding.start_from(vectors)
        self.encoder.embedding.weight.requires_grad_(learned)

    def classify(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits (N, C) of the classes of texts (N, S)."""
        assert self.encoder is not None and self.head is not None
        logits: Tensor = self.head(*self.encoder(tokens, lengths), token_mask(tokens, lengths))
        return logits

    def read(self, source: Tensor, lengths: Tensor) -> tuple[Memory, list[State]]:
        """Return what a decoder looks up in sources (N, S), and the states that it starts from."""
        assert self.encoder is not None and self.decoder is not None
        words = self.encoder.embedding(source)  # (N, S, E)
        values, last = self.encoder.read(words, lengths)  # (N, S, D), (N, D)
        meanings = self.decoder.meanings(words)  # (N, S, E)
        return Memory(values, token_mask(source, lengths), meanings), self.decoder.start(last)

    def features(
        self, source: Tensor, lengths: Tensor, target: Tensor, where: Tensor | None = None
    ) -> Tensor:
        """Return what the output layer reads (N, T, E) after each of ``target`` (N, T).

        With ``where`` (N, T), only the features (M, E) of the places where it is true.
        """
        assert self.decoder is not None
        memory, states = self.read(source, lengths)
        return self.decoder.features(target, states, memory, where)[0]


def log_frequencies(counts: NDArray[np.int64]) -> Tensor:
    """Return the logarithm of how often each token occurs, from counts (V,)."""
    frequencies = torch.from_numpy(counts).float() + UNSEEN  # (V,)
    return (frequencies / frequencies.sum()).log()


def token_mask(tokens: Tensor, lengths: Tensor) -> Tensor:
    """Return (N, S), true where there is a token and false where there is padding."""
    return torch.arange(tokens.shape[1], device=tokens.device) < lengths.unsqueeze(1)
