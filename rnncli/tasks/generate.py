"""Language models: train them on running text, write with them, score text with them."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain, islice, repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncli.batches import EncodedTexts, Window, encode, streams
from rnncli.config import DEFAULTS, ModelConfig, SamplingConfig, Settings
from rnncli.controls import Controls, prefix
from rnncli.decoding import draw, random_seeds, random_streams, sample
from rnncli.errors import ConfigError, DataError, RnncliError
from rnncli.runtime import DecoderState, Floats, Ints, log_softmax
from rnncli.tasks.base import (
    Announce,
    TrainedModel,
    build,
    by_length,
    column_values,
    count_parameters,
    in_pieces,
    padded,
)
from rnncli.tokenizer import Tokenizer

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor

    from rnncli.model import State
    from rnncli.sampled_softmax import SampledSoftmax

CHARACTERS_A_TOKEN = {"char": 1.0, "word": 5.0, "subword": 4.0}  # near enough to count epochs
EMPTIED = 0.03  # share of streams a window whose state is emptied
CHARACTERS = 350  # of a vocabulary at the character level, the 256 bytes among them
WORDS = 50_000  # of a vocabulary at the word level: what each of them costs is little
TRIAL, TRIAL_SHARE = 1.5, 0.02  # seconds of measuring speed, or this share of the time budget
TRIAL_CHARACTERS = 500_000  # of the text with which speed is measured
WIDTHS = (640, 512, 384, 256, 192, 128)  # units; of these the widest that there is time to train
TOKENS_A_WEIGHT = 1.5  # that there must be time to learn from
WEIGHTS_A_TOKEN = 8  # of the text: more would learn it by heart
# From so many epochs on, each counted as often as there are weights for a token of the text.
DROPOUTS = ((60, 0.5), (20, 0.3), (6, 0.2), (2, 0.1), (0, 0.05))
SAMPLED_FROM = 10_000  # tokens of a vocabulary, of which each step then learns only some
VALIDATION_STREAM = 2_000  # tokens: validation text is read in parallel streams at least this long
LONGEST_CHARACTER = 4  # bytes of UTF-8, each of them perhaps a token
MAX_CHARACTERS = 10_000  # of a prompt that are read
BATCH_TOKENS = 16_384  # of prompts read at once, padding included: bounds memory
BATCH_TEXTS = 256  # written at once: a wider batch gains little
LOGITS = 1 << 24  # in memory at once, however large the vocabulary is
SCORING_WINDOW = 2_048  # tokens scored at once: bounds memory, changes nothing
LOGITS_SCORED = 1 << 20  # in memory at once where lines are scored: what stays in the cache
MAX_TRIES = 20  # at a text that has to be like this or that


def choose(given: Mapping[str, Any], train: "Dataset", announce: Announce) -> Settings:
    """Fit the settings to the text and to what this machine can learn in the time that there is.

    A wider network learns more from each token and reads fewer of them; the more often it reads the
    text, and the more weights it has for that, the more dropout it needs.
    """
    settings = DEFAULTS["generate"]
    if given.get("level") == "word":  # words say more than characters
        settings = replace(settings, vocab_size=WORDS, embedding_dim=256, embedding_dropout=0.2)
    settings = settings.with_given(given)
    tokens = sum(map(len, column_values(train, "text"))) / CHARACTERS_A_TOKEN[settings.level]
    in_steps = (settings.steps or math.inf) * settings.batch_size * settings.bptt
    budget = min((settings.epochs or math.inf) * tokens, in_steps)  # tokens
    vocab_size = CHARACTERS if settings.level == "char" else settings.vocab_size
    if settings.max_time is not None:
        rate, vocab_size = _try_out(train, settings)
        announce(f"{settings.hidden_size} units learn from {rate:,.0f} tokens a second here")
        work = rate * settings.max_time * _weights(settings.hidden_size, vocab_size, settings)

        def affordable(hidden_size: int) -> float:
            """Return how many tokens a network of this width would learn from."""
            return min(budget, work / _weights(hidden_size, vocab_size, settings))

        if "hidden_size" not in given:
            fitting = (
                width
                for width in WIDTHS
                for weights in [_weights(width, vocab_size, settings)]
                if affordable(width) >= TOKENS_A_WEIGHT * weights
                and weights <= WEIGHTS_A_TOKEN * tokens
            )
            settings = replace(settings, hidden_size=next(fitting, WIDTHS[-1]))
        budget = affordable(settings.hidden_size)
    if "dropout" not in given:
        epochs = budget / tokens
        often = epochs * _weights(settings.hidden_size, vocab_size, settings) / tokens
        settings = replace(settings, dropout=next(p for least, p in DROPOUTS if often >= least))
        announce(f"about {epochs:.2g} epochs fit into the budget: dropout {settings.dropout:g}")
    return settings


def prepare(
    train: "Dataset",
    validation: "Dataset",
    settings: Settings,
    folder: Path,
    announce: Announce,
) -> "LanguageModelTraining":
    """Encode both parts of the text into ``folder`` and build the network."""
    del announce  # nothing is left out of a text
    tokenizer = Tokenizer.train(column_values(train, "text"), settings.level, settings.vocab_size)
    return LanguageModelTraining(
        encode(column_values(train, "text"), tokenizer, folder / "train.bin"),
        encode(column_values(validation, "text"), tokenizer, folder / "validation.bin"),
        sum(len(text) for text in column_values(validation, "text")),
        tokenizer,
        settings,
    )


class LanguageModelTraining:
    """Next-token prediction with truncated backpropagation through time."""

    goal, maximise = "loss", False
    labels: tuple[str, ...] = ()
    target_tokenizer: Tokenizer | None = None

    def __init__(
        self,
        train: EncodedTexts,
        validation: EncodedTexts,
        validation_characters: int,
        tokenizer: Tokenizer,
        settings: Settings,
    ) -> None:
        self.tokenizer = tokenizer
        self._train, self._validation = train.tokens, validation.tokens
        self._validation_characters = validation_characters
        self._settings = settings
        if len(self._train) < 3 or len(self._validation) < 2:
            raise DataError("the text is too short to learn from", "give a longer text")
        # Every stream should be some windows long, or little is left of carrying the state.
        windows = len(self._train) // settings.bptt
        self._batch_size = max(1, min(settings.batch_size, windows // 4))
        width = (len(self._train) - 1) // self._batch_size
        self.steps_per_epoch = math.ceil(width / settings.bptt)
        self.config = _config(settings, tokenizer.vocab_size)
        self.model = build(self.config)
        assert self.model.decoder is not None
        counts = train.counts(tokenizer.vocab_size)
        self.model.decoder.start_from_frequencies(counts)
        targets = self._batch_size * settings.bptt  # a step
        self._sampled = _sampled_softmax(counts, targets) if len(counts) >= SAMPLED_FROM else None
        self.carried: list[State | None] = [None] * self.config.num_layers

    def batches(self, epoch: int) -> Iterator[Window]:
        """Yield the windows of the text in order; each epoch cuts it at other places.

        Now and then a stream starts from an empty state, as every use of the model does.
        """
        rng = np.random.default_rng([self._settings.seed, epoch])
        slack = (len(self._train) - 1) % self._batch_size + self._settings.bptt
        skip = int(rng.integers(slack)) if epoch and slack * 4 < len(self._train) else 0
        for window in streams(self._train, self._batch_size, self._settings.bptt, skip):
            emptied = rng.random(self._batch_size) < EMPTIED
            yield replace(window, kept=window.kept & ~emptied)

    def loss(self, window: Window) -> tuple["Tensor", int]:
        """Return the summed loss of a window, read from the state that the last one left."""
        from rnncli.model import cross_entropy

        rows = window.rows or slice(None)
        kept = self.model.tensor(window.kept).unsqueeze(1)  # (N, 1)
        before = [
            None if state is None else tuple(part[rows].where(kept, 0.0) for part in state)
            for state in self.carried
        ]
        assert self.model.decoder is not None
        inputs, targets = self.model.tensor(window.inputs), self.model.tensor(window.targets)
        x, after = self.model.decoder.features(inputs, before)  # (N, T, E or H)
        self.carried = [
            self._joined(state, rows, tuple(part.detach() for part in own))
            for state, own in zip(self.carried, after, strict=True)
        ]
        output = self.model.decoder.output
        if self._sampled is not None:
            return self._sampled.loss(x, output, targets)
        return cross_entropy(output(x), targets, self._settings.label_smoothing)

    def _joined(self, state: "State | None", rows: slice, own: "State") -> "State":
        """Return the state of all streams, with that of some rows in its place."""
        if rows == slice(None):
            return own
        if state is None:
            state = tuple(part.new_zeros(self._batch_size, part.shape[1]) for part in own)
        joined = tuple(part.clone() for part in state)
        for whole, part in zip(joined, own, strict=True):
            whole[rows] = part
        return joined

    def evaluate(self) -> dict[str, float]:
        """Return the loss on the held-out text, read in parallel streams to save time."""
        from rnncli.model import cross_entropy

        count = max(1, min(64, len(self._validation) // VALIDATION_STREAM))
        states: list[State | None] = [None] * self.config.num_layers
        total, targets = 0.0, 0
        for window in streams(self._validation, count, 256):
            logits, after = self.model.language_model(self.model.tensor(window.inputs), states)
            states = list(after)
            loss, n = cross_entropy(logits, self.model.tensor(window.targets))
            total, targets = total + loss.item(), targets + n
        nats = total / targets
        characters = self._validation_characters / len(self._validation)
        return {"loss": nats, "bits_per_character": nats / math.log(2) / characters}


def _try_out(train: "Dataset", settings: Settings) -> tuple[float, int]:
    """Train for a moment on the beginning of the text.

    Return how many tokens a second that was, and the size of the vocabulary.
    """
    from rnncli.training import measure_rate  # torch: on the way to training only

    assert settings.max_time is not None
    texts, characters = [], 0
    for text in column_values(train, "text"):
        texts.append(text)
        characters += len(text)
        if characters >= TRIAL_CHARACTERS:
            break
    tokenizer = Tokenizer.train(texts, settings.level, settings.vocab_size)
    with TemporaryDirectory(prefix="rnncli-") as folder:
        encoded = encode(texts, tokenizer, Path(folder) / "trial.bin")
        task = LanguageModelTraining(encoded, encoded, characters, tokenizer, settings)
        seconds = min(TRIAL, TRIAL_SHARE * settings.max_time)
        return measure_rate(task, settings, seconds), tokenizer.vocab_size


def _sampled_softmax(counts: Ints, targets: int) -> "SampledSoftmax":
    from rnncli.sampled_softmax import SampledSoftmax  # torch: on the way to training only

    return SampledSoftmax(counts, targets)


def _config(settings: Settings, vocab_size: int) -> ModelConfig:
    return ModelConfig(
        task="generate",
        cell=settings.cell,
        vocab_size=vocab_size,
        target_vocab_size=0,
        num_classes=0,
        embedding_dim=settings.embedding_dim,
        hidden_size=settings.hidden_size,
        num_layers=settings.num_layers,
        bidirectional=False,
        tie_embeddings=True,
        dropout=settings.dropout,
        weight_dropout=settings.weight_dropout,
        embedding_dropout=settings.embedding_dropout,
    )


def _weights(hidden_size: int, vocab_size: int, settings: Settings) -> int:
    """Return how many weights a network has; each is used once a token, so this is its cost too."""
    return count_parameters(_config(replace(settings, hidden_size=hidden_size), vocab_size))


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
        writers = [_Writer(self._tokenizer, ends) for _ in start.streams]
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
        writers = [_Writer(self._tokenizer, ends) for _ in start.streams]
        drawn = sample(self._network.step, start.logits, start.state, config, start.streams)
        for tokens in drawn:
            yield [w.add(token) for w, token in zip(writers, tokens.tolist(), strict=True)]
            if all(writer.stopped for writer in writers):
                return
        yield [writer.finish() for writer in writers]

    def _ends(self, config: SamplingConfig) -> "_Ends":
        return _Ends(config.stop, self.controls.row_ends() if self.controls is not None else ())

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

    def score(self, texts: Iterable[str], window: int | None = None) -> tuple[float, float]:
        """Return nats a token, and tokens a character, of a running text.

        The state is carried through all of it or, with ``window``, through so many tokens, before
        it is emptied. The first token, which nothing predicts, is not scored.

        Raises:
            DataError: there is nothing to predict.

        """
        most = min(SCORING_WINDOW, max(1, LOGITS // self._tokenizer.vocab_size))
        state = self._network.empty_state(1)
        nats, count, characters = 0.0, 0, 0
        pending: list[int] = []
        for text in texts:
            pending += self._tokenizer.encode(text)
            characters += len(text)
            while len(pending) > (size := min(most, window - count % window) if window else most):
                nats, count, state = self._score(pending[: size + 1], nats, count, state)
                pending = pending[size:]
                if window and count % window == 0:
                    state = self._network.empty_state(1)
        if len(pending) > 1:
            nats, count, state = self._score(pending, nats, count, state)
        if not count:
            raise DataError("the text is too short to score", "give a longer text")
        return nats / count, (count + 1) / characters

    def _score(
        self, ids: list[int], nats: float, count: int, state: DecoderState
    ) -> tuple[float, int, DecoderState]:
        tokens = np.array([ids], np.int64)  # (1, T + 1)
        logits, state = self._network.decode(tokens[:, :-1], state)  # (1, T, V)
        log_p = log_softmax(logits[0])
        picked = log_p[np.arange(len(ids) - 1), tokens[0, 1:]]
        return nats - float(picked.sum(dtype=np.float64)), count + len(ids) - 1, state


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


class _Ends:
    """Know where a text ends: before what a person named, or where its row does."""

    def __init__(self, stop: str | None, rows: Sequence[str]) -> None:
        self._texts = [*rows, *([stop] if stop else [])]
        self._pattern = re.compile("|".join(map(re.escape, self._texts)))
        self._begin_row = _beginnings(rows)
        self._begin = self._begin_row | _beginnings([stop] if stop else [])
        self._longest = max(map(len, self._begin), default=0)

    def __bool__(self) -> bool:
        return bool(self._texts)

    def find(self, text: str) -> int | None:
        """Return where the first end in a text begins."""
        found = self._pattern.search(text)
        return found and found.start()

    def overlap(self, text: str) -> int:
        """Return how many of the last characters could be the beginning of an end."""
        longest = min(self._longest, len(text))
        return next((k for k in range(longest, 0, -1) if text[-k:] in self._begin), 0)

    def without(self, held: str) -> str:
        """Return what was held back of a text that is cut, without half a label."""
        return "" if held in self._begin_row else held


def _beginnings(texts: Sequence[str]) -> set[str]:
    return {text[:k] for text in texts for k in range(1, len(text))}


class _Writer:
    """Turn tokens into text as they come, holding back what may yet change."""

    def __init__(self, tokenizer: Tokenizer, ends: _Ends) -> None:
        self._tokenizer = tokenizer
        self._ends = ends
        self._ids: list[int] = []  # of a character that is not whole yet
        self._held = ""  # could be the beginning of an end
        self.stopped = False

    def add(self, token: int) -> str:
        """Return the text that has become certain with this token."""
        if self.stopped:
            return ""
        self._ids.append(token)
        text = self._tokenizer.decode_token(token) if len(self._ids) == 1 else self._decoded()
        if text.endswith("\ufffd") and len(self._ids) < LONGEST_CHARACTER:
            return ""
        self._ids.clear()
        if not self._ends:
            return text
        text = self._held + text
        end = self._ends.find(text)
        if end is not None:
            self.stopped, self._held = True, ""
            return text[:end]
        certain = len(text) - self._ends.overlap(text)
        self._held = text[certain:]
        return text[:certain]

    def finish(self) -> str:
        """Return what was held back."""
        return "" if self.stopped else self._ends.without(self._held) + self._decoded()

    def _decoded(self) -> str:
        return self._tokenizer.decode(self._ids)
