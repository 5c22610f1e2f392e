"""Judge texts by a language model: how little it expected each, how well it foresees them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnncli.errors import ConfigError, DataError, ModelError
from rnncli.messages import Announce
from rnncli.networks.model_numpy import DecoderState
from rnncli.networks.numerics import Floats, Ints, log_softmax
from rnncli.storage.layout import DAMAGED
from rnncli.storage.reading import SavedModel
from rnncli.tasks.generate.continuous_cache import Cache, Recent
from rnncli.tasks.generate.control_codes import Controls, prefix
from rnncli.tasks.predictor import Predictor
from rnncli.text.batching import batch_by_length, pad, split_long_text

MAX_CHARACTERS = 10_000  # of a text that are read at once
BATCH_TOKENS = 16_384  # of texts read at once, padding included: bounds memory
BATCH_TEXTS = 256  # at once: a wider batch gains little
LOGITS = 1 << 24  # in memory at once, however large the vocabulary is
SCORING_WINDOW = 2_048  # tokens scored at once: bounds memory, changes nothing
LOGITS_SCORED = 1 << 20  # in memory at once where lines are scored: what stays in the cache


@dataclass(frozen=True)
class Surprise:
    """How little a model expected a text: each bit halves the probability that it gave to it."""

    text: str
    bits_per_character: float  # the newline that ends the text is one of its characters
    ends: Ints  # of the pieces: each a token, or a character that takes several
    bits: Floats  # of each piece

    def pieces(self) -> Iterator[tuple[str, float]]:
        """Yield each piece with its bits; the last one is, or ends with, the newline."""
        start, line = 0, self.text + "\n"
        for end, bits in zip(self.ends.tolist(), self.bits.tolist(), strict=True):
            yield line[start:end], bits
            start = end


class Foresight(NamedTuple):
    """How well a model foresees a running text."""

    nats: float  # a token, as the model reads it: with its cache, where it has one
    nats_alone: float  # a token, without the cache
    tokens_a_character: float


class LanguageModel(Predictor):
    """Predict what follows in a text, which may be one of a label (``control``)."""

    task = "generate"

    def __init__(
        self, model: SavedModel, threads: int = 1, announce: Announce | None = None
    ) -> None:
        super().__init__(model, threads, announce)
        calibration = model.info.get("calibration")
        self._cache = Cache(**calibration) if calibration else None
        try:
            self.controls = Controls.of_model(model.info)  # None where it was trained without any
        except ValueError as error:
            raise ModelError(f"{model.layout.config} is damaged: {error}", DAMAGED) from None

    def surprise(self, texts: Sequence[str], control: str | None = None) -> list[Surprise]:
        """Return how little each text was expected, as a line of its own; the order is kept.

        It is read from the state in which a line begins, and ends with a newline, which counts. A
        model with labels reads it as a text of the label ``control``, which does not count.

        Raises:
            ConfigError: the model knows no such label, or one is needed.

        """
        if self.controls is not None and control is None:
            raise ConfigError(
                "the model was trained with labels, and scores a text as one of a label",
                f"--control LABEL, which is one of: {self.controls.listed()}",
            )
        before = self._before(self.known(control))
        found: list[Surprise | None] = [None] * len(texts)
        short = [row for row, text in enumerate(texts) if len(text) < MAX_CHARACTERS]
        encoded = [self._tokenizer.encode_with_ends(texts[row] + "\n") for row in short]
        read = [before + ids for ids, _ in encoded]
        batches = batch_by_length(read, BATCH_TOKENS, self._most_texts)
        parts = self._in_parallel(lambda rows: self._bits([read[row] for row in rows]), batches)
        for rows, (bits, _) in zip(batches, parts, strict=True):
            for i, own in zip(rows.tolist(), bits, strict=True):
                row, ends = short[i], np.array(encoded[i][1])
                found[row] = _surprise(texts[row], ends, own[len(before) - 1 :])
        return [
            own or self._surprise_of_long(text, before)
            for text, own in zip(texts, found, strict=True)
        ]

    def _surprise_of_long(self, text: str, before: list[int]) -> Surprise:
        """Return how little a text was expected that is read in pieces, to bound memory."""
        state = None
        ends, bits, start = [], [], 0
        for piece in split_long_text(text + "\n", MAX_CHARACTERS):
            ids, own_ends = self._tokenizer.encode_with_ends(piece)
            (own,), state = self._bits([before + ids], state)
            bits.append(own[len(before) - 1 :])
            ends.append(np.array(own_ends) + start)
            before, start = ids[-1:], start + len(piece)
        return _surprise(text, np.concatenate(ends), np.concatenate(bits))

    def _bits(
        self, texts: Sequence[Sequence[int]], state: DecoderState | None = None
    ) -> tuple[list[Floats], DecoderState]:
        """Return the bits of all tokens but the first of each text, and the state after the last.

        Padding stands behind a text and changes nothing but that state, which counts for a text
        that is alone.
        """
        tokens, lengths = pad(texts)  # (N, T + 1)
        state = state or self._network.empty_state(len(tokens))
        bits = np.empty((len(tokens), tokens.shape[1] - 1), np.float32)  # (N, T)
        window = max(1, LOGITS_SCORED // (self._tokenizer.vocab_size * len(tokens)))
        for start in range(0, bits.shape[1], window):
            part = slice(start, start + window)
            logits, state = self._network.decode(tokens[:, :-1][:, part], state)  # (N, W, V)
            targets = tokens[:, 1:][:, part, None]  # (N, W, 1)
            bits[:, part] = -np.take_along_axis(log_softmax(logits), targets, -1)[..., 0]
        bits /= np.float32(math.log(2))
        return [own[: length - 1] for own, length in zip(bits, lengths, strict=True)], state

    def score(self, texts: Iterable[str], window: int | None = None) -> Foresight:
        """Return how well a running text is foreseen.

        State and cache are carried through all of it or, with ``window``, through so many tokens,
        before they are emptied. The first token, which nothing predicts, is not scored.

        Raises:
            DataError: there is nothing to predict.

        """
        most = min(SCORING_WINDOW, max(1, LOGITS // self._tokenizer.vocab_size))
        place, count, characters = self._beginning(), 0, 0
        nats = np.zeros(2)
        pending: list[int] = []

        def read(size: int) -> None:
            nonlocal nats, place, count, pending
            found, place = self._nats(pending[: size + 1], place)
            nats, count, pending = nats + found, count + size, pending[size:]
            if window and count % window == 0:
                place = self._beginning()

        def room() -> int:
            return min(most, window - count % window) if window else most

        for text in texts:
            pending += self._tokenizer.encode(text)
            characters += len(text)
            while len(pending) > room():
                read(room())
        if len(pending) > 1:
            read(len(pending) - 1)
        if not count:
            raise DataError("the text is too short to score", "give a longer text")
        together, alone = (nats / count).tolist()
        return Foresight(together, alone, (count + 1) / characters)

    def _beginning(self) -> tuple[DecoderState, Recent]:
        """Return the state and the cache before any token."""
        return self._network.empty_state(1), Recent.nothing(self._network.config.output_width)

    def _nats(
        self, ids: list[int], place: tuple[DecoderState, Recent]
    ) -> tuple[NDArray[np.float64], tuple[DecoderState, Recent]]:
        """Return the nats of all tokens but the first, with cache and without, and the place."""
        state, recent = place
        read, targets = np.array(ids[:-1]), np.array(ids[1:])  # (T,), (T,)
        features, state = self._network.features(read[None], state)  # (1, T, E)
        together = alone = log_softmax(self._network.output(features[0]))  # (T, V)
        if self._cache is not None:
            together, recent = self._cache(alone, features[0], read, recent)
        steps = np.arange(len(targets))
        nats = [-p[steps, targets].sum(dtype=np.float64) for p in (together, alone)]
        return np.array(nats), (state, recent)

    @property
    def _most_texts(self) -> int:
        """Return how many texts are read or written at once."""
        return min(BATCH_TEXTS, max(1, LOGITS // self._tokenizer.vocab_size))

    def known(self, control: str | None) -> str | None:
        """Return a label as the model knows it.

        Raises:
            ConfigError: it knows none of this name.

        """
        if control is None:
            return None
        if self.controls is None:
            raise ConfigError(
                f"the model was trained without labels, and knows no {control!r}",
                "leave --control out, or train one with labels: "
                "rnncli train FILE.csv --control COLUMN",
            )
        return self.controls.require(control)

    def _before(self, label: str | None) -> list[int]:
        """Return the tokens behind which a text begins: a newline, and the label."""
        before = self._tokenizer.encode("\n")
        return before if label is None else before + self._tokenizer.encode(prefix(label))


def _surprise(text: str, ends: Ints, bits: Floats) -> Surprise:
    """Join the tokens of each character, and add up what all of them tell."""
    is_last = np.append(ends[1:] > np.maximum.accumulate(ends)[:-1], True)
    starts = np.flatnonzero(np.append(True, is_last[:-1]))
    total = float(bits.sum(dtype=np.float64))
    pieces = np.add.reduceat(bits, starts)
    return Surprise(text, total / (len(text) + 1), ends[is_last], pieces)
