"""``rnncli train``: from data to a model, with the progress drawn."""

import json
import math
import os
import shlex
import sys
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli import options
from rnncli.cli.console import Screen, is_terminal
from rnncli.cli.options import DATA, MODEL, OUTPUT, TRAINING
from rnncli.config import (
    DEFAULT_MAX_TIME,
    DEFAULT_SEED,
    DEFAULT_VALIDATION,
    DEFAULTS,
    FORMAT_VERSION,
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

if TYPE_CHECKING:
    from rnncli.checkpoint import ModelWriter, Snapshot
    from rnncli.data import Corpus
    from rnncli.tasks.base import Training
    from rnncli.training import Progress

CHOSEN = "chosen from the data"


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
    """Train a model on your own text.

    The task follows from the data: a text and a label column make a classifier, pairs of sentences
    a translator, plain text a generator. Everything that is not set is chosen and announced.
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

    if output is not None:
        ModelWriter(output, force)  # refuse early: before anything is read
    from rnncli.data import Columns, read_corpus

    corpus = read_corpus(
        data or [], task=task, columns=Columns(text, label, source, target), revision=revision
    )
    for notice in corpus.notices:
        screen.say(notice)
    writer = ModelWriter(output or options.MODELS / corpus.task, force)
    with tempfile.TemporaryDirectory(prefix="rnncli-") as folder:
        snapshot = _train(corpus, data or [], given, Path(folder), writer, screen, began)
    if as_json:
        print(json.dumps({"model": str(writer.path), **snapshot.info["scores"]}))


def _train(
    corpus: "Corpus",
    data: list[str],
    given: dict[str, Any],
    folder: Path,
    writer: "ModelWriter",
    screen: Screen,
    began: float,
) -> "Snapshot":
    """Train on a corpus, keep the best model on disk, and return its description."""
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
    settings: Settings = module.choose(given, train_part, screen.say)
    device = training.choose_device(settings)
    precision = training.choose_precision(settings, device)
    settings = replace(settings, device=device, precision=precision)
    training.start(settings)
    task: Training = module.prepare(train_part, validation_part, settings, folder, screen.say)
    task.model.to(device)
    rows = {"train": len(train_part), "validation": len(validation_part)}
    parameters = sum(p.numel() for p in task.model.parameters())
    _announce(screen, task, settings, parameters, rows)
    info = _describe(corpus, data, task, settings, parameters, rows)
    snapshot = Snapshot(info, "", [], task.tokenizer, task.target_tokenizer)
    reached = None
    try:
        with _Display(screen, task) as display:
            for progress in training.fit(task, settings, spent=time.monotonic() - began):
                reached = progress
                display.show(progress)
                if progress.scores is not None:
                    _record(snapshot, progress)
                    if progress.best and progress.weights is not None:
                        writer.save(snapshot, progress.weights)
    except KeyboardInterrupt:
        kept = (
            f"the best model so far is in {writer.path}" if writer.written else "nothing was saved"
        )
        screen.say(f"interrupted: {kept}")
        raise
    assert reached is not None
    info["training"]["finished"] = True
    snapshot.card = _card(info)
    writer.describe(snapshot)
    screen.say(
        f"saved {writer.path}: {_scores(info['scores'])}; {format_duration(reached.seconds)}, "
        f"{reached.epoch:.1f} epochs"
    )
    screen.say(f"next: {_next_command(corpus.task, writer.path)}")
    return snapshot


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


def _describe(
    corpus: "Corpus",
    data: list[str],
    task: "Training",
    settings: Settings,
    parameters: int,
    rows: dict[str, int],
) -> dict[str, Any]:
    """Return what config.json says of the model, but for its scores."""
    import platform

    import torch

    from rnncli import __version__

    info: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "rnncli_version": __version__,
        "task": corpus.task,
        "level": settings.level,
        "model": asdict(task.config),
        "parameters": parameters,
        "settings": asdict(settings),
        "data": {
            "name": corpus.name,
            "arguments": data,
            "columns": corpus.columns,
            "languages": corpus.languages,
            "licence": corpus.licence,
            "fingerprint": corpus.fingerprint,
            "rows": rows,
        },
        "training": {
            "command": shlex.join(["rnncli", *sys.argv[1:]]),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "finished": False,
        },
        "scores": {},
    }
    if task.labels:
        info["labels"] = list(task.labels)
    return info


def _record(snapshot: "Snapshot", progress: "Progress") -> None:
    """Note an evaluation and, where it is the best, make it the model's score."""
    assert progress.scores is not None
    line = {
        "step": progress.step,
        "epoch": round(progress.epoch, 3),
        "seconds": round(progress.seconds, 1),
        "training_loss": round(progress.loss, 5),
        "learning_rate": progress.learning_rate,
        "gradient_norm": round(progress.gradient_norm, 5),
        **{name: round(value, 5) for name, value in progress.scores.items()},
    }
    snapshot.metrics.append(line)
    if progress.best:
        snapshot.info["scores"] = {name: round(v, 5) for name, v in progress.scores.items()}
        snapshot.info["training"] |= {
            "steps": progress.step,
            "epochs": round(progress.epoch, 3),
            "seconds": round(progress.seconds, 1),
        }
        snapshot.card = _card(snapshot.info)


def _card(info: dict[str, Any]) -> str:
    """Write the model card."""
    data, model, training = info["data"], info["model"], info["training"]
    what = {
        "classify": f"labels texts as {', '.join(info.get('labels', ())[:20])}",
        "generate": "writes text like the one it was trained on",
        "translate": "translates sentences"
        + (" from {} to {}".format(*data["languages"]) if data["languages"] else ""),
    }[info["task"]]
    scores = "\n".join(f"| {name} | {value:.4f} |" for name, value in info["scores"].items())
    return f"""# A model to {info["task"]} with

A recurrent network ({model["cell"]}, {model["num_layers"]} x {model["hidden_size"]} units, \
{info["parameters"]:,} parameters, {info["level"]} level) that {what}.

    {training["command"]}

## Data

{data["name"]} ({data["rows"]["train"]:,} rows to train on, {data["rows"]["validation"]:,} held \
out), licence: {data["licence"] or "not stated"}, sha256 {data["fingerprint"][:16]}.

## Scores on the held-out part

| score | value |
| --- | --- |
{scores}

The held-out part also chose the best moment of training, so that these scores are a little
optimistic. Score the model on texts of your own: `rnncli evaluate DIR DATA`.

## Limits

It knows what was in its data and nothing else: other subjects, styles and languages lower its
scores, and whatever is one-sided in the data is one-sided in its answers.

Made by rnncli {info["rnncli_version"]}, torch {training["torch"]}, seed \
{info["settings"]["seed"]}, after {training["steps"]:,} steps.
"""


def _scores(scores: dict[str, float]) -> str:
    parts = []
    for name, value in scores.items():
        if name in ("accuracy", "macro_f1"):
            parts.append(f"{name.replace('_', ' ')} {100 * value:.1f} %")
        else:
            parts.append(f"{name.replace('_', ' ')} {value:.3f}")
    return ", ".join(parts)


def _next_command(task: Task, path: Path) -> str:
    model = "" if path == options.MODELS / task else f" -m {shlex.quote(str(path))}"
    return {
        "classify": f'echo "a text of yours" | rnncli classify{model}',
        "generate": f"rnncli generate{model}",
        "translate": f'echo "a sentence of yours" | rnncli translate{model}',
    }[task]


class _Display(AbstractContextManager["_Display"]):
    """Draw a bar on a terminal, and print a line an evaluation everywhere."""

    def __init__(self, screen: Screen, task: "Training") -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._screen = screen
        self._goal = task.goal
        self._unit = "texts" if task.config.task == "classify" else "tokens"
        self._drawn = screen.console()
        live = not screen.quiet and is_terminal()
        self._progress = Progress(
            TextColumn("[bold]{task.percentage:>3.0f}%"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[status]}"),
            console=self._drawn,
            transient=True,
            refresh_per_second=4,
            expand=True,
        )
        self._live: AbstractContextManager[Any] = self._progress if live else nullcontext()
        self._bar = self._progress.add_task("", total=1.0, status="")
        self._score = math.nan

    def __enter__(self) -> "_Display":
        """Start to draw."""
        self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the terminal as it was."""
        self._live.__exit__(*error)  # type: ignore[arg-type]

    def show(self, progress: "Progress") -> None:
        """Draw one step, and print a line where the model was evaluated."""
        left = progress.seconds * (1 / max(progress.fraction, 1e-9) - 1)
        status = f"loss {progress.loss:.3f}"
        if progress.scores is not None:
            if progress.best:
                self._score = progress.scores[self._goal]
            mark = "  best" if progress.best else ""
            held_out = progress.scores["loss"]
            shown = {k: v for k, v in progress.scores.items() if k not in ("loss", "macro_f1")}
            if not self._screen.quiet:
                self._drawn.print(
                    f"{format_duration(progress.seconds):>7}  epoch {progress.epoch:5.1f}  "
                    f"loss {progress.loss:.3f}, held out {held_out:.3f}, {_scores(shown)}{mark}"
                )
        if not math.isnan(self._score):
            status += f"  best {_scores({self._goal: self._score})}"
        status += f"  {progress.rate:,.0f} {self._unit}/s  {format_duration(left)} left"
        self._progress.update(self._bar, completed=progress.fraction, status=status)
