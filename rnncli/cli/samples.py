"""Samples of a text generator: whole in a pipe, as they are drawn on a terminal."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from rnncli.cli.console import is_terminal
from rnncli.cli.output import Output, open_output
from rnncli.cli.pipe import answer_all, open_input, write_output
from rnncli.cli.records import Lines, Record
from rnncli.cli.request import Request
from rnncli.config import SamplingConfig
from rnncli.errors import RnncliError
from rnncli.tasks.generate.constraints import MAX_TRIES, Constraint
from rnncli.tasks.generate.predict import Generation, TextGenerator
from rnncli.text.unicode import escape_controls, replace_surrogates

if TYPE_CHECKING:
    from rnncli.analysis.overlap import Overlap, Source


@dataclass(frozen=True)
class Samples:
    """Draw samples with each of several configs, and answer a request with them."""

    request: Request
    generator: TextGenerator
    configs: Sequence[SamplingConfig]  # which differ in their temperatures
    n: int  # samples, or lines, with each config
    source: "Source | None" = None  # the text of --copied-from
    max_copy: int | None = None  # characters in a row that a sample may copy from it
    control: str | None = None  # the control code of all samples

    def answer(self) -> None:
        """Answer every prompt with samples that go on from it."""
        if self._on_terminal and self._is_plain and (self.n == 1 or len(self.configs) > 1):
            batches = open_input(self.request).batches
            # Who types first sees a sample from the start.
            first = [Record("")] if self._is_typed else next(batches, self._start)
            for records in chain([first], batches):
                for record in records:
                    self._show(record.text)
            return
        answer_all(self.request, "prompt", self._names, self._respond, if_empty=self._start)

    def write_lines(self) -> None:
        """Write whole lines that begin with the prompt, each as soon as it is complete."""
        prompt = replace_surrogates("".join(self.request.texts))
        form, record = Lines(), Record(prompt)
        is_continued = False  # whether a line goes on after the prompt
        with open_output(self.request.output, self.request.messenger) as write:
            for config in self.configs:
                if self._on_terminal:
                    self._announce_temperature(config)
                for samples in self.generator.lines(
                    self.n, prompt, config, self._constraints, self.control
                ):
                    is_continued |= any(sample.text.strip() for sample in samples)
                    for answer in self._outputs(samples, config):
                        write_output(answer, self.request, form, record, "prompt", write)
                        write(None)
        if not is_continued:
            self.request.messenger.announce(
                f"the model ends each line after the prompt; to go on: {_without_lines()}"
            )

    @property
    def _start(self) -> list[Record]:
        """Return the prompts for an empty stdin: one, to draw samples from the start."""
        is_file = self.request.file is not None or self.request.column is not None
        return [] if self._is_typed or is_file else [Record("")]

    @property
    def _is_typed(self) -> bool:
        """Return whether prompts are typed at a terminal."""
        is_given = bool(self.request.texts) or self.request.file is not None
        return not is_given and sys.stdin is not None and sys.stdin.isatty()

    @property
    def _on_terminal(self) -> bool:
        """Return whether the samples go to a terminal."""
        return self.request.output is None and is_terminal(stderr=False)

    @property
    def _is_plain(self) -> bool:
        """Return whether answers are lines of text, with notes on stderr."""
        return not self.request.as_json and self.request.column is None

    @property
    def _names(self) -> list[str]:
        names = ["text"] if self.generator.controls is None else ["text", "control"]
        if len(self.configs) > 1:
            names.append("temperature")
        if self.source is not None:
            names += ["copied_longest", "copied_share"]
        return names

    @property
    def _constraints(self) -> list[Constraint]:
        source, max_copy = self.source, self.max_copy
        if source is None or max_copy is None:
            return []
        return [
            Constraint(
                lambda texts: [not copies for copies in source.has_match(texts, max_copy + 1)],
                RnncliError(
                    f"the model copied more than {max_copy} characters in a row in each of "
                    f"{MAX_TRIES} tries",
                    f"--max-copy {max(2 * max_copy, 20)}",
                ),
            )
        ]

    def _respond(self, prompts: Sequence[str]) -> list[list[Output]]:
        answers: list[list[Output]] = [[] for _ in prompts]
        for config in self.configs:
            samples = self.generator.samples(
                prompts, self.n, config, self._constraints, self.control
            )
            outputs = self._outputs(list(chain.from_iterable(samples)), config)
            for answer in answers:
                answer += islice(outputs, self.n)
        return answers

    def _outputs(self, samples: Sequence[Generation], config: SamplingConfig) -> Iterator[Output]:
        """Yield each sample with its control code, its temperature and its copies."""
        texts = [sample.text for sample in samples]
        overlaps = self.source.overlaps(texts) if self.source is not None else [None] * len(texts)
        for sample, overlap in zip(samples, overlaps, strict=True):
            fields: dict[str, Any] = {"text": sample.text}
            note = ""
            if sample.control is not None:
                fields["control"] = sample.control
            if len(self.configs) > 1:
                fields["temperature"] = config.temperature
            if overlap is not None:
                fields["copied_longest"] = overlap.longest
                fields["copied_share"] = round(overlap.share, 4)
                note = _note(overlap) if self._is_plain else ""
            yield Output(sample.prompt + sample.text, fields, note)

    def _show(self, prompt: str) -> None:
        """Write the samples of a prompt to a terminal, each under its temperature."""
        from rnncli.cli.wrapping import GrowingText  # which loads rich

        for config in self.configs:
            for pieces in self._pieces(prompt, config):
                self._announce_temperature(config)
                rows = GrowingText()
                text = ""
                try:
                    print(rows.add(escape_controls(prompt)), end="", flush=True)
                    for piece in pieces:
                        print(rows.add(escape_controls(piece)), end="", flush=True)
                        text += piece
                finally:  # also before the shell's prompt, where Ctrl-C ends it
                    print(flush=True)
                if self.source is not None:
                    self.request.messenger.announce(_note(*self.source.overlaps([text])))

    def _pieces(self, prompt: str, config: SamplingConfig) -> Iterator[Iterator[str]]:
        """Yield the pieces of each sample; those of a single one as they are drawn."""
        if self.n == 1 and self.max_copy is None:
            yield (piece for (piece,) in self.generator.stream(prompt, 1, config, self.control))
            return
        (samples,) = self.generator.samples(
            [prompt], self.n, config, self._constraints, self.control
        )
        for sample in samples:
            yield iter([sample.text])

    def _announce_temperature(self, config: SamplingConfig) -> None:
        if len(self.configs) > 1 and not self.request.messenger.quiet:
            console = self.request.messenger.console()
            console.print(f"temperature {config.temperature:g}", style="dim")


def _without_lines() -> str:
    from rnncli.cli.hints import as_typed  # only for the notice

    return as_typed("leave --lines out").partition(": ")[2]


def _note(overlap: "Overlap") -> str:
    from rnncli.analysis.overlap import MIN_MATCH  # imported with the source already

    return (
        f"copied: longest {overlap.longest:,} characters, "
        f"{100 * overlap.share:.0f} % in stretches of {MIN_MATCH} or more"
    )
