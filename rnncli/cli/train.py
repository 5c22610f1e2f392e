"""``rnncli train``: from data to a model, with the progress drawn."""

import json
import os
import shlex
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli import options
from rnncli.cli.card import card, describe, format_scores, record
from rnncli.cli.console import Screen
from rnncli.cli.interruption import Interruption
from rnncli.cli.options import DATA, MODEL, OUTPUT, TRAINING
from rnncli.cli.progress import Display
from rnncli.config import (
    DEFAULT_MAX_TIME,
    DEFAULT_SEED,
    DEFAULT_VALIDATION,
    DEFAULTS,
    MAX_VALIDATION_ROWS,
    Cell,
    Device,
    Level,
    Precision,
    Settings,
    Task,
    format_duration,
    parse_duration,
)
from rnncli.errors import ModelError

if TYPE_CHECKING:
    from rnncli.checkpoint import ModelWriter, SavedRun, Snapshot
    from rnncli.data import Corpus
    from rnncli.tasks.base import Training
    from rnncli.training import Progress, State

CHOSEN = "chosen from the data"
SAVE_EVERY = 60.0, 0.01  # seconds, or this share of the time budget, whichever is longer
LARGEST_SHARE = 0.02  # of the time that may go into saving the state at all
SHARE = 0.01  # of the time that may go into saving the state wherever a model is the best so far


