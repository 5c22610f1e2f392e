"""Write text with a language model."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from rnncli.config import MAX_SAMPLES, USUAL_LENGTH, SamplingConfig, require_int
from rnncli.errors import InputError
from rnncli.networks.sampling import random_seeds
from rnncli.tasks.generate.constraints import Constraint, not_blank
from rnncli.tasks.generate.opening import opening
from rnncli.tasks.generate.sampler import Sampler, SamplerState
from rnncli.tasks.generate.surprisal import BATCH_TOKENS, MAX_CHARACTERS, LanguageModelPredictor
from rnncli.tasks.predictor import with_settings
from rnncli.text.arguments import as_texts
from rnncli.text.batching import batch_by_length, pad
from rnncli.text.special_tokens import UNK
from rnncli.text.streaming import StopStrings
from rnncli.text.unicode import plain_signs

if TYPE_CHECKING:
    from typing_extensions import Unpack


class SamplingSettings(TypedDict, total=False):
    """The fields of ``SamplingConfig``, as keywords."""

    temperature: float
    top_k: int | None
    top_p: float | None
    min_p: float | None
    repetition_penalty: float
    length: int | None
    stop: str | None
    seed: int | None


@dataclass(frozen=True)
class Generation:
    """A text that continues a prompt, and the prompt, which it does not repeat."""

    prompt: str
    text: str
    control: str | None = None  # the label in whose manner it is written, where there is one


class TextGenerator(LanguageModelPredictor):
    """Write text with a trained language model.

    A model that was trained with labels writes in the manner of one of them: of ``control``, or of
    one that is drawn, each as often as the texts had it. A sample then ends where its text does.
    How is in a config, or in settings of the same names: ``generator(["The "], length=20)``.
    """

    def __call__(
        self,
        prompts: Iterable[str],
        config: SamplingConfig | None = None,
        control: str | None = None,
        **settings: "Unpack[SamplingSettings]",
    ) -> list[Generation]:
        """Return a text that continues each prompt, in the order of the prompts.

        Of a prompt of more than ``MAX_CHARACTERS``, only so many at its end are read: the state of
        a recurrent network remembers no more. ``settings`` are those of ``SamplingConfig``.

        Raises:
            InputError: ``prompts`` is no list of texts.
            ConfigError: the model knows no such label, or there is no such setting.

        """
        samples = self.samples(prompts, 1, config, control=control, **settings)
        return [generations[0] for generations in samples]

    def samples(
        self,
        prompts: Iterable[str],
        n: int,
        config: SamplingConfig | None = None,
        constraints: Sequence[Constraint] = (),
        control: str | None = None,
        **settings: "Unpack[SamplingSettings]",
    ) -> list[list[Generation]]:
        """Return n texts that continue each prompt.

        Raises:
            InputError: ``prompts`` is no list of texts.
            ConfigError: the model knows no such label, there is no such setting, or n is too large.
            RnncliError: that of a constraint which was not satisfied.

        """
        prompts = as_texts(prompts)
        require_int("n", n, 0, MAX_SAMPLES)
        config = with_settings(config or SamplingConfig(), settings)
        labels = [label for _ in prompts for label in islice(self._labels(control, config.seed), n)]
        # A prompt is read once for all samples that begin with it, unless their labels are drawn.
        samples_per_row = 1 if self._draws_labels(control) else max(1, n)
        rows = np.repeat(np.arange(len(prompts)), n)[::samples_per_row]
        encoded = [
            self._encode(prompts[row], label)
            for row, label in zip(rows, labels[::samples_per_row], strict=True)
        ]
        seeds = random_seeds(config.seed, len(prompts), n)
        texts = self._draw_texts(
            encoded, samples_per_row, seeds, self._sampler(config), constraints
        )
        generations = map(
            Generation, (prompt for prompt in prompts for _ in range(n)), texts, labels
        )
        return [list(islice(generations, n)) for _ in prompts]

    def stream(
        self,
        prompt: str = "",
        n: int = 1,
        config: SamplingConfig | None = None,
        control: str | None = None,
        **settings: "Unpack[SamplingSettings]",
    ) -> Iterator[list[str]]:
        """Yield, step by step, the new characters of each of n texts; a character is never split.

        Raises:
            InputError: the prompt is no string.
            ConfigError: the model knows no such label, or there is no such setting.

        """
        require_int("n", n, 0, MAX_SAMPLES)
        config = with_settings(config or SamplingConfig(), settings)
        labels = list(islice(self._labels(control, config.seed), n))
        generators = list(map(np.random.default_rng, random_seeds(config.seed, 1, n)))
        state = self._read_prompts(labels, generators, partial(self._encode, _as_prompt(prompt)))
        return self._sampler(config).stream(state)

    def lines(
        self,
        n: int,
        prompt: str = "",
        config: SamplingConfig | None = None,
        constraints: Sequence[Constraint] = (),
        control: str | None = None,
        **settings: "Unpack[SamplingSettings]",
    ) -> Iterator[list[Generation]]:
        """Yield n lines that begin with a prompt and are not blank, without the newline.

        Each is drawn from the state in which a line begins, and cut at ``config.length`` tokens.
        Those that are drawn side by side come together.

        Raises:
            InputError: the prompt is no string.
            ConfigError: the model knows no such label, or there is no such setting.
            RnncliError: there are blank lines alone, or that of a constraint.

        """
        prompt = _as_prompt(prompt)
        config = with_settings(config or SamplingConfig(), settings)
        config = replace(config, stop="\n", length=config.length or USUAL_LENGTH)
        constraints = [not_blank(prompt), *constraints]
        seeds = np.random.SeedSequence(config.seed)
        labels = self._labels(control, config.seed)
        read_labels = partial(self._read_prompts, encode=partial(self._encode_line, prompt))
        sampler = self._sampler(config)
        max_texts = self._max_texts
        if self._draws_labels(control):  # and reads the prompt behind each of them
            max_texts = min(max_texts, max(1, BATCH_TOKENS // (len(prompt) + 1)))
        while n:
            size = min(max_texts, math.ceil(n / self._threads))
            sizes = [min(size, n - start) for start in range(0, n, size)][: self._threads]
            batches = [list(islice(labels, size)) for size in sizes]
            states = [
                read_labels(batch, list(map(np.random.default_rng, seeds.spawn(len(batch)))))
                for batch in batches
            ]
            batch_texts = self._in_parallel(lambda state: sampler.draw(state, constraints), states)
            for texts, batch in zip(batch_texts, batches, strict=True):
                yield [
                    Generation(prompt, text, label)
                    for text, label in zip(texts, batch, strict=True)
                ]
            n -= sum(sizes)

    def _properties(self) -> list[str]:
        controls = [] if self.controls is None else [f"control: {self.controls.name_list()}"]
        return [*super()._properties(), *controls]

    def _sampler(self, config: SamplingConfig) -> Sampler:
        row_ends = self.controls.row_ends() if self.controls is not None else ()
        stop_strings = StopStrings(config.stop, row_ends)
        return Sampler(self._network, self.tokenizer, config, stop_strings)

    def _draw_texts(
        self,
        encoded: Sequence[Sequence[int]],
        samples_per_prompt: int,
        seeds: Sequence[np.random.SeedSequence],
        sampler: Sampler,
        constraints: Sequence[Constraint],
    ) -> list[str]:
        """Draw ``samples_per_prompt`` samples of each prompt, with a seed each."""
        texts = [""] * len(seeds)
        max_texts = self._max_texts
        for rows in batch_by_length(encoded, BATCH_TOKENS, max_texts):
            logits, decoder = self._network.read(*pad([encoded[row] for row in rows]))
            row_of = np.repeat(np.arange(len(rows)), samples_per_prompt)
            # The numbers of the samples of these prompts.
            sample_numbers = rows[:, None] * samples_per_prompt + np.arange(samples_per_prompt)
            numbers = sample_numbers.ravel().tolist()
            size = min(max_texts, math.ceil(len(numbers) / self._threads))
            states = []
            for start in range(0, len(numbers), size):
                part = row_of[start : start + size]
                generators = [
                    np.random.default_rng(seeds[number]) for number in numbers[start : start + size]
                ]
                states.append(SamplerState(logits[part], decoder.take(part), generators))
            batch_texts = self._in_parallel(lambda state: sampler.draw(state, constraints), states)
            for number, text in zip(numbers, chain.from_iterable(batch_texts), strict=True):
                texts[number] = text
        return texts

    def _labels(self, control: str | None, seed: int | None) -> Iterator[str | None]:
        """Return the label of each sample, without end; None where the model knows none.

        Raises:
            ConfigError: the model does not know the one that was asked for.

        """
        if control is None and self.controls is not None:
            return self.controls.sample(seed)
        return repeat(self.require_control(control))

    def _draws_labels(self, control: str | None) -> bool:
        return control is None and self.controls is not None

    def _read_prompts(
        self,
        labels: Sequence[str | None],
        generators: Sequence[np.random.Generator],
        encode: Callable[[str | None], list[int]],
    ) -> SamplerState:
        """Read the prompt of each label, once for samples of the same label."""
        places = {label: row for row, label in enumerate(dict.fromkeys(labels))}
        logits, decoder = self._network.read(*pad(list(map(encode, places))))
        rows = np.array([places[label] for label in labels], np.int64)
        return SamplerState(logits[rows], decoder.take(rows), generators)

    def _encode_line(self, prompt: str, label: str | None) -> list[int]:
        """Return the tokens of a prompt that is the beginning of a line."""
        if label is not None:
            return self._encode(prompt, label)
        return self._context(None) + (self._encode(prompt) if prompt else [])

    def _encode(self, prompt: str, label: str | None = None) -> list[int]:
        if len(prompt) > MAX_CHARACTERS:
            self._announce_once(f"only the last {MAX_CHARACTERS:,} characters of a prompt are read")
        ids = self.tokenizer.encode(self._with_known_signs(prompt[-MAX_CHARACTERS:]))
        if label is not None:
            return self._context(label) + ids
        return ids or self._opening  # also of a prompt that has no tokens

    @cached_property
    def _opening(self) -> list[int]:
        return opening(self._network, self.tokenizer)

    def _with_known_signs(self, prompt: str) -> str:
        """Return a prompt with plain signs for typographic ones that the training text lacks."""
        if prompt.isascii():
            return prompt
        plain = {sign: plain_signs(sign) for sign in sorted(set(prompt))}
        read = {
            sign: other
            for sign, other in plain.items()
            if other != sign and not self._is_token(sign) and all(map(self._is_token, other))
        }
        if read:
            signs = ", ".join(f"{sign} as {other}" for sign, other in read.items())
            self._announce_once(
                f"signs that the training text lacks are read as plain ones: {signs}"
            )
        return "".join(read.get(sign, sign) for sign in prompt)

    def _is_token(self, sign: str) -> bool:
        ids = self.tokenizer.encode(sign)
        return len(ids) == 1 and ids[0] != UNK


def _as_prompt(prompt: str) -> str:
    if not isinstance(prompt, str):
        raise InputError(f"the prompt is a {type(prompt).__name__}", "pass a string")
    return prompt
