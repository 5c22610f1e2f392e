"""``rnncli train``: the options, and what is done with them in order."""

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from rnncli.cli import options
from rnncli.cli.console import Screen
from rnncli.cli.options import DATA, MODEL, OUTPUT, TRAINING
from rnncli.config import (
    DEFAULT_MAX_TIME,
    DEFAULT_SEED,
    DEFAULT_VALIDATION,
    DEFAULTS,
    Cell,
    Device,
    Level,
    Precision,
    Task,
    format_duration,
    parse_duration,
)
from rnncli.errors import ConfigError

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
    began = time.monotonic()  # the budget includes reading, encoding and saving
    given: dict[str, Any] = {
        "level": level,
        "vocab_size": vocab_size,
        "cell": cell,
        "hidden_size": hidden_size,
        "embedding_dim": embedding_dim,
        "num_layers": num_layers,
        "ngrams": ngrams,
        "memory": memory,
        "dropout": dropout,
        "embedding_dropout": embedding_dropout,
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

    from rnncli.storage.reading import load
    from rnncli.storage.writing import ModelWriter
    from rnncli.training.session import carry_out, go_on, prepare, pretrain

    start = None if init_from is None else load(init_from)
    every = None if checkpoint_every is None else parse_duration(checkpoint_every)
    if output is not None:
        ModelWriter(output, force)  # refuse early: before anything is read
    from rnncli.data.columns import Columns
    from rnncli.data.corpus import read_corpus

    columns = Columns(text, label, source, target, control)
    corpus = read_corpus(data or [], task=task, columns=columns, revision=revision)
    for notice in corpus.notices:
        screen.say(notice)
    if unlabelled and corpus.task != "classify":
        raise ConfigError(
            f"--unlabelled is for classifiers, and this is to {corpus.task} with",
            "leave it out, or name the labels: --label COLUMN",
        )
    plain = [read_corpus([name], task="generate") for name in unlabelled or []]
    writer = ModelWriter(output or options.MODELS / corpus.task, force)
    with writer.locked(), tempfile.TemporaryDirectory(prefix="rnncli-") as folder:
        before = writer.saved_run()
        run = prepare(corpus, data or [], given, before, Path(folder), screen, plain, start)
        state = go_on(run, before, writer, screen)
        if run.pretraining and (before is None or state is None or before.phase == "pretraining"):
            began = pretrain(run, state, writer, screen, began, every)
            state = None
        snapshot = carry_out(run, state, writer, screen, began, every)
    if as_json:
        print(json.dumps({"model": str(writer.path), **snapshot.info["scores"]}))
