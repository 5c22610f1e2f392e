"""The rows that a model is scored on, and those that it was trained on."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncli.cli.console import Screen
from rnncli.errors import ConfigError, DataError, RnncliError
from rnncli.tasks.scoring import ScoredRows

if TYPE_CHECKING:
    from datasets import Dataset

    from rnncli.data.columns import Columns
    from rnncli.data.corpus import Corpus

SPLITS = ("test", "validation", "train")  # the first that there is


def named_rows(
    info: dict[str, Any],
    data: list[str],
    columns: "Columns",
    split: str | None,
    revision: str | None,
    screen: Screen,
) -> ScoredRows:
    """Read the data that was named to score on.

    Raises:
        DataError: it cannot be read, or has no such part.

    """
    from rnncli.data.corpus import read_corpus

    corpus = read_corpus(
        data, task=info["task"], columns=columns, revision=revision, for_training=False
    )
    for notice in corpus.notices:
        screen.say(notice)
    if split is not None and split not in corpus.splits:
        raise DataError(
            f"{corpus.name} has no part {split}", f"--split {' or '.join(corpus.splits)}"
        )
    chosen = split or next(name for name in SPLITS if name in corpus.splits)
    part = f", part {chosen}" if len(corpus.splits) > 1 else ""
    return ScoredRows(f"{corpus.name}{part}", corpus.splits[chosen])


def held_out_rows(info: dict[str, Any], revision: str | None, screen: Screen) -> ScoredRows:
    """Read again what the model was trained on, and part it as training did.

    Raises:
        DataError: it cannot be read, or has changed.

    """
    from rnncli.data.split import hold_out

    corpus = _read_again(info, revision, screen)
    settings = info["settings"]
    learned, held = hold_out(corpus, fraction=settings["validation"], seed=settings["seed"])
    return ScoredRows(f"the held-out part of {corpus.name}", held, learned, is_held_out=True)


def learned_rows(info: dict[str, Any], data: list[str], screen: Screen) -> "Dataset | None":
    """Read again what the model was trained on, without the part held out; say where that fails.

    Nothing is fetched for it but what is scored on anyway.
    """
    from rnncli.data.corpora import BUNDLED

    arguments = info["data"]["arguments"]
    try:
        absent = [a for a in arguments if a not in ("-", *BUNDLED) and not Path(a).is_file()]
        if not absent or arguments == data:
            return held_out_rows(info, None, screen).learned
        why = f"{' '.join(absent)} is no file on this machine"
    except (RnncliError, OSError) as error:
        why = error.message if isinstance(error, RnncliError) else str(error)
    screen.say(f"baselines left out, which learn from what the model was trained on: {why}")
    return None


def with_control(columns: "Columns", info: dict[str, Any]) -> "Columns":
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


def _read_again(info: dict[str, Any], revision: str | None, screen: Screen) -> "Corpus":
    from rnncli.data.columns import ANY_COLUMNS, Columns
    from rnncli.data.corpus import read_corpus

    trained = info["data"]
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
            columns=Columns(**{name: trained["columns"].get(name) for name in vars(ANY_COLUMNS)}),
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
    return corpus
