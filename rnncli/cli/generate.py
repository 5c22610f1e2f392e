"""``rnncli generate``: write text."""

import json
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from rnncli.cli import options
from rnncli.cli.console import Screen
from rnncli.config import SamplingConfig

_DEFAULTS = SamplingConfig()


def generate(
    prompt: Annotated[
        str | None,
        typer.Argument(help="Text to go on from; else read from stdin.", show_default=False),
    ] = None,
    model: options.ModelPath = None,
    input: options.InputFile = None,
    n: Annotated[
        int, typer.Option("-n", min=1, help="How many samples.", rich_help_panel="Sampling")
    ] = 1,
    length: Annotated[
        int, typer.Option(help="Tokens to write at most.", rich_help_panel="Sampling")
    ] = _DEFAULTS.length,
    temperature: Annotated[
        float,
        typer.Option(
            help="Below 1 more predictable, above it wilder; 0 always takes the likeliest.",
            rich_help_panel="Sampling",
        ),
    ] = _DEFAULTS.temperature,
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
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
) -> None:
    """Write text that goes on from a prompt, as the model's training text would.

    On a terminal characters appear as they are drawn; a pipe gets whole samples.
    """
    from rnncli.cli.streams import flush, texts_in, write_line
    from rnncli.tasks.generate import TextGenerator

    screen = Screen(quiet, color)
    config = SamplingConfig(
        temperature, top_k, top_p, min_p, repetition_penalty, length, stop, seed
    )
    generator = TextGenerator.load(options.model_path(model, "generate"))
    if prompt is None and input is None and sys.stdin is not None and sys.stdin.isatty():
        prompt = ""  # nothing to read: write from the beginning
    given = [] if prompt is None else [prompt]
    live = sys.stdout.isatty() and n == 1 and not as_json
    for batch in texts_in(given, input, screen):
        for text in batch:
            if live:
                _stream(generator.stream(text, 1, config), text)
                continue
            for sample in generator(text, n, config):
                write_line(
                    json.dumps({"prompt": text, "text": sample}, ensure_ascii=False)
                    if as_json
                    else text + sample
                )
        flush()


def _stream(pieces: Iterator[list[str]], prompt: str) -> None:
    """Print a sample as it is drawn."""
    print(prompt, end="", flush=True)
    for (piece,) in pieces:
        print(piece, end="", flush=True)
    print(flush=True)
