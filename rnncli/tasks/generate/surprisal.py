"""Score texts with a language model: the surprisal of each, or the loss on a running text."""

import math
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from rnncli.errors import ConfigError, DataError
from rnncli.messages import Announce
from rnncli.networks.model_numpy import CausalLM, DecoderState
from rnncli.networks.numerics import Floats, Ints, log_softmax
from rnncli.storage.reading import SavedModel
from rnncli.tasks.generate.control_codes import Controls, prefix
from rnncli.tasks.predictor import Predictor
from rnncli.text.arguments import as_texts
from rnncli.text.batching import pad, split_long_text

MAX_SHARE = 0.99  # of the cache: above, too little is left to the network for a logarithm
MAX_CHARACTERS = 10_000  # of a text that is read as a whole
BATCH_TOKENS = 16_384  # padding included: bounds memory
BATCH_TEXTS = 256  # larger batches are hardly faster
MAX_LOGITS = 1 << 24  # bounds memory, for vocabularies of any size
SCORING_WINDOW = 2_048  # tokens: bounds memory, and does not change the scores
CACHED_LOGITS = 1 << 20  # of a window where lines are scored: fit in the cache of the processor


@dataclass(frozen=True)
class Surprisal:
    """The surprisal of a text: -log2 of its probability by a model."""

    text: str
    bits_per_character: float  # the newline at the end is one of the characters
    ends: Ints  # of the pieces: tokens, or characters of several tokens
    bits: Floats  # of each piece

    def pieces(self) -> Iterator[tuple[str, float]]:
        """Yield each piece with its bits; the last one ends with the newline."""
        start, line = 0, self.text + "\n"
        for end, bits in zip(self.ends.tolist(), self.bits.tolist(), strict=True):
            yield line[start:end], bits
            start = end


@dataclass(frozen=True)
class Predictions:
    """Consecutive tokens of a running text, and the predicted distribution of each next one."""

    inputs: Ints  # (T,)
    targets: Ints  # (T,) the token after each
    features: Floats  # (T, E) the inputs of the output layer
    log_p: Floats  # (T, V)
    is_start: bool  # whether they were read from an empty state

    def nats(self) -> Floats:
        """Return the loss (T,) at each target."""
        losses: Floats = -self.log_p[np.arange(len(self.targets)), self.targets]
        return losses