def train(
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
            help="Start from the weights of this model; what fits is copied.",
            rich_help_panel=MODEL,
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
        typer.Option(min=1, help="Units of a layer.", rich_help_panel=MODEL, show_default=CHOSEN),
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
    weight_dropout: Annotated[
        float | None,
        typer.Option(
            help="Share of recurrent weights switched off.",
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
    began = time.monotonic()  # the budget includes reading, encoding and saving
    given: dict[str, Any] = {
        "level": level,
        "vocab_size": vocab_size,
        "cell": cell,
        "hidden_size": hidden_size,
        "embedding_dim": embedding_dim,
        "num_layers": num_layers,
        "dropout": dropout,
        "embedding_dropout": embedding_dropout,
        "weight_dropout": weight_dropout,
        "word_dropout": word_dropout,
        "label_smoothing": label_smoothing,
        "max_time": None if max_time is None else parse_duration(max_time),
        "epochs": epochs,
        "steps": steps,
        "batch_size": batch_size,
        "bptt": bptt,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "clip": clip,
        "patience": patience,
        "threads": threads,
    }
    given = {name: value for name, value in given.items() if value is not None}
    given |= {"validation": validation, "seed": seed, "precision": precision, "device": device}
    screen = Screen(quiet, color)
    if quiet:  # before the libraries of the hub are imported, which read these once
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")

    for defaults in DEFAULTS.values():
        defaults.with_given(given)  # refuse what cannot work before the data is read

    from rnncli.checkpoint import ModelWriter
    from rnncli.saved_model import read_info

    if init_from is not None:
        read_info(init_from)
    every = None if checkpoint_every is None else parse_duration(checkpoint_every)
    if output is not None:
        ModelWriter(output, force)  # refuse early: before anything is read
    from rnncli.data import Columns, read_corpus
    from rnncli.initialisation import copy_weights

    columns = Columns(text, label, source, target, control)
    corpus = read_corpus(data or [], task=task, columns=columns, revision=revision)
    for notice in corpus.notices:
        screen.say(notice)
    writer = ModelWriter(output or options.MODELS / corpus.task, force)
    with writer.locked(), tempfile.TemporaryDirectory(prefix="rnncli-") as folder:
        before = writer.saved_run()
        run = _prepare(corpus, data or [], given, before, Path(folder), screen)
        if init_from is not None:
            run.identity["init_from"] = str(init_from)
            screen.say(copy_weights(init_from, run.task))
        state = _go_on(run, before, writer, screen)
        snapshot = _train(run, state, writer, screen, began, every)
    if as_json:
        print(json.dumps({"model": str(writer.path), **snapshot.info["scores"]}))


@dataclass(frozen=True)
class _Run:
    """A training that is about to begin, or to go on."""

    task: "Training"
    settings: Settings
    snapshot: "Snapshot"
    identity: dict[str, Any]  # what another training has otherwise


def _prepare(
    corpus: "Corpus",
    data: list[str],
    given: dict[str, Any],
    before: "SavedRun | None",
    folder: Path,
    screen: Screen,
) -> _Run:
    """Choose settings, encode the data and build the network."""
    from rnncli import training
    from rnncli.checkpoint import Snapshot
    from rnncli.data import hold_out

    module = import_module(f"rnncli.tasks.{corpus.task}")
    train_part, validation_part = hold_out(
        corpus,
        fraction=given["validation"],
        seed=given["seed"],
        max_rows=None if corpus.task == "generate" else MAX_VALIDATION_ROWS,
    )
    device = training.choose_device(given["device"])
    precision = training.choose_precision(given["precision"], device)
    training.start(given.get("threads"), given["seed"])
    options = json.loads(json.dumps(given))
    if before is not None and before.identity.get("options") == options:
        settings = Settings(**before.info["settings"])  # a measurement would give other ones
    else:
        chosen: Settings = module.choose(
            given | {"device": device, "precision": precision}, train_part, screen.say
        )
        settings = replace(chosen, device=device, precision=precision)
        training.start(given.get("threads"), given["seed"])  # as if nothing had been tried
    task: Training = module.prepare(train_part, validation_part, settings, folder, screen.say)
    task.model.to(device)
    rows = {"train": len(train_part), "validation": len(validation_part)}
    parameters = sum(p.numel() for p in task.model.parameters())
    _announce(screen, task, settings, parameters, rows)
    info = describe(corpus, data, task, settings, parameters, rows)
    snapshot = Snapshot(info, "", [], task.tokenizer, task.target_tokenizer)
    identity = {
        "options": options,
        "data": info["data"]["fingerprint"],
        "columns": info["data"]["columns"],
        "rows": rows,
        **info["settings"],
        **info["model"],
    }
    return _Run(task, settings, snapshot, json.loads(json.dumps(identity)))


def _train(
    run: _Run,
    state: "State | None",
    writer: "ModelWriter",
    screen: Screen,
    began: float,
    every: float | None,
) -> "Snapshot":
    """Train, keep the best model on disk, and return its description."""
    from rnncli import training
    from rnncli.checkpoint import SavedRun

    task, settings, snapshot = run.task, run.settings, run.snapshot
    saved, cost = time.monotonic(), 0.0  # when, and how many seconds it took

    def is_due(progress: "Progress") -> bool:
        since = time.monotonic() - saved
        usual = max(SAVE_EVERY[0], SAVE_EVERY[1] * (settings.max_time or 0.0), cost / LARGEST_SHARE)
        return since >= (every or usual) or (progress.best and cost < SHARE * since)

    def save(progress: "Progress") -> None:
        nonlocal saved, cost
        start = time.monotonic()
        writer.save_run(
            SavedRun(run.identity, snapshot.info, snapshot.metrics, progress.best, progress.state())
        )
        saved = time.monotonic()
        cost = saved - start

    spent = saved - began
    reached = None
    with Display(screen, task) as display, Interruption() as interruption:
        for progress in training.fit(task, settings, spent, state):
            reached = progress
            display.show(progress)
            if progress.scores is not None:
                record(snapshot, progress)
            if not progress.last and is_due(progress):
                save(progress)
            if progress.best and progress.weights is not None:
                writer.save(snapshot, progress.weights)
            if interruption.signal and not progress.last:
                save(progress)
                break
    assert reached is not None
    if interruption.signal and not reached.last:
        again = shlex.join(["rnncli", *sys.argv[1:]])
        screen.say(f"interrupted at step {reached.step:,}; to go on, type the same command:")
        screen.say(f"    {again}")
        if writer.replaced.exists():
            screen.say(f"until it has ended, the model that was there is kept: {writer.replaced}")
        raise typer.Exit(128 + interruption.signal)
    info = snapshot.info
    info["training"]["finished"] = True
    snapshot.card = card(info)
    writer.finish(snapshot)
    screen.say(
        f"saved {writer.path}: {format_scores(info['scores'])}; "
        f"{format_duration(reached.seconds)}, {reached.epoch:.1f} epochs"
    )
    screen.say(f"next: {_next_command(info, writer.path)}")
    return snapshot


def _go_on(
    run: _Run, before: "SavedRun | None", writer: "ModelWriter", screen: Screen
) -> "State | None":
    """Take up the training that was interrupted here, if there is one, and return its state.

    Raises:
        ModelError: it was another one.

    """
    from rnncli.training import evaluated_weights

    if before is None:
        return None
    differences = [
        f"{name} was {before.identity.get(name)}, is {run.identity.get(name)}"
        for name in run.identity | before.identity
        if name != "options" and before.identity.get(name) != run.identity.get(name)
    ]
    if differences:
        if writer.force:
            screen.say("the unfinished training there was another one: starting anew")
            writer.discard_run()
            return None
        command = before.info["training"]["command"]
        raise ModelError(
            f"{writer.path} holds an unfinished training that differs: {'; '.join(differences)}",
            f"go on with it: {command}; or start anew: --force; or start from its weights: "
            f"--init-from {writer.path} -o DIR",
        )
    snapshot = run.snapshot
    snapshot.info |= {"scores": before.info["scores"]}
    snapshot.info["training"] |= {
        name: value
        for name, value in before.info["training"].items()
        if name in ("steps", "epochs", "seconds")
    }
    snapshot.metrics += before.metrics
    if snapshot.info["scores"]:
        snapshot.card = card(snapshot.info)
    if before.best:  # what was found last may not have reached the disk
        writer.save(snapshot, evaluated_weights(run.task.model, before.state, run.settings))
    elif run.settings.max_time is not None:  # or the best was found later, and will not be again
        _raise_bar(run, writer, before.state)
    screen.say(f"going on from step {before.state.numbers['step']:,}")
    return before.state


def _raise_bar(run: _Run, writer: "ModelWriter", state: "State") -> None:
    """Let the model on disk be the best so far, if it was saved after the state was."""
    from rnncli.saved_model import read_info

    try:
        info = read_info(writer.path)
    except ModelError:  # there is none yet
        return
    if info["training"]["finished"] or info["training"]["steps"] <= state.numbers["step"]:
        return
    score = info["scores"][run.task.goal]
    watch = state.numbers["watch"]
    watch["best"] = max(watch["best"], score if run.task.maximise else -score)
    run.snapshot.info |= {"scores": info["scores"]}
    run.snapshot.info["training"] |= {
        name: info["training"][name] for name in ("steps", "epochs", "seconds")
    }


def _announce(
    screen: Screen, task: "Training", settings: Settings, parameters: int, rows: dict[str, int]
) -> None:
    """Tell what was chosen: data, model and training, a line each."""
    unit = "lines" if task.config.task == "generate" else "rows"
    screen.say(f"data: {rows['train']:,} {unit} to train on, {rows['validation']:,} held out")
    direction = "bidirectional " if task.config.bidirectional else ""
    vocabulary = f"{task.tokenizer.vocab_size:,}"
    if task.target_tokenizer is not None:
        vocabulary += f" and {task.target_tokenizer.vocab_size:,}"
    screen.say(
        f"model: {direction}{settings.cell}, {settings.num_layers} x {settings.hidden_size} units, "
        f"{vocabulary} {settings.level} tokens, {parameters / 1e6:.1f} M parameters"
    )
    limits = [
        format_duration(settings.max_time) if settings.max_time else "",
        f"{settings.epochs:g} epochs" if settings.epochs else "",
        f"{settings.steps:,} steps" if settings.steps else "",
    ]
    screen.say(
        f"training: up to {' or '.join(filter(None, limits))}, batches of {settings.batch_size}, "
        f"dropout {settings.dropout:g}"
    )
    screen.say(
        f"optimizer: AdamW, learning rate {settings.learning_rate:g}, clip {settings.clip:g}, "
        f"{settings.precision} on {settings.device}, seed {settings.seed}"
    )


def _next_command(info: dict[str, Any], path: Path) -> str:
    task = info["task"]
    model = "" if path == options.MODELS / task else f" -m {shlex.quote(str(path))}"
    if controls := info["data"].get("controls"):
        model += f" --control {shlex.quote(next(iter(controls['counts'])))}"
    return {
        "classify": f'echo "a text of yours" | rnncli classify{model}',
        "generate": f"rnncli generate{model}",
        "translate": f'echo "a sentence of yours" | rnncli translate{model}',
    }[task]
