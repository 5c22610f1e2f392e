"""Samples of a text generator, one after the other, with what is told of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rnncli.cli.console import is_terminal, shown
from rnncli.cli.records import Answer, Lines, Record
from rnncli.cli.streams import Stream, answer_all, batches, opened_output, without_surrogates
from rnncli.config import SamplingConfig
from rnncli.tasks.generate import Generation, TextGenerator


@dataclass(frozen=True)
class Samples:
    """Draw n samples with each of some settings."""

    stream: Stream
    generator: TextGenerator
    configs: Sequence[SamplingConfig]  # which differ in their temperatures
    n: int

    def answer(self) -> None:
        """Go on from every prompt of the stream."""
        watched = self._is_watched and not self.stream.as_json and self.stream.column is None
        if watched and (self.n == 1 or len(self.configs) > 1):
            for lines in batches(self.stream):
                for record in Lines().records(lines):
                    self._show(record.text)
            return
        answer_all(self.stream, "prompt", self._names, self._respond)

    def write_lines(self) -> None:
        """Write whole lines that begin with the prompt, each as soon as it is there."""
        prompt = without_surrogates("".join(self.stream.texts))
        form, record = Lines(), Record(prompt, prompt, {})
        with opened_output(self.stream) as write:
            for config in self.configs:
                if self._is_watched:
                    self._say_temperature(config)
                for sample in self.generator.lines(self.n, prompt, config):
                    answer = self._told(sample, config)
                    as_json = self.stream.as_json
                    write(form.as_json(record, answer, "prompt") if as_json else answer.line)
                    write(None)

    @property
    def _is_watched(self) -> bool:
        """Return whether the samples go to a terminal."""
        return self.stream.output is None and is_terminal(stderr=False)

    @property
    def _names(self) -> list[str]:
        return ["text", "temperature"] if len(self.configs) > 1 else ["text"]

    def _respond(self, prompts: Sequence[str]) -> list[list[Answer]]:
        answers: list[list[Answer]] = [[] for _ in prompts]
        for config in self.configs:
            found = self.generator.samples(prompts, self.n, config)
            for own, samples in zip(answers, found, strict=True):
                own += [self._told(sample, config) for sample in samples]
        return answers

    def _told(self, sample: Generation, config: SamplingConfig) -> Answer:
        values = {"text": sample.text, "temperature": config.temperature}
        fields: dict[str, Any] = {name: values[name] for name in self._names}
        return Answer(sample.prompt + sample.text, fields)

    def _show(self, prompt: str) -> None:
        """Write the samples of a prompt to a terminal, where headings keep them apart."""
        for config in self.configs:
            for pieces in self._pieces(prompt, config):
                self._say_temperature(config)
                print(shown(prompt), end="", flush=True)
                for piece in pieces:
                    print(shown(piece), end="", flush=True)
                print(flush=True)

    def _pieces(self, prompt: str, config: SamplingConfig) -> Iterator[Iterator[str]]:
        """Yield the pieces of each sample; those of a single one as they are drawn."""
        if self.n == 1:
            yield (piece for (piece,) in self.generator.stream(prompt, 1, config))
            return
        for sample in self.generator.samples([prompt], self.n, config)[0]:
            yield iter([sample.text])

    def _say_temperature(self, config: SamplingConfig) -> None:
        if len(self.configs) > 1 and not self.stream.screen.quiet:
            console = self.stream.screen.console()
            console.print(f"temperature {config.temperature:g}", style="dim")
