"""Use a language model: write with it, and score text with it."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain, islice, repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnncli.arrays import Floats, Ints, log_softmax
from rnncli.cache import Cache, Recent
from rnncli.config import SamplingConfig
from rnncli.controls import Controls, prefix
from rnncli.decoding import draw, random_seeds, random_streams, sample
from rnncli.errors import ConfigError, DataError, RnncliError
from rnncli.runtime import DecoderState
from rnncli.saved_model import SavedModel
from rnncli.tasks.base import Announce, TrainedModel, by_length, in_pieces, padded
from rnncli.writer import Ends, Writer

MAX_CHARACTERS = 10_000  # of a prompt that are read
BATCH_TOKENS = 16_384  # of prompts read at once, padding included: bounds memory
BATCH_TEXTS = 256  # written at once: a wider batch gains little
LOGITS = 1 << 24  # in memory at once, however large the vocabulary is
SCORING_WINDOW = 2_048  # tokens scored at once: bounds memory, changes nothing
LOGITS_SCORED = 1 << 20  # in memory at once where lines are scored: what stays in the cache
MAX_TRIES = 20  # at a text that has to be like this or that


@dataclass(frozen=True)
class Generation:
    """A text that goes on from a prompt, and the prompt, which it does not repeat."""

    prompt: str
    text: str
    control: str | None = None  # the label in whose manner it is written, where there is one


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


@dataclass(frozen=True)
class Demand:
    """What a text has to be like; one that is not is drawn again."""

    is_met: Callable[[Sequence[str]], Sequence[bool]]  # by each of some texts
    error: RnncliError  # that is raised after ``MAX_TRIES``


class TextGenerator(TrainedModel):
    """Write text with a trained language model.

    A model that was trained with labels writes in the manner of one of them: of ``control``, or of
    one that is drawn, each as often as the texts had it. A sample then ends where its text does.
    """

    task = "generate"

    def __init__(
        self, model: SavedModel, threads: int = 1, announce: Announce | None = None
    ) -> None:
        super().__init__(model, threads, announce)
        calibration = model.info.get("calibration")
        self._cache = Cache(**calibration) if calibration else None

    @cached_property
    def controls(self) -> Controls | None:
        """Return the labels that the model knows, if it was trained with any."""
        return Controls.of_model(self.info)

    def __call__(
        self,
        prompts: Sequence[str],
        config: SamplingConfig | None = None,
        control: str | None = None,
    ) -> list[Generation]:
        """Return a text that goes on from each prompt; the order is kept.

        Of a prompt of more than ``MAX_CHARACTERS``, only so many at its end are read: the state of
        a recurrent network remembers no more.

        Raises:
            ConfigError: the model knows no such label.

        """
        return [samples[0] for samples in self.samples(prompts, 1, config, control=control)]

    def samples(
        self,
        prompts: Sequence[str],
        n: int,
        config: SamplingConfig | None = None,
        demands: Sequence[Demand] = (),
        control: str | None = None,
    ) -> list[list[Generation]]:
        """Return n texts that go on from each prompt.

        Raises:
            ConfigError: the model knows no such label.
            RnncliError: that of a demand that is not met.

        """
        config = config or SamplingConfig()
        labels = [label for _ in prompts for label in islice(self._labels(control, config.seed), n)]
        # A beginning is read once for all samples that have it, unless their labels are drawn.
        each = 1 if self._draws_labels(control) else max(1, n)
        begun = zip(np.repeat(np.arange(len(prompts)), n)[::each], labels[::each], strict=True)
        encoded = [self._encode(prompts[row], label) for row, label in begun]
        seeds = random_seeds(config.seed, len(prompts), n)
        texts = [""] * len(labels)
        most = self._most_texts
        for rows in by_length(encoded, BATCH_TOKENS, most):
            logits, state = self._network.read(*padded(encoded, rows))
            row_of = np.repeat(np.arange(len(rows)), each)
            numbers = (rows[:, None] * each + np.arange(each)).ravel().tolist()  # of samples
            size = min(most, math.ceil(len(numbers) / self._threads))
            parts = [
                _Start(logits[own], state.take(own), [np.random.default_rng(s) for s in own_seeds])
                for start in range(0, len(numbers), size)
                for own in [row_of[start : start + size]]
                for own_seeds in [[seeds[i] for i in numbers[start : start + size]]]
            ]
            drawn = chain.from_iterable(
                self._in_parallel(lambda part: self._write(part, config, demands), parts)
            )
            for number, text in zip(numbers, drawn, strict=True):
                texts[number] = text
        found = map(Generation, (prompt for prompt in prompts for _ in range(n)), texts, labels)
        return [list(islice(found, n)) for _ in prompts]

    def stream(
        self,
        prompt: str = "",
        n: int = 1,
        config: SamplingConfig | None = None,
        control: str | None = None,
    ) -> Iterator[list[str]]:
        """Yield, step by step, what each of n texts grows by; a character is never split.

        Raises:
            ConfigError: the model knows no such label.

        """
        config = config or SamplingConfig()
        labels = list(islice(self._labels(control, config.seed), n))
        streams = random_streams(config.seed, 1, n)
        return self._stream(self._begin(labels, streams, partial(self._encode, prompt)), config)

    def lines(
        self,
        n: int,
        prompt: str = "",
        config: SamplingConfig | None = None,
        demands: Sequence[Demand] = (),
        control: str | None = None,
    ) -> Iterator[list[Generation]]:
        """Yield n lines that begin with a prompt and are not blank, without the newline.

        Each is drawn from the state in which a line begins, and cut at ``config.length`` tokens.
        Those that are drawn side by side come together.

        Raises:
            ConfigError: the model knows no such label.
            RnncliError: there are blank lines alone, or that of a demand that is not met.

        """
        config = replace(config or SamplingConfig(), stop="\n")
        demands = [_not_blank(prompt), *demands]
        seeds = np.random.SeedSequence(config.seed)
        labels = self._labels(control, config.seed)
        begin = partial(self._begin, encode=partial(self._encode_line, prompt))
        most = self._most_texts
        if self._draws_labels(control):  # and reads the prompt behind each of them
            most = min(most, max(1, BATCH_TOKENS // (len(prompt) + 1)))
        while n:
            size = min(most, math.ceil(n / self._threads))
            sizes = [min(size, n - start) for start in range(0, n, size)][: self._threads]
            own_labels = [list(islice(labels, size)) for size in sizes]
            parts = [
                begin(own, list(map(np.random.default_rng, seeds.spawn(len(own)))))
                for own in own_labels
            ]
            written = self._in_parallel(lambda part: self._write(part, config, demands), parts)
            for texts, own in zip(written, own_labels, strict=True):
                yield [
                    Generation(prompt, text, label) for text, label in zip(texts, own, strict=True)
                ]
            n -= sum(sizes)

    @property
    def _most_texts(self) -> int:
        """Return how many texts are written at once."""
        return min(BATCH_TEXTS, max(1, LOGITS // self._tokenizer.vocab_size))

    def _labels(self, control: str | None, seed: int | None) -> Iterator[str | None]:
        """Return the label of each sample, without end; None where the model knows none.

        Raises:
            ConfigError: the model does not know the one that was asked for.

        """
        if control is None and self.controls is not None:
            return self.controls.drawn(seed)
        return repeat(self.known(control))

    def _draws_labels(self, control: str | None) -> bool:
        return control is None and self.controls is not None

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

    def _begin(
        self,
        labels: Sequence[str | None],
        streams: Sequence[np.random.Generator],
        encode: Callable[[str | None], list[int]],
    ) -> "_Start":
        """Read the beginning of a sample of each label, once for all that have the same."""
        places = {label: row for row, label in enumerate(dict.fromkeys(labels))}
        encoded = list(map(encode, places))
        logits, state = self._network.read(*padded(encoded, np.arange(len(encoded))))
        rows = np.array([places[label] for label in labels], np.int64)
        return _Start(logits[rows], state.take(rows), streams)

    def _encode_line(self, prompt: str, label: str | None) -> list[int]:
        """Return the tokens of a prompt that is the beginning of a line."""
        if label is not None or not prompt:
            return self._encode(prompt, label)
        return self._tokenizer.encode("\n") + self._encode(prompt)

    def _before(self, label: str | None) -> list[int]:
        """Return the tokens behind which a text begins: a newline, and the label."""
        before = self._tokenizer.encode("\n")
        return before if label is None else before + self._tokenizer.encode(prefix(label))

    def _encode(self, prompt: str, label: str | None = None) -> list[int]:
        if len(prompt) > MAX_CHARACTERS:
            self._say_once(
                f"of a prompt of more than {MAX_CHARACTERS:,} characters, those at its end are read"
            )
        ids = self._tokenizer.encode(prompt[-MAX_CHARACTERS:])
        if label is not None:
            return self._before(label) + ids
        # Without a prompt, or with one that has no tokens: a new line, where a text can begin.
        return ids or self._before(None)

    def _write(
        self, start: "_Start", config: SamplingConfig, demands: Sequence[Demand]
    ) -> list[str]:
        """Return a text for each row that meets all demands; random streams go on in each try."""
        texts = self._draw(start, config)
        if not demands:
            return texts
        rows = list(range(len(texts)))  # of the last try
        for _ in range(MAX_TRIES - 1):
            rows, _ = _unmet(texts, rows, demands)
            if not rows:
                return texts
            again = self._draw(start.take(np.array(rows, np.int64)), config)
            for row, text in zip(rows, again, strict=True):
                texts[row] = text
        rows, errors = _unmet(texts, rows, demands)
        if errors:
            raise errors[0]
        return texts

    def _draw(self, start: "_Start", config: SamplingConfig) -> list[str]:
        """Return a text for each row; those that have ended make room for the others."""
        ends = self._ends(config)
        writers = [Writer(self._tokenizer, ends) for _ in start.streams]
        texts = [""] * len(writers)
        rows = np.arange(len(writers))  # that go on
        logits, state, streams = start.logits.copy(), start.state, list(start.streams)
        seen = np.zeros(logits.shape, bool)
        for count in range(config.length):
            tokens = draw(logits, seen, config, streams)
            for row, token in zip(rows.tolist(), tokens.tolist(), strict=True):
                texts[row] += writers[row].add(token)
            going = np.flatnonzero([not writers[row].stopped for row in rows])
            if not len(going) or count + 1 == config.length:
                break
            if len(going) < len(rows):
                rows, tokens, seen, state = (
                    rows[going],
                    tokens[going],
                    seen[going],
                    state.take(going),
                )
                streams = [streams[i] for i in going]
            logits, state = self._network.step(tokens, state)
        return [text + writer.finish() for text, writer in zip(texts, writers, strict=True)]

    def _stream(self, start: "_Start", config: SamplingConfig) -> Iterator[list[str]]:
        ends = self._ends(config)
        writers = [Writer(self._tokenizer, ends) for _ in start.streams]
        drawn = sample(self._network.step, start.logits, start.state, config, start.streams)
        for tokens in drawn:
            yield [w.add(token) for w, token in zip(writers, tokens.tolist(), strict=True)]
            if all(writer.stopped for writer in writers):
                return
        yield [writer.finish() for writer in writers]

    def _ends(self, config: SamplingConfig) -> Ends:
        return Ends(config.stop, self.controls.row_ends() if self.controls is not None else ())

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
        batches = by_length(read, BATCH_TOKENS, self._most_texts)
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
        for piece in in_pieces(text + "\n", MAX_CHARACTERS):
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
        tokens, lengths = padded(texts, np.arange(len(texts)))  # (N, T + 1)
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


@dataclass(frozen=True)
class _Start:
    """Prompts that have been read, and what their samples are drawn with, a row each."""

    logits: Floats  # (R, V)
    state: DecoderState
    streams: Sequence[np.random.Generator]

    def take(self, rows: Ints) -> "_Start":
        """Return the start of these rows."""
        streams = [self.streams[row] for row in rows]
        return _Start(self.logits[rows], self.state.take(rows), streams)


def _surprise(text: str, ends: Ints, bits: Floats) -> Surprise:
    """Join the tokens of each character, and add up what all of them tell."""
    is_last = np.append(ends[1:] > np.maximum.accumulate(ends)[:-1], True)
    starts = np.flatnonzero(np.append(True, is_last[:-1]))
    total = float(bits.sum(dtype=np.float64))
    pieces = np.add.reduceat(bits, starts)
    return Surprise(text, total / (len(text) + 1), ends[is_last], pieces)


def _unmet(
    texts: Sequence[str], rows: Sequence[int], demands: Sequence[Demand]
) -> tuple[list[int], list[RnncliError]]:
    """Return the rows of texts that do not meet all demands, and what to say of that."""
    unmet, errors = set(), []
    for demand in demands:
        met = demand.is_met([texts[row] for row in rows])
        missed = [row for row, is_met in zip(rows, met, strict=True) if not is_met]
        unmet.update(missed)
        errors += [demand.error] if missed else []
    return sorted(unmet), errors


def _not_blank(prompt: str) -> Demand:
    return Demand(
        lambda texts: [bool((prompt + text).strip()) for text in texts],
        RnncliError(
            f"{MAX_TRIES} times the model wrote a blank line where a text was wanted",
            "raise --temperature, or give the line a beginning",
        ),
    )
