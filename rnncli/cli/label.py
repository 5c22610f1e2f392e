"""``rnncli label``: give texts their labels at the terminal."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnncli.cli import options
from rnncli.cli.console import Messenger, printable
from rnncli.cli.options import DATA, OUTPUT, option
from rnncli.config import MODELS
from rnncli.errors import ConfigError
from rnncli.messages import plural
from rnncli.text.unicode import compose

if TYPE_CHECKING:
    from rnncli.cli.labelling import LabellingResult

MIN_LABELS = 2  # different ones, to learn from
DEFAULT_OUTPUT, MERGED_OUTPUT = Path("labelled.csv"), Path("merged.csv")


def label(
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXTS",
            help="A file of texts (.txt .csv .tsv .jsonl .parquet, also .gz), a folder with a text "
            "in each file, - for stdin, and what else train reads. It is never written to. Labels "
            "that it has are kept.",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        option("--labels A,B,C", DATA, "Labels to choose from; n names others on the way."),
    ] = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    review: Annotated[
        bool,
        option(
            "--review",
            DATA,
            "Ask about the labels that are probably wrong, the surest first, instead.",
        ),
    ] = False,
    merge: Annotated[
        bool,
        option(
            "--merge",
            DATA,
            "Join the labels of two people, TEXTS and TEXTS: say how far they agree, and ask about "
            "the differences.",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        option(
            "--output -o FILE",
            OUTPUT,
            "CSV of texts and labels; there already, it goes on from it.",
            show_default=f"{DEFAULT_OUTPUT}, or {MERGED_OUTPUT}",
        ),
    ] = None,
    suggest: Annotated[
        int | None,
        option(
            "--suggest N",
            OUTPUT,
            "Ask nothing: print the N rows that are worth a label most, as CSV.",
            min=1,
        ),
    ] = None,
    train: Annotated[
        bool, option("--train", OUTPUT, "Train a classifier on the labels at the end.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    color: options.ColorChoice = "auto",
) -> None:
    """Give texts their labels at the terminal, those worth most first: one text, one key.

    Examples:
        rnncli label texts.txt --labels bug,praise,question
        rnncli label texts.txt --suggest 20
        rnncli label texts.csv --review -o reviewed.csv

    A model learns beside the typing: it suggests a label, and says how good it is by now. Each
    answer is on the disk before the next text is shown; after an interruption the same command
    goes on.
    """
    messenger = Messenger(quiet, color)
    if sum([review, merge, suggest is not None]) > 1:
        raise ConfigError(
            "--review, --merge and --suggest do not go together",
            f"leave {'--merge' if merge else '--review'} out",
        )
    from rnncli.cli import labelling
    from rnncli.data.columns import Columns
    from rnncli.tasks.labelling.session import require_output

    data = _data(texts)
    output = output or (MERGED_OUTPUT if merge else DEFAULT_OUTPUT)
    require_output(output, data)
    request = labelling.LabellingRequest(data, Columns(text, label), output, _names(labels))
    if suggest is not None:
        labelling.print_suggestions(request, suggest, messenger, as_json=as_json)
        return
    ask = labelling.review_labels if review else labelling.label_texts
    if merge:
        ask = labelling.merge_labels
    result = ask(request, messenger)
    _announce(result, output, messenger)
    if as_json:
        print(printable(json.dumps(_fields(result, output), ensure_ascii=False)))
    _train(result, output, messenger, at_once=train)


def _data(texts: Sequence[str] | None) -> Sequence[str]:
    """Return the data that was named, else that from a pipe.

    Raises:
        ConfigError: there is none.

    """
    if texts:
        return texts
    if sys.stdin.isatty():
        raise ConfigError("no texts are named", "rnncli label texts.txt")
    return ["-"]


def _names(labels: str | None) -> list[str]:
    """Return the labels that were named.

    Raises:
        ConfigError: a file of labels would not keep one.

    """
    from rnncli.data.cleaning import MISSING

    names = [compose(name.strip()) for name in (labels or "").split(",") if name.strip()]
    for name in names:
        if name in MISSING:
            raise ConfigError(
                f"{name} stands for a missing value in tables, and cannot be a label",
                "take another name: --labels other",
            )
    return names


def _announce(result: "LabellingResult", output: Path, messenger: Messenger) -> None:
    """Announce how many labels there are, and how good a model of them is."""
    from rnncli.cli.views.questions import learning_curve, report

    number = result.counts.total()
    if not number:
        messenger.announce("no text has a label, and nothing is written")
        return
    messenger.announce(f"{output}: {plural(number, 'label')}")
    for line in report(result.counts, result.progress):
        messenger.announce(f"  {line}")
    if result.progress is not None:
        for line in (*result.progress.describe(), *learning_curve(result.progress)):
            messenger.announce(line)


def _fields(result: "LabellingResult", output: Path) -> dict[str, Any]:
    """Return what is known at the end, for JSON."""
    fields: dict[str, Any] = {"output": str(output), "labels": dict(result.counts)}
    if result.progress is not None and result.progress.accuracy.whole:
        low, high = result.progress.accuracy.interval
        fields |= {
            "accuracy": round(result.progress.accuracy.value, 4),
            "interval": [round(low, 4), round(high, 4)],
            "sample": result.progress.accuracy.whole,
            "curve": {str(n): round(value, 4) for n, value in result.progress.curve.items()},
        }
    return fields | dict(result.scores)


def _train(result: "LabellingResult", output: Path, messenger: Messenger, at_once: bool) -> None:
    """Train on the labels, or announce the command that does."""
    if len(result.counts) < MIN_LABELS:
        messenger.announce(f"a classifier needs {MIN_LABELS} different labels at least")
        return
    words = ["train", str(output), *_free_model(output)]
    if not at_once:
        messenger.announce(f"next: {shlex.join(['rnncli', *words])}")
        return
    from rnncli.cli import load_command  # which imports this room

    sys.argv = ["rnncli", *words]  # the command that is kept with the model
    if code := load_command("train").main(words[1:], "rnncli train", standalone_mode=False):
        raise typer.Exit(code)


def _free_model(output: Path) -> list[str]:
    """Return the options that keep a training from meeting a finished model."""
    if not (MODELS / "classify").exists():
        return []
    path = MODELS / output.stem
    return ["-o", str(path), *(["--force"] if path.exists() else [])]
