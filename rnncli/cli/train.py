"""``rnncli train``: train a model."""
# ruff: noqa: ARG001 - the options that are settings are read from the context

import json
import time
from dataclasses import fields
from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING, Annotated

import typer

from rnncli.cli import options
from rnncli.cli import training_options as settings
from rnncli.cli.console import Messenger, is_terminal
from rnncli.cli.dry_run import show_plan
from rnncli.cli.hints import retyped
from rnncli.cli.next_command import announce_interruption, next_command
from rnncli.cli.options import DATA, MODEL, OUTPUT, option
from rnncli.cli.progress import Display, format_scores, write_curves
from rnncli.cli.stages import StageLine
from rnncli.cli.termination import Terminated, noted_interrupts
from rnncli.config import DEFAULT_SEED, DEFAULT_VALIDATION, Settings, Task
from rnncli.messages import format_duration, parse_duration
from rnncli.tasks.loggers import LoggerName

if TYPE_CHECKING:
    from rnncli.tasks.trainer import Trainer
    from rnncli.tasks.training_result import TrainingResult


def train(
    context: typer.Context,
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DATA]...",
            help="A file (.txt .csv .tsv .jsonl .parquet .tmx, also .gz), two line-aligned files, "
            "a folder of WAV files or with a folder of texts for each class, - for stdin, a known "
            "corpus (imdb), or a hub dataset (org/name). Without it: the bundled reviews.",
        ),
    ] = None,
    task: Annotated[
        Task | None,
        option(
            "--task TASK",
            DATA,
            "classify, generate, translate, transcribe, forecast.",
        ),
    ] = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    source: options.SourceColumn = None,
    target: options.TargetColumn = None,
    control: options.ControlColumn = None,
    time_column: options.TimeColumn = None,
    value: options.ValueColumn = None,
    series: options.SeriesColumn = None,
    known: options.KnownColumns = None,
    revision: options.Revision = None,
    max_rows: settings.MaxRows = None,
    validation: settings.Validation = DEFAULT_VALIDATION,
    unlabelled: Annotated[
        list[str] | None,
        option(
            "--unlabelled FILE",
            DATA,
            "Texts to pretrain a classifier on; the labelled file may be one. Repeatable.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        option("--dry-run", DATA, "Show task, columns and sizes, and stop."),
    ] = False,
    max_time: settings.MaxTime = None,
    epochs: settings.Epochs = None,
    steps: settings.Steps = None,
    patience: settings.Patience = None,
    output: Annotated[
        Path | None, option("--output -o DIR", OUTPUT, "Model directory; else models/TASK.")
    ] = None,
    force: Annotated[bool, option("--force", OUTPUT, "Replace an existing model.")] = False,
    checkpoint_every: Annotated[
        str | None,
        option(
            "--checkpoint-every TIME",
            OUTPUT,
            "Save the state this often, to resume it.",
            show_default="1m, or 1 % of --max-time",
        ),
    ] = None,
    watch: Annotated[
        bool,
        option(
            "--watch",
            OUTPUT,
            "Draw live curves, gates and answers.",
        ),
    ] = False,
    watch_text: Annotated[
        str | None,
        option(
            "--watch-text TEXT",
            OUTPUT,
            "With --watch: the text to answer.",
        ),
    ] = None,
    log: Annotated[
        LoggerName | None,
        option(
            "--log TOOL",
            OUTPUT,
            "Log to tensorboard or trackio, too.",
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
    init_from: Annotated[
        Path | None,
        option(
            "--init-from MODEL",
            MODEL,
            "Start from this model: its weights, sizes and vectors; none: from nothing.",
        ),
    ] = None,
    freeze: settings.Freeze = None,
    level: settings.LevelChoice = None,
    vocab_size: settings.VocabSize = None,
    cell: settings.CellChoice = None,
    horizon: settings.Horizon = None,
    lookback: settings.Lookback = None,
    hidden_size: settings.HiddenSize = None,
    embedding_dim: settings.EmbeddingDim = None,
    num_layers: settings.NumLayers = None,
    ngrams: settings.Ngrams = None,
    vectors: settings.Vectors = None,
    memory: settings.Memory = None,
    batch_size: settings.BatchSize = None,
    bptt: settings.Bptt = None,
    learning_rate: settings.LearningRate = None,
    weight_decay: settings.WeightDecay = None,
    clip: settings.Clip = None,
    dropout: settings.Dropout = None,
    embedding_dropout: settings.EmbeddingDropout = None,
    word_dropout: settings.WordDropout = None,
    label_smoothing: settings.LabelSmoothing = None,
    seed: settings.Seed = DEFAULT_SEED,
    precision: settings.PrecisionChoice = "auto",
    device: settings.DeviceChoice = "auto",
    threads: options.Threads = None,
    workers: settings.NumWorkers = None,
) -> None:
    """Train a model on your own data, from which its task follows.

    Examples:
        rnncli train texts.csv
        rnncli train --max-time 1h -o models/shakespeare shakespeare.txt
        rnncli train --steps 1000 --seed 1 pairs.tsv

    Texts with labels make a classifier, pairs of sentences a translator, plain text a generator,
    times and numbers a forecaster, recordings a transcriber. Settings without a default are chosen
    for the data and announced.
    """
    began = time.monotonic()  # the process did, 0.15 s of a processor before
    from rnncli.data.columns import Columns
    from rnncli.tasks.trainer import Trainer, TrainingRequest
    from rnncli.tasks.training_settings import parse_settings

    if not _is_first(context):
        return
    names = {setting.name for setting in fields(Settings)}
    messenger = Messenger(quiet, color)
    columns = Columns(text, label, source, target, control, time_column, value, series, known)
    request = TrainingRequest(
        data=data or (),
        command=retyped(),
        output=output,
        force=force,
        task=task,
        columns=columns,
        revision=revision,
        unlabelled=unlabelled or (),
        init_from=init_from,
        checkpoint_every=None
        if checkpoint_every is None
        else parse_duration(checkpoint_every, "--checkpoint-every"),
        log=log,
        began=began,
        settings=parse_settings({k: v for k, v in context.params.items() if k in names}),
    )
    if dry_run:
        show_plan(request, messenger, as_json=as_json)
        return
    trainer = Trainer(request, messenger.announce)
    display = _display(trainer, messenger, watch, watch_text)
    _train(trainer, display, messenger)
    _announce_result(trainer.result, display, messenger)
    if as_json:
        _print_json(trainer.result)


def _is_first(context: typer.Context) -> bool:
    """Return whether this process is to train; where torchrun has started it, rank 0 alone is.

    The others compute for it, until it has ended.
    """
    from rnncli.training.torchrun import rank, world_size

    if world_size() == 1:
        return True
    from rnncli.training.ranks import join, serve

    if rank() > 0:
        serve()
        return False
    context.call_on_close(join())
    return True


def _announce_result(result: "TrainingResult", display: Display, messenger: Messenger) -> None:
    duration = format_duration(result.seconds)
    if result.epochs:
        duration += f", {result.epochs:.1f} epochs"
    messenger.announce(f"saved {result.path}: {format_scores(result.scores)}; {duration}")
    write_curves(result.metrics, result.path)
    display.draw_curves(result.metrics)
    messenger.announce(f"next: {next_command(result)}")


def _print_json(result: "TrainingResult") -> None:
    gain = {} if result.doubling_gain is None else {"doubling_gain": result.doubling_gain}
    print(json.dumps({"model": str(result.path), **result.scores, **gain}))


def _display(trainer: "Trainer", messenger: Messenger, watch: bool, text: str | None) -> Display:
    """Return the display of a training: a page to watch, where a terminal can show it, or lines."""
    watch = watch or text is not None
    if watch and not is_terminal():
        messenger.announce("--watch draws on a terminal; here the progress is printed in lines")
    elif watch and not messenger.quiet:
        from rnncli.cli.watch import WatchDisplay

        return WatchDisplay(messenger, trainer, text)
    return Display(messenger, trainer.preview)


def _train(trainer: "Trainer", display: Display, messenger: Messenger) -> None:
    """Take all steps of a training and show them; where it is interrupted, say what is kept."""
    from rnncli.training.signals import TrainingAborted, TrainingInterrupted

    try:
        with StageLine(messenger), display, noted_interrupts() as interrupts:
            for phase, progress in trainer.steps():
                if interrupts:  # before training began, and lost
                    raise KeyboardInterrupt
                display.show(phase, progress)
    except KeyboardInterrupt as interruption:
        announce_interruption(interruption, trainer.kept, messenger)
        signal = int(SIGINT)
        if isinstance(interruption, Terminated | TrainingInterrupted | TrainingAborted):
            signal = interruption.signal
        raise typer.Exit(128 + signal) from None
