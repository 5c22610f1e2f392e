"""``rnncli generate``: write text."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.cli.options import OUTPUT, SAMPLING, option
from rnncli.config import MAX_SAMPLES, USUAL_LENGTH, SamplingConfig, choose_threads
from rnncli.errors import ConfigError

if TYPE_CHECKING:
    from rnncli.analysis.overlap import Source

BATCH_SIZE = 64  # prompts: their samples are drawn side by side
SCORE_BATCH_SIZE = 1_024  # lines: enough to sort by length, and for several threads
# Parameters that say nothing about --score.
_SAMPLING_PARAMETERS = (
    *("n", "lines", "length", "temperature", "stop", "seed", "top_k", "top_p", "min_p"),
    *("repetition_penalty", "max_copy", "copied_from"),
)


def generate(
    context: typer.Context,
    prompt: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROMPT",
            help="Text to continue; else one a line from stdin. With --score: texts.",
        ),
    ] = None,
    input: options.InputFile = None,
    column: options.Column = None,
    n: Annotated[
        int, option("-n N", SAMPLING, "Samples of each prompt.", min=1, max=MAX_SAMPLES)
    ] = 1,
    lines: Annotated[
        int | None, option("--lines N", SAMPLING, "Write N whole lines: names, titles.", min=1)
    ] = None,
    length: Annotated[
        int | None,
        option(
            "--length N",
            SAMPLING,
            "Maximum length in tokens.",
            show_default=f"{USUAL_LENGTH}, and on to the end of a sentence",
        ),
    ] = SamplingConfig.length,
    temperature: Annotated[
        str,
        option(
            "--temperature NUMBER",
            SAMPLING,
            "Below 1 more predictable, above it wilder; 0 is greedy. Several, as in 0.5,0.8,1.1: "
            "a sample each.",
        ),
    ] = str(SamplingConfig.temperature),
    control: Annotated[
        str | None,
        option(
            "--control LABEL",
            SAMPLING,
            "Control code: the label to write like, of a model trained with --control; else drawn "
            "at random.",
        ),
    ] = None,
    stop: Annotated[
        str | None, option("--stop TEXT", SAMPLING, "Stop string: end before this text.")
    ] = None,
    seed: Annotated[int | None, option("--seed N", SAMPLING, "Random seed.")] = None,
    top_k: Annotated[
        int | None, option("--top-k N", SAMPLING, "Draw from the N likeliest tokens.")
    ] = None,
    top_p: Annotated[
        float | None,
        option("--top-p P", SAMPLING, "Draw from the likeliest tokens of this total probability."),
    ] = None,
    min_p: Annotated[
        float | None,
        option(
            "--min-p P",
            SAMPLING,
            "Draw from tokens at least this likely, relative to the likeliest.",
        ),
    ] = None,
    repetition_penalty: Annotated[
        float, option("--repetition-penalty NUMBER", SAMPLING, "Above 1: repeat tokens less.")
    ] = SamplingConfig.repetition_penalty,
    max_copy: Annotated[
        int | None,
        option(
            "--max-copy N",
            SAMPLING,
            "Reject samples with more than N characters in a row from --copied-from.",
            min=1,
        ),
    ] = None,
    score: Annotated[
        bool, option("--score", OUTPUT, "Score texts instead: bits per character, tab, text.")
    ] = False,
    copied_from: Annotated[
        Path | None,
        option(
            "--copied-from FILE",
            OUTPUT,
            "Measure how much of each sample is copied, word for word, from this text file.",
        ),
    ] = None,
    output: options.OutputFile = None,
    force: options.Force = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
    model: options.ModelPath = None,
    batch_size: options.BatchSize = BATCH_SIZE,
    threads: options.Threads = None,
) -> None:
    """Write text that goes on from a prompt, as the model's training text would.

    Examples:
        rnncli generate "The ferry"
        rnncli generate --temperature 0.5,0.8,1.1 --length 100 "The ferry"
        rnncli generate --lines 10 --seed 1

    On a terminal characters appear as they are drawn; a pipe gets whole samples.
    """
    from rnncli.cli.request import Request
    from rnncli.cli.samples import Samples
    from rnncli.tasks.generate.predict import TextGenerator

    messenger = Messenger(quiet, color)
    if score:
        _refuse(context, "--score", _SAMPLING_PARAMETERS)
    else:
        _require_one_prompt(prompt or [], as_line=lines is not None)
    if max_copy is not None and copied_from is None:
        raise ConfigError(
            "--max-copy needs the text that could be copied", "name its file with --copied-from"
        )
    if lines is not None:
        _refuse(context, "--lines", ("n", "stop", "input", "column"))
    configs = [
        SamplingConfig(value, top_k, top_p, min_p, repetition_penalty, length, stop, seed)
        for value in _temperatures(temperature)
    ]
    source = None if copied_from is None else _read_source(copied_from)
    generator = TextGenerator.load(
        options.model_path(model, "generate", messenger.announce),
        threads=choose_threads(threads),
        announce=messenger.announce,
    )
    control = generator.require_control(control)
    if score and batch_size == BATCH_SIZE:
        batch_size = SCORE_BATCH_SIZE
    if sys.stdin is None and input is None and not score:  # closed: as if it were empty
        prompt = prompt or [""]
    request = Request(prompt or [], input, output, force, column, as_json, batch_size, messenger)
    if score:
        from rnncli.cli.views.surprisal import score_texts

        score_texts(request, generator, control)
        return
    samples = Samples(request, generator, configs, lines or n, source, max_copy, control)
    if lines is not None:
        samples.write_lines()
    else:
        samples.answer()


def _read_source(path: Path) -> "Source":
    from rnncli.analysis.overlap import read_source

    return read_source(path)


def _require_one_prompt(prompts: Sequence[str], *, as_line: bool) -> None:
    """Check that there is one prompt at most, and that a line can begin with it."""
    if len(prompts) > 1:
        raise ConfigError(
            "there is more than one prompt",
            f"put quotation marks around it: rnncli generate {shlex.quote(' '.join(prompts))}",
        )
    if as_line and "\n" in "".join(prompts):
        raise ConfigError("the prompt has several lines", "leave --lines out")


def _refuse(context: typer.Context, option: str, parameters: Sequence[str]) -> None:
    """Raise an error if one of some parameters was typed beside an option that excludes them."""
    for name in options.typed_options(context, parameters):
        raise ConfigError(f"{name} does not go with {option}", f"leave {name} out")


def _temperatures(text: str) -> list[float]:
    """Return the temperatures in ``0.8`` or ``0.5,0.8,1.1``."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(
            f"--temperature is {text!r}, not a number, or several", "--temperature 0.5,0.8,1.1"
        ) from None
