"""``rnncli generate``: write text."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.config import SamplingConfig
from rnncli.errors import ConfigError
from rnncli.text.threads import choose_threads

_DEFAULTS = SamplingConfig()
BATCH = 64  # prompts: their samples are drawn side by side
SAMPLING = "Sampling"  # a panel of the help page
SAMPLING_OPTIONS = (
    *("n", "lines", "length", "temperature", "stop", "seed", "top_k", "top_p", "min_p"),
    *("repetition_penalty", "max_copy"),
)
SCORED = 1_024  # lines: enough to sort by length, and for several threads


def generate(
    ctx: typer.Context,
    prompt: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROMPT",
            help="Text to continue; else one a line from stdin. With --score: texts.",
            show_default=False,
        ),
    ] = None,
    input: options.InputFile = None,
    column: options.KeptColumn = None,
    n: Annotated[
        int, typer.Option("-n", min=1, help="Samples of each prompt.", rich_help_panel=SAMPLING)
    ] = 1,
    lines: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Write N whole lines: names, titles.",
            rich_help_panel=SAMPLING,
            show_default=False,
        ),
    ] = None,
    length: Annotated[
        int, typer.Option(help="Maximum length in tokens.", rich_help_panel=SAMPLING)
    ] = _DEFAULTS.length,
    temperature: Annotated[
        str,
        typer.Option(
            metavar="NUMBER[,NUMBER]...",
            help="Below 1 more predictable, above it wilder; 0 is greedy. Several: a sample each.",
            rich_help_panel=SAMPLING,
        ),
    ] = str(_DEFAULTS.temperature),
    control: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL",
            help="Control code: the label to write like, of a model trained with --control; else "
            "drawn at random.",
            rich_help_panel=SAMPLING,
            show_default=False,
        ),
    ] = None,
    stop: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="Stop string: end before this text.", rich_help_panel=SAMPLING
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed.", rich_help_panel=SAMPLING)] = None,
    top_k: Annotated[
        int | None,
        typer.Option(help="Draw from the k likeliest tokens.", rich_help_panel=SAMPLING),
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            help="Draw from the likeliest tokens of this total probability.",
            rich_help_panel=SAMPLING,
        ),
    ] = None,
    min_p: Annotated[
        float | None,
        typer.Option(
            help="Draw from tokens at least this likely, relative to the likeliest.",
            rich_help_panel=SAMPLING,
        ),
    ] = None,
    repetition_penalty: Annotated[
        float,
        typer.Option(help="Above 1: repeat tokens less.", rich_help_panel=SAMPLING),
    ] = _DEFAULTS.repetition_penalty,
    max_copy: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Reject samples with more than N characters in a row from --copied-from.",
            rich_help_panel=SAMPLING,
            show_default=False,
        ),
    ] = None,
    score: Annotated[
        bool,
        typer.Option(
            "--score",
            help="Score texts instead: bits per character, tab, text.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    copied_from: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Say how much of each sample is copied from this text file, word for word.",
            rich_help_panel=options.OUTPUT,
            show_default=False,
        ),
    ] = None,
    output: options.OutputFile = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
    model: options.ModelPath = None,
    batch_size: options.BatchSize = BATCH,
    threads: options.Threads = None,
) -> None:
    """Write text that goes on from a prompt, as the model's training text would.

    Examples:
        rnncli generate "The ferry"
        rnncli generate --temperature 0.5,0.8,1.1 --length 100 "The ferry"
        rnncli generate --lines 10 --seed 1

    On a terminal characters appear as they are drawn; a pipe gets whole samples.
    """
    from rnncli.analysis.overlap import read_source
    from rnncli.cli.pipe import Request
    from rnncli.cli.samples import Samples
    from rnncli.tasks.generate.predict import TextGenerator

    messenger = Messenger(quiet, color)
    if score:
        _refuse(ctx, "--score", (*SAMPLING_OPTIONS, "copied_from"))
    else:
        _require_one_prompt(prompt or [], as_line=lines is not None)
    if max_copy is not None and copied_from is None:
        raise ConfigError(
            "--max-copy needs the text that could be copied from", "name it: --copied-from FILE"
        )
    if lines is not None:
        _refuse(ctx, "--lines", ("n", "stop", "input", "column"))
    configs = [
        SamplingConfig(value, top_k, top_p, min_p, repetition_penalty, length, stop, seed)
        for value in _temperatures(temperature)
    ]
    source = None if copied_from is None else read_source(copied_from)
    generator = TextGenerator.load(
        options.model_path(model, "generate"),
        threads=choose_threads(threads),
        announce=messenger.announce,
    )
    control = generator.require_control(control)
    size = SCORED if score and batch_size == BATCH else batch_size
    request = Request(prompt or [], input, output, column, as_json, size, messenger)
    if score:
        from rnncli.cli.score_texts import score_texts

        score_texts(request, generator, control)
        return
    samples = Samples(request, generator, configs, lines or n, source, max_copy, control)
    if lines is not None:
        samples.write_lines()
    else:
        samples.answer()


def _require_one_prompt(prompts: Sequence[str], *, as_line: bool) -> None:
    """Check that there is one prompt at most, and that a line can begin with it.

    Raises:
        ConfigError: there are several, or it has several lines.

    """
    if len(prompts) > 1:
        raise ConfigError(
            "there is more than one prompt",
            f"put quotation marks around it: rnncli generate {shlex.quote(' '.join(prompts))}",
        )
    if as_line and "\n" in "".join(prompts):
        raise ConfigError("the prompt has several lines", "give the beginning of one line")


def _refuse(ctx: typer.Context, option: str, others: Sequence[str]) -> None:
    """Raise an error where one of the other parameters was given, too."""
    for parameter in ctx.command.params:
        source = ctx.get_parameter_source(str(parameter.name))
        if parameter.name in others and source is not None and source.name == "COMMANDLINE":
            name = parameter.opts[0]
            raise ConfigError(f"{name} does not go with {option}", f"leave {name} out")


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