class LanguageModelPredictor(Predictor[CausalLM]):
    """Predict the next tokens of texts, which may have a control code."""

    task = "generate"
    network_class = CausalLM

    def __init__(
        self, model: SavedModel, threads: int = 1, announce: Announce | None = None
    ) -> None:
        super().__init__(model, threads, announce)
        self.cache_parameters = model.require_tuned({"share", "twins", "sharpness"})
        if self.cache_parameters.get("share", 0.0) > MAX_SHARE:
            raise model.damaged("the tuned hyperparameters are wrong")
        try:
            self.controls = Controls.parse(model.description.task_values.get("controls"))
        except ValueError as error:
            raise model.damaged(str(error)) from None

    def surprisal(self, texts: Iterable[str], control: str | None = None) -> list[Surprisal]:
        """Return the surprisal of each text as a line, in their order.

        A line follows a newline and ends with one, which is scored, too. A model with control codes
        reads it after that of the label ``control``, which is not scored.

        Raises:
            InputError: ``texts`` is no list of texts.
            ConfigError: the model has no such label, or needs one.

        """
        texts = as_texts(texts)
        context = self.scoring_context(control)
        short_texts = [text for text in texts if len(text) < MAX_CHARACTERS]
        encoded = [self.tokenizer.encode_with_ends(text + "\n") for text in short_texts]
        sequences = [context + ids for ids, _ in encoded]
        scored = self.token_bits(sequences)
        surprisals = (
            _surprisal(text, np.array(ends), bits[len(context) - 1 :])
            for text, (_, ends), bits in zip(short_texts, encoded, scored, strict=True)
        )
        return [
            next(surprisals)
            if len(text) < MAX_CHARACTERS
            else self._surprisal_in_pieces(text, context)
            for text in texts
        ]

    def token_bits(self, sequences: Sequence[Sequence[int]]) -> list[Floats]:
        """Return the bits of all tokens but the first of each sequence."""
        return self._map_batches(
            lambda rows: self._bits([sequences[row] for row in rows])[0],
            sequences,
            BATCH_TOKENS,
            self._max_texts,
        )

    def _surprisal_in_pieces(self, text: str, context: list[int]) -> Surprisal:
        """Return the surprisal of a long text, read in pieces to bound memory."""
        state = None
        ends, bits, start = [], [], 0
        for piece in split_long_text(text + "\n", MAX_CHARACTERS):
            ids, piece_ends = self.tokenizer.encode_with_ends(piece)
            (piece_bits,), state = self._bits([context + ids], state)
            bits.append(piece_bits[len(context) - 1 :])
            ends.append(np.array(piece_ends) + start)
            context, start = ids[-1:], start + len(piece)
        return _surprisal(text, np.concatenate(ends), np.concatenate(bits))

    def _bits(
        self, texts: Sequence[Sequence[int]], state: DecoderState | None = None
    ) -> tuple[list[Floats], DecoderState]:
        """Return the bits of all tokens but the first of each text, and the state after the last.

        The state includes padding, so that it is of use for a single text only.
        """
        tokens, lengths = pad(texts)  # (N, T + 1)
        state = state or self._network.empty_state(len(tokens))
        bits = np.empty((len(tokens), tokens.shape[1] - 1), np.float32)  # (N, T)
        window = max(1, CACHED_LOGITS // (self.tokenizer.vocab_size * len(tokens)))
        for start in range(0, bits.shape[1], window):
            part = slice(start, start + window)
            logits, state = self._network.decode(tokens[:, :-1][:, part], state)  # (N, W, V)
            targets = tokens[:, 1:][:, part, None]  # (N, W, 1)
            bits[:, part] = -np.take_along_axis(log_softmax(logits), targets, -1)[..., 0]
        bits /= np.float32(math.log(2))
        return [row[: length - 1] for row, length in zip(bits, lengths, strict=True)], state

    def score(self, texts: Iterable[str], window: int | None = None) -> float:
        """Return the loss on a running text in nats a token; see `predictions`.

        Raises:
            DataError: there is nothing to predict.

        """
        losses = np.concatenate([part.nats() for part in self.predictions(texts, window)])
        return float(losses.mean(dtype=np.float64))

    def predictions(
        self, texts: Iterable[str], window: int | None = None
    ) -> Iterator["Predictions"]:
        """Yield the predictions for a running text, some steps at a time.

        The state is carried on or, with ``window``, reset after as many tokens. The first token is
        not predicted.

        Raises:
            DataError: there is nothing to predict.

        """
        max_steps = min(SCORING_WINDOW, max(1, MAX_LOGITS // self.tokenizer.vocab_size))
        ids = chain.from_iterable(map(self.tokenizer.encode, texts))
        last_token, count = list(islice(ids, 1)), 0
        state = self._network.empty_state(1)
        while True:
            steps = min(max_steps, window - count % window) if window else max_steps
            tokens = np.array(last_token + list(islice(ids, steps)), np.int64)  # (T + 1,)
            if len(tokens) < 2:
                break
            is_start = count % window == 0 if window else count == 0
            if is_start:
                state = self._network.empty_state(1)
            features, state = self._network.features(tokens[None, :-1], state)  # (1, T, E)
            log_p = log_softmax(self._network.output(features[0]))  # (T, V)
            yield Predictions(tokens[:-1], tokens[1:], features[0], log_p, is_start)
            last_token, count = tokens[-1:].tolist(), count + len(tokens) - 1
        if not count:
            raise DataError("the text is too short to score", "give a longer text")

    @property
    def _max_texts(self) -> int:
        """The largest number of texts in a batch."""
        return min(BATCH_TEXTS, max(1, MAX_LOGITS // self.tokenizer.vocab_size))

    def require_control(self, control: str | None) -> str | None:
        """Normalise the name of a control code.

        Raises:
            ConfigError: the model has no such control code.

        """
        if control is None:
            return None
        if self.controls is None:
            raise ConfigError(
                f"the model was trained without labels, and knows no {control!r}",
                "leave --control out",
            )
        return self.controls.require(control)

    def scoring_context(self, control: str | None) -> list[int]:
        """Return the tokens that are read before a text which is scored, but are not scored.

        Raises:
            ConfigError: the model has no such control code, or needs one.

        """
        if self.controls is not None and control is None:
            raise ConfigError(
                "the model was trained with labels, and a score needs one of them: "
                f"{self.controls.name_list()}",
                f"--control {shlex.quote(next(iter(self.controls.counts)))}",
            )
        return self._context(self.require_control(control))

    def _context(self, label: str | None) -> list[int]:
        """Return the tokens before a text: a newline, and the control code."""
        context = self.tokenizer.encode("\n")
        return context if label is None else context + self.tokenizer.encode(prefix(label))


def _surprisal(text: str, ends: Ints, bits: Floats) -> Surprisal:
    """Sum the bits of the tokens of each character, and those of the whole text."""
    is_last = np.append(ends[1:] > np.maximum.accumulate(ends)[:-1], True)
    starts = np.flatnonzero(np.append(True, is_last[:-1]))
    total = float(bits.sum(dtype=np.float64))
    pieces = np.add.reduceat(bits, starts)
    return Surprisal(text, total / (len(text) + 1), ends[is_last], pieces)
