"""``rnncli generate``: write text."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli import options
from rnncli.cli.console import Screen, shown
from rnncli.config import SamplingConfig
from rnncli.errors import ConfigError

if TYPE_CHECKING:
    from rnncli.tasks.generate import TextGenerator

_DEFAULTS = SamplingConfig()
BATCH = 64  # prompts: their samples are drawn side by side


def generate(
    prompt: Annotated[
        str | None,
        typer.Argument(help="Text to go on from; else read from stdin.", show_default=False),
    ] = None,
    input: options.InputFile = None,
    column: options.KeptColumn = None,
    batch_size: options.BatchSize = BATCH,
    model: options.ModelPath = None,
    device: options.DeviceChoice = "cpu",
    threads: options.Threads = None,
    n: Annotated[
        int, typer.Option("-n", min=1, help="How many samples.", rich_help_panel="Sampling")
    ] = 1,
    length: Annotated[
        int, typer.Option(help="Tokens to write at most.", rich_help_panel="Sampling")
    ] = _DEFAULTS.length,
    temperature: Annotated[
        str,
        typer.Option(
            metavar="NUMBER[,NUMBER]...",
            help="Below 1 more predictable, above it wilder; 0 always takes the likeliest. "
            "Several with commas between give a sample each.",
            rich_help_panel="Sampling",
        ),
    ] = str(_DEFAULTS.temperature),
    top_k: Annotated[
        int | None,
        typer.Option(help="Draw from the k likeliest tokens.", rich_help_panel="Sampling"),
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            help="Draw from the likeliest tokens that make up this share.",
            rich_help_panel="Sampling",
        ),
    ] = None,
    min_p: Annotated[
        float | None,
        typer.Option(
            help="Draw from tokens at least this likely, as a share of the likeliest.",
            rich_help_panel="Sampling",
        ),
    ] = None,
    repetition_penalty: Annotated[
        float,
        typer.Option(help="Above 1: avoid tokens drawn before.", rich_help_panel="Sampling"),
    ] = _DEFAULTS.repetition_penalty,
    stop: Annotated[
        str | None,
        typer.Option(help="End a sample before this text.", rich_help_panel="Sampling"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="The same seed gives the same text.", rich_help_panel="Sampling"),
    ] = None,
    output: options.OutputFile = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
) -> None:
    """Write text that goes on from a prompt, as the model's training text would.

    On a terminal characters appear as they are drawn; a pipe gets whole samples.
    """
    from rnncli.cli.records import Answer, Lines
    from rnncli.cli.streams import Stream, answer_all, batches
    from rnncli.tasks.generate import Generation, TextGenerator

    screen = Screen(quiet, color)
    given = [] if prompt is None else [prompt]
    stream = Stream(given, input, output, column, as_json, batch_size, screen)
    configs = [
        SamplingConfig(own, top_k, top_p, min_p, repetition_penalty, length, stop, seed)
        for own in _temperatures(temperature)
    ]
    several = len(configs) > 1
    generator = TextGenerator.load(
        options.model_path(model, "generate"),
        device=device,
        threads=options.threads_for(threads),
        announce=screen.say,
    )
    plain = not as_json and column is None and output is None
    if plain and (n == 1 or several) and sys.stdout.isatty():
        for lines in batches(stream):
            for record in Lines().records(lines):
                for config in configs:
                    for pieces in _drawn(generator, record.text, n, config):
                        if several:
                            _say_temperature(screen, config)
                        _print(record.text, pieces)
        return

    def answer(sample: Generation, config: SamplingConfig) -> Answer:
        fields: dict[str, Any] = {"text": sample.text}
        if several:
            fields["temperature"] = config.temperature
        return Answer(sample.prompt + sample.text, fields)

    def respond(prompts: Sequence[str]) -> list[list[Answer]]:
        answers: list[list[Answer]] = [[] for _ in prompts]
        for config in configs:
            found = generator.samples(prompts, n, config)
            for own, samples in zip(answers, found, strict=True):
                own += [answer(sample, config) for sample in samples]
        return answers

    answer_all(stream, "prompt", ("text", "temperature") if several else ("text",), respond)


def _temperatures(text: str) -> list[float]:
    """Return the temperatures in ``0.8`` or ``0.5,0.8,1.1``.

    Raises:
        ConfigError: one of them is no number.

    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(
            f"--temperature is {text!r}", "give a number, or several: --temperature 0.5,0.8,1.1"
        ) from None


def _drawn(
    generator: "TextGenerator", prompt: str, n: int, config: SamplingConfig
) -> Iterator[Iterator[str]]:
    """Yield the pieces of each of n samples: as they are drawn where there is but one."""
    if n == 1:
        yield (piece for (piece,) in generator.stream(prompt, 1, config))
        return
    for sample in generator.samples([prompt], n, config)[0]:
        yield iter([sample.text])


def _say_temperature(screen: Screen, config: SamplingConfig) -> None:
    if not screen.quiet:
        screen.console().print(f"temperature {config.temperature:g}", style="dim")


def _print(prompt: str, pieces: Iterator[str]) -> None:
    """Print a sample as it is drawn."""
    print(shown(prompt), end="", flush=True)
    for piece in pieces:
        print(shown(piece), end="", flush=True)
    print(flush=True)
