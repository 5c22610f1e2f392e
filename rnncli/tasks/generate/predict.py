"""Write text with a language model."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice, repeat

import numpy as np

from rnncli.config import SamplingConfig
from rnncli.errors import RnncliError
from rnncli.networks.model_numpy import DecoderState
from rnncli.networks.numerics import Floats, Ints
from rnncli.networks.sampling import draw, random_generators, random_seeds, sample
from rnncli.tasks.generate.surprisal import BATCH_TOKENS, MAX_CHARACTERS, LanguageModel
from rnncli.text.batching import batch_by_length, pad
from rnncli.text.streaming import Ends, Writer

MAX_TRIES = 20  # at a text that has to be like this or that


@dataclass(frozen=True)
class Generation:
    """A text that goes on from a prompt, and the prompt, which it does not repeat."""

    prompt: str
    text: str
    control: str | None = None  # the label in whose manner it is written, where there is one


@dataclass(frozen=True)
class Demand:
    """What a text has to be like; one that is not is drawn again."""

    is_met: Callable[[Sequence[str]], Sequence[bool]]  # by each of some texts
    error: RnncliError  # that is raised after ``MAX_TRIES``


class TextGenerator(LanguageModel):
    """Write text with a trained language model.

    A model that was trained with labels writes in the manner of one of them: of ``control``, or of
    one that is drawn, each as often as the texts had it. A sample then ends where its text does.
    """

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
        for rows in batch_by_length(encoded, BATCH_TOKENS, most):
            logits, state = self._network.read(*pad([encoded[row] for row in rows]))
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
        streams = random_generators(config.seed, 1, n)
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

    def _begin(
        self,
        labels: Sequence[str | None],
        streams: Sequence[np.random.Generator],
        encode: Callable[[str | None], list[int]],
    ) -> "_Start":
        """Read the beginning of a sample of each label, once for all that have the same."""
        places = {label: row for row, label in enumerate(dict.fromkeys(labels))}
        encoded = list(map(encode, places))
        logits, state = self._network.read(*pad(encoded))
        rows = np.array([places[label] for label in labels], np.int64)
        return _Start(logits[rows], state.take(rows), streams)

    def _encode_line(self, prompt: str, label: str | None) -> list[int]:
        """Return the tokens of a prompt that is the beginning of a line."""
        if label is not None or not prompt:
            return self._encode(prompt, label)
        return self._tokenizer.encode("\n") + self._encode(prompt)

    def _encode(self, prompt: str, label: str | None = None) -> list[int]:
        if len(prompt) > MAX_CHARACTERS:
            self._announce_once(
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
