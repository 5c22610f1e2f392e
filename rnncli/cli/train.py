"""``rnncli train``: the options, one call, and what is shown of it."""
# ruff: noqa: ARG001 - the options that are settings are read from the context

import json
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger
from rnncli.cli.options import DATA, MODEL, OUTPUT, TRAINING
from rnncli.cli.progress import Display
from rnncli.config import (
    DEFAULT_MAX_TIME,
    DEFAULT_SEED,
    DEFAULT_VALIDATION,
    MODELS,
    Cell,
    Device,
    Level,
    Precision,
    Settings,
    Task,
    format_duration,
    parse_duration,
)
from rnncli.storage.card import format_scores
from rnncli.tasks.trainer import Trainer, TrainingRequest, TrainingResult, known_settings
from rnncli.training.signals import TrainingInterrupted

CHOSEN = "chosen from the data"


def train(
    context: typer.Context,
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATA",
            help="A file (.txt .csv .tsv .jsonl .parquet, also .gz), two line-aligned files, - for "
            "stdin, a known corpus (imdb), or a dataset of the hub (org/name). "
            "Without it: the bundled reviews.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Where the model goes; else models/TASK.",
            rich_help_panel=OUTPUT,
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Replace a model that is there already.", rich_help_panel=OUTPUT
        ),
    ] = False,
    init_from: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Start from the weights of this model, with networks of its sizes and, to "
            "classify, its words as well.",
            rich_help_panel=MODEL,
            show_default=False,
        ),
    ] = None,
    unlabelled: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Texts without labels, from which a classifier learns to read first; may be given "
            "again. The file with the labels may be one of them.",
            rich_help_panel=DATA,
            show_default=False,
        ),
    ] = None,
    checkpoint_every: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Save what is needed to go on later this often.",
            rich_help_panel=OUTPUT,
            show_default="1m, or 1 % of --max-time",
        ),
    ] = None,
    task: Annotated[
        Task | None,
        typer.Option(
            help="What the model is for; else it follows from the data.", rich_help_panel=DATA
        ),
    ] = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    source: options.SourceColumn = None,
    target: options.TargetColumn = None,
    control: options.ControlColumn = None,
    revision: options.Revision = None,
    validation: Annotated[
        float,
        typer.Option(
            help="Share of the data held out to choose the best model, where the data has no "
            "validation part of its own.",
            rich_help_panel=DATA,
        ),
    ] = DEFAULT_VALIDATION,
    level: Annotated[
        Level | None,
        typer.Option(help="What a token is.", rich_help_panel=MODEL, show_default=CHOSEN),
    ] = None,
    vocab_size: Annotated[
        int | None,
        typer.Option(
            min=1, help="Different tokens at most.", rich_help_panel=MODEL, show_default=CHOSEN
        ),
    ] = None,
    cell: Annotated[
        Cell | None,
        typer.Option(help="The recurrent cell.", rich_help_panel=MODEL, show_default="lstm"),
    ] = None,
    hidden_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Units of a layer; the two directions of a translator's encoder share them.",
            rich_help_panel=MODEL,
            show_default=CHOSEN,
        ),
    ] = None,
    embedding_dim: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Numbers that stand for a token.",
            rich_help_panel=MODEL,
            show_default=CHOSEN,
        ),
    ] = None,
    num_layers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Recurrent layers on top of each other.",
            rich_help_panel=MODEL,
            show_default=CHOSEN,
        ),
    ] = None,
    ngrams: Annotated[
        bool | None,
        typer.Option(
            "--ngrams/--no-ngrams",
            help="A linear model of words and phrases beside the network (classify).",
            rich_help_panel=MODEL,
            show_default="--ngrams",
        ),
    ] = None,
    memory: Annotated[
        bool | None,
        typer.Option(
            "--memory/--no-memory",
            help="Keep the pairs beside the network, which is asked how texts like the one at hand "
            "were translated, if held-out pairs come out better so (translate).",
            rich_help_panel=MODEL,
            show_default="--memory",
        ),
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(
            help="Share of units switched off while training, the same at all steps of a text.",
            rich_help_panel=MODEL,
            show_default=CHOSEN,
        ),
    ] = None,
    embedding_dropout: Annotated[
        float | None,
        typer.Option(
            help="Share of what the first layer reads switched off; else as --dropout, or 0.",
            rich_help_panel=MODEL,
            show_default=CHOSEN,
        ),
    ] = None,
    word_dropout: Annotated[
        float | None,
        typer.Option(
            help="Share of input tokens hidden.", rich_help_panel=MODEL, show_default=CHOSEN
        ),
    ] = None,
    label_smoothing: Annotated[
        float | None,
        typer.Option(
            help="Probability kept from the right answer.",
            rich_help_panel=TRAINING,
            show_default=CHOSEN,
        ),
    ] = None,
    max_time: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="Train no longer than this: 90s, 2m, 1h30m.",
            rich_help_panel=TRAINING,
            show_default=format_duration(DEFAULT_MAX_TIME),
        ),
    ] = None,
    epochs: Annotated[
        float | None,
        typer.Option(
            help="Read the data no more often than this.",
            rich_help_panel=TRAINING,
            show_default=CHOSEN,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Take no more steps than this.", rich_help_panel=TRAINING),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Texts (or streams of text) a step.",
            rich_help_panel=TRAINING,
            show_default=CHOSEN,
        ),
    ] = None,
    bptt: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Tokens through which gradients flow back; the state is carried on (generate).",
            rich_help_panel=TRAINING,
            show_default=CHOSEN,
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="Highest learning rate; it falls to zero over the budget.",
            rich_help_panel=TRAINING,
            show_default=CHOSEN,
        ),
    ] = None,
    weight_decay: Annotated[
        float | None,
        typer.Option(
            help="Pull of weights towards zero.", rich_help_panel=TRAINING, show_default=CHOSEN
        ),
    ] = None,
    clip: Annotated[
        float | None,
        typer.Option(
            help="Largest norm of a gradient.", rich_help_panel=TRAINING, show_default=CHOSEN
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Evaluations without a better score before training ends early.",
            rich_help_panel=TRAINING,
            show_default=CHOSEN,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Of all that is random.", rich_help_panel=TRAINING)
    ] = DEFAULT_SEED,
    precision: Annotated[
        Precision,
        typer.Option(
            help="auto: bfloat16 where the processor computes with it.", rich_help_panel=TRAINING
        ),
    ] = "auto",
    device: Annotated[
        Device, typer.Option(help="auto: cuda where there is one.", rich_help_panel=TRAINING)
    ] = "auto",
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, help="Processor threads.", rich_help_panel=TRAINING, show_default="all cores"
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
) -> None:
    """Train a model on your own text; its task follows from the data.

    A text and a label column make a classifier, pairs of sentences a translator, plain text a
    generator. Everything that is not set is chosen and announced.
    """
    if quiet:  # before the libraries of the hub are imported, which read these once
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    from rnncli.data.columns import Columns

    messenger = Messenger(quiet, color)
    request = TrainingRequest(
        data=data or (),
        command=shlex.join(["rnncli", *sys.argv[1:]]),
        output=output,
        force=force,
        task=task,
        columns=Columns(text, label, source, target, control),
        revision=revision,
        unlabelled=unlabelled or (),
        init_from=init_from,
        checkpoint_every=None if checkpoint_every is None else parse_duration(checkpoint_every),
        settings=_settings(context.params),
    )
    trainer = Trainer(request, messenger.announce)
    try:
        with Display(messenger, trainer.preview) as display:
            for phase, progress in trainer.steps():
                display.show(phase, progress)
    except TrainingInterrupted as interruption:
        _explain(interruption, messenger)
        raise typer.Exit(128 + interruption.signal) from None
    result = trainer.result
    messenger.announce(
        f"saved {result.path}: {format_scores(result.scores)}; "
        f"{format_duration(result.seconds)}, {result.epochs:.1f} epochs"
    )
    messenger.announce(f"next: {_next_command(result)}")
    if as_json:
        print(json.dumps({"model": str(result.path), **result.scores}))


def _settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that fix a setting, by the names of ``Settings``."""
    names = {setting.name for setting in fields(Settings)}
    return known_settings({name: value for name, value in options.items() if name in names})


def _explain(interruption: TrainingInterrupted, messenger: Messenger) -> None:
    """Say how to go on with a training that was interrupted."""
    messenger.announce(
        f"interrupted at step {interruption.step:,}; to go on, type the same command:"
    )
    messenger.announce(f"    {shlex.join(['rnncli', *sys.argv[1:]])}")
    if interruption.replaced is not None:
        messenger.announce(
            f"until it has ended, the model that was there is kept: {interruption.replaced}"
        )


def _next_command(result: TrainingResult) -> str:
    """Return a command that uses the trained model."""
    task = result.task
    model = "" if result.path == MODELS / task else f" -m {shlex.quote(str(result.path))}"
    if result.controls:
        model += f" --control {shlex.quote(result.controls[0])}"
    return {
        "classify": f'echo "a text of yours" | rnncli classify{model}',
        "generate": f"rnncli generate{model}",
        "translate": f'echo "a sentence of yours" | rnncli translate{model}',
    }[task]
