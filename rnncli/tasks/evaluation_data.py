"""The data that a model is scored on, and the data that it was trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncli.errors import ConfigError, DataError, RnncliError
from rnncli.messages import Announce
from rnncli.storage.reading import read_info

if TYPE_CHECKING:
    from datasets import Dataset

    from rnncli.data.columns import Columns
    from rnncli.data.corpus import Corpus

SPLITS = ("test", "validation", "train")  # in this order of preference


@dataclass(frozen=True)
class EvaluationData:
    """The rows to score a model on."""

    name: str
    rows: "Dataset"
    train: "Dataset | None" = None  # what the model was trained on, where it can be read again
    is_held_out: bool = False  # whether the rows are the held-out part of the training data


def read_named(
    info: Mapping[str, Any],
    data: Sequence[str],
    columns: "Columns",
    split: str | None,
    revision: str | None,
    announce: Announce,
) -> EvaluationData:
    """Read the data that was named to score a model on.

    Raises:
        DataError: it cannot be read, or has no such split.

    """
    from rnncli.data.corpus import read_corpus

    corpus = read_corpus(
        list(data), task=info["task"], columns=columns, revision=revision, for_training=False
    )
    for notice in corpus.notices:
        announce(notice)
    if split is not None and split not in corpus.splits:
        raise DataError(
            f"{corpus.name} has no part {split}", f"--split {' or '.join(corpus.splits)}"
        )
    chosen = split or next(name for name in SPLITS if name in corpus.splits)
    part = f", part {chosen}" if len(corpus.splits) > 1 else ""
    return EvaluationData(f"{corpus.name}{part}", corpus.splits[chosen])


def read_held_out(
    info: Mapping[str, Any], revision: str | None, announce: Announce
) -> EvaluationData:
    """Read a model's training data again, and split it as training did.

    Raises:
        DataError: it cannot be read, or has changed.

    """
    from rnncli.data.split import hold_out

    corpus = _read_again(info, revision, announce)
    settings = info["settings"]
    train, held_out = hold_out(corpus, fraction=settings["validation"], seed=settings["seed"])
    return EvaluationData(
        f"the held-out part of {corpus.name}", held_out, train=train, is_held_out=True
    )


def read_train(
    info: Mapping[str, Any], data: Sequence[str], announce: Announce
) -> "Dataset | None":
    """Read a model's training data again, without the held-out part; announce where that fails.

    Nothing is downloaded for it, unless it is the ``data`` that the model is scored on.
    """
    from rnncli.data.corpora import BUNDLED

    arguments = info["data"]["arguments"]
    try:
        absent = [a for a in arguments if a not in ("-", *BUNDLED) and not Path(a).is_file()]
        if not absent or list(arguments) == list(data):
            return read_held_out(info, None, announce).train
        reason = f"{' '.join(absent)} is no file on this machine"
    except (RnncliError, OSError) as error:
        reason = error.message if isinstance(error, RnncliError) else str(error)
    announce(f"baselines left out, which learn from what the model was trained on: {reason}")
    return None


def with_control(columns: "Columns", info: Mapping[str, Any]) -> "Columns":
    """Return columns with that of the control codes, where the model was trained with them.

    Raises:
        ConfigError: such a column was named, and the model was trained without.

    """
    learned = info["data"]["columns"].get("control")
    if columns.control is not None and learned is None:
        raise ConfigError(
            "the model was trained without --control, and knows no labels", "leave --control out"
        )
    return replace(columns, control=columns.control or learned)


def announce_unfairness(
    first: Path, second: Path, data: EvaluationData, announce: Announce
) -> None:
    """Say where a second model may have learned from what the first one holds out."""
    parts = [
        (info["data"]["fingerprint"], info["settings"]["validation"], info["settings"]["seed"])
        for info in (read_info(first), read_info(second))
    ]
    if data.is_held_out and parts[0] != parts[1]:
        announce(
            f"{second} was trained on other data, or holds out another part of it: it may have "
            f"learned from texts that {first} has never seen"
        )


def _read_again(info: Mapping[str, Any], revision: str | None, announce: Announce) -> "Corpus":
    from rnncli.data.columns import ANY_COLUMNS, Columns
    from rnncli.data.corpus import read_corpus

    trained = info["data"]
    if trained["name"] == "-":
        raise DataError(
            "the model was trained on stdin, which cannot be read again",
            "name the data to score on",
        )
    announce(f"reading what the model was trained on: {' '.join(trained['arguments'])}")
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
