"""``rnncli evaluate``: score a model on labelled data."""

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli import options
from rnncli.cli.console import Screen, shown
from rnncli.cli.options import DATA, OUTPUT
from rnncli.config import MAX_VALIDATION_ROWS, SearchConfig
from rnncli.errors import ConfigError, DataError

if TYPE_CHECKING:
    from datasets import Dataset
    from rich.console import Console

    from rnncli.data import Columns

Scores = dict[str, Any]

WIDEST_MATRIX = 20  # classes: a wider confusion matrix fits no terminal
BATCH = 1_024  # texts handed to the model at once
SCORED_SPLITS = ("test", "validation", "train")  # the first that there is


def evaluate(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="The model's directory.", show_default=False)
    ],
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DATA",
            help="As for train. Without it: the held-out part of the model's training data.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Part of the data to score on; else test, validation or train, the first that "
            "there is.",
            rich_help_panel=DATA,
            show_default=False,
        ),
    ] = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    source: options.SourceColumn = None,
    target: options.TargetColumn = None,
    control: options.ControlColumn = None,
    revision: options.Revision = None,
    beam: Annotated[
        int, typer.Option(help="Beam of the search (translate).", rich_help_panel=OUTPUT)
    ] = SearchConfig().beam,
    window: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Tokens after which the state is emptied (generate); else it is carried on.",
            rich_help_panel=OUTPUT,
            show_default=False,
        ),
    ] = None,
    tokenize: Annotated[
        str | None,
        typer.Option(
            help="sacreBLEU's tokenizer (translate): 13a, char, ja-mecab, zh, intl.",
            rich_help_panel=OUTPUT,
            show_default="by the language",
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
) -> None:
    """Score a model: accuracy and F1, bits per character, or BLEU and chrF."""
    if quiet:  # before the libraries of the hub are imported, which read these once
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")

    from rnncli.data import Columns
    from rnncli.saved_model import read_info

    screen = Screen(quiet, color)
    info = read_info(model)
    columns = _with_control(Columns(text, label, source, target, control), info)
    rows, name = _rows(info, data or [], columns, split, revision, screen)
    console = screen.console(stderr=False)
    screen.say(f"scoring {model} on {name}")
    match info["task"]:
        case "classify":
            scores = _score_classifier(model, rows, None if as_json else console)
        case "generate":
            scores = _score_generator(model, rows, window, None if as_json else console)
        case _:
            languages = info.get("data", {}).get("languages")
            tokenize = tokenize or _bleu_tokenizer(languages[1] if languages else None, rows)
            config = SearchConfig(beam=beam)
            scores = _score_translator(model, rows, config, tokenize, None if as_json else console)
    if as_json:
        print(json.dumps({"model": str(model), "data": name, **scores}, ensure_ascii=False))


def _with_control(columns: "Columns", info: dict[str, Any]) -> "Columns":
    """Return the columns that were asked for, and that of the labels which the model learned.

    Raises:
        ConfigError: labels were asked for, and the model learned none.

    """
    learned = info["data"]["columns"].get("control")
    if columns.control is not None and learned is None:
        raise ConfigError(
            "the model was trained without --control, and knows no labels", "leave --control out"
        )
    return replace(columns, control=columns.control or learned)


def _rows(
    info: dict[str, Any],
    data: list[str],
    columns: Any,
    split: str | None,
    revision: str | None,
    screen: Screen,
) -> tuple["Dataset", str]:
    """Return the rows to score on, and what to call them."""
    from rnncli.data import hold_out, read_corpus

    if data:
        corpus = read_corpus(
            data, task=info["task"], columns=columns, revision=revision, for_training=False
        )
        for notice in corpus.notices:
            screen.say(notice)
        if split is not None and split not in corpus.splits:
            raise DataError(
                f"{corpus.name} has no part {split}", f"--split {' or '.join(corpus.splits)}"
            )
        chosen = split or next(name for name in SCORED_SPLITS if name in corpus.splits)
        part = f", part {chosen}" if len(corpus.splits) > 1 else ""
        return corpus.splits[chosen], f"{corpus.name}{part}"
    trained = info["data"]
    given = {name: trained["columns"].get(name) for name in vars(columns)}
    if trained["name"] == "-":
        raise DataError(
            "the model was trained on stdin, which cannot be read again",
            "name the data to score on",
        )
    screen.say(f"reading what the model was trained on: {' '.join(trained['arguments'])}")
    for argument in trained["arguments"]:
        if Path(argument).exists() and not Path(argument).is_file():
            raise DataError(f"{argument} is no file", "name the data to score on")
    try:
        corpus = read_corpus(
            trained["arguments"],
            task=info["task"],
            columns=type(columns)(**given),
            revision=revision,
        )
    except DataError as error:
        raise DataError(
            f"the data that the model was trained on cannot be read: {error.message}",
            "go to where it was trained, or name the data to score on",
        ) from None
    if corpus.fingerprint != trained["fingerprint"]:
        raise DataError(
            f"{corpus.name} has changed since the model was trained on it",
            "name the data to score on",
        )
    settings = info["settings"]
    _, held = hold_out(
        corpus,
        fraction=settings["validation"],
        seed=settings["seed"],
        max_rows=None if info["task"] == "generate" else MAX_VALIDATION_ROWS,
    )
    return held, f"the held-out part of {corpus.name}"


def _score_classifier(path: Path, rows: "Dataset", console: "Console | None") -> Scores:
    import numpy as np

    from rnncli import metrics
    from rnncli.runtime import softmax
    from rnncli.tasks.base import column_values
    from rnncli.tasks.classify import TextClassifier

    classifier = TextClassifier.load(path, threads=options.threads_for(None))
    unknown = sorted(set(column_values(rows, "label")) - set(classifier.labels))
    # A label that the model does not know counts as a mistake.
    numbers = {label: i for i, label in enumerate([*classifier.labels, *unknown])}
    labels = [*classifier.labels, *unknown]
    if len(unknown) > WIDEST_MATRIX:  # so many have nothing to do with the model: all are one
        first = len(classifier.labels)
        labels[first:] = [f"{len(unknown):,} other labels"]
        numbers |= dict.fromkeys(unknown, first)
    truth = np.array([numbers[label] for label in column_values(rows, "label")])
    logits = np.concatenate([classifier.logits(t) for t in _chunks(column_values(rows, "text"))])
    probabilities = softmax(logits.astype(np.float64))
    predicted = probabilities.argmax(1)
    matrix = metrics.confusion_matrix(truth, predicted, len(labels))
    by_class = metrics.class_scores(matrix)
    scores: Scores = {
        "texts": len(truth),
        "accuracy": metrics.accuracy(matrix),
        "macro_f1": metrics.macro_f1(matrix),
        "calibration_error": metrics.calibration_error(probabilities.max(1), predicted == truth),
    }
    if console is not None:
        console.print(f"accuracy           {100 * scores['accuracy']:6.2f} %")
        console.print(f"macro F1           {100 * scores['macro_f1']:6.2f} %")
        console.print(f"calibration error  {100 * scores['calibration_error']:6.2f} %")
        console.print(f"texts              {len(truth):6,}\n")
        _print_table(
            console,
            ["label", "precision", "recall", "F1", "texts"],
            [
                [label, *(f"{100 * x:.1f}" for x in (s.precision, s.recall, s.f1)), str(s.support)]
                for label, s in zip(labels, by_class, strict=True)
            ],
        )
        if len(labels) <= WIDEST_MATRIX:
            console.print("\nrows: the right label; columns: the answer")
            _print_table(
                console,
                ["", *labels],
                [[label, *map(str, row)] for label, row in zip(labels, matrix, strict=True)],
            )
        else:
            console.print("\nmost frequent mistakes")
            wrong = matrix - np.diag(matrix.diagonal())
            pairs = np.argsort(-wrong, axis=None)[:WIDEST_MATRIX]
            _print_table(
                console,
                ["right label", "answer", "texts"],
                [
                    [labels[i // len(labels)], labels[i % len(labels)], str(wrong.flat[i])]
                    for i in map(int, pairs)
                    if wrong.flat[i]
                ],
            )
    scores["classes"] = {
        label: {"precision": s.precision, "recall": s.recall, "f1": s.f1, "support": s.support}
        for label, s in zip(labels, by_class, strict=True)
    }
    scores["labels"] = labels
    scores["confusion_matrix"] = matrix.tolist()
    return scores


def _score_generator(
    path: Path, rows: "Dataset", window: int | None, console: "Console | None"
) -> Scores:
    from rnncli import metrics
    from rnncli.tasks.base import column_values
    from rnncli.tasks.text_generator import TextGenerator

    nats, density = TextGenerator.load(path).score(column_values(rows, "text"), window)
    characters = sum(len(text) for text in column_values(rows, "text"))
    # What stands between spaces, and each end of a line: so that levels can be compared.
    words = sum(len(text.split()) + text.count("\n") for text in column_values(rows, "text"))
    scores: Scores = {
        "characters": characters,
        "tokens": round(characters * density),
        "nats_per_token": nats,
        "nats_per_character": nats * density,
        "bits_per_character": metrics.bits(nats * density),
        "perplexity_per_token": metrics.perplexity(nats),
        "words": words,
        "perplexity_per_word": metrics.perplexity(nats * density * characters / max(words, 1)),
    }
    if console is not None:
        console.print(f"bits per character    {scores['bits_per_character']:10.4f}")
        console.print(f"nats per character    {scores['nats_per_character']:10.4f}")
        console.print(f"nats per token        {scores['nats_per_token']:10.4f}")
        console.print(f"perplexity per token  {scores['perplexity_per_token']:10.2f}")
        console.print(f"perplexity per word   {scores['perplexity_per_word']:10.2f}")
        console.print(f"characters            {characters:10,}")
        console.print(f"tokens                {scores['tokens']:10,}")
        console.print(f"words and line ends   {words:10,}")
    return scores


def _score_translator(
    path: Path, rows: "Dataset", config: SearchConfig, tokenize: str, console: "Console | None"
) -> Scores:
    from rnncli import metrics
    from rnncli.tasks.base import column_values
    from rnncli.tasks.translate import Translator, clean

    translator = Translator.load(path, threads=options.threads_for(None))
    outputs: list[str] = []
    for texts in _chunks(column_values(rows, "source")):
        outputs += [translation.text for translation in translator(texts, config)]
    references = [clean(text) for text in column_values(rows, "target")]
    found = metrics.translation_scores(outputs, references, tokenize)
    if console is not None:
        for score in found:
            console.print(f"{score.name:17} {score.score:6.2f}  {score.signature}")
        console.print(f"{'sentences':17} {len(outputs):6,}")
    return {
        "sentences": len(outputs),
        **{score.name: {"score": score.score, "signature": score.signature} for score in found},
    }


def _bleu_tokenizer(language: str | None, rows: "Dataset") -> str:
    """Return the tokenizer for the target's language: words where they can be told apart."""
    from itertools import islice

    from rnncli.metrics import has_kana
    from rnncli.tasks.base import column_values

    if language == "zh":
        return "zh"
    if language == "ja" or any(has_kana(t) for t in islice(column_values(rows, "target"), 20)):
        try:
            import MeCab  # noqa: F401
        except ImportError:
            return "char"
        return "ja-mecab"
    return "13a"


def _chunks(texts: Iterable[str]) -> Iterable[list[str]]:
    from itertools import islice

    iterator = iter(texts)
    while chunk := list(islice(iterator, BATCH)):
        yield chunk


def _print_table(console: "Console", header: list[str], rows: list[list[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(header):
        table.add_column(shown(name), justify="left" if i == 0 else "right")
    for row in rows:
        table.add_row(*map(shown, row))
    console.print(table)
