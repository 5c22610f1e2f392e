"""The data that a model is scored on, and the data that it was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rnncli.config import Task
from rnncli.errors import ConfigError, DataError, ModelError, RnncliError
from rnncli.messages import Announce
from rnncli.storage.description import DataDescription
from rnncli.storage.layout import DAMAGED, Layout
from rnncli.storage.reading import read_description

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


def training_data_of(path: Path) -> DataDescription:
    """Return the description of the data that a model was trained on.

    Raises:
        ModelError: there is no such model, or it does not say it.

    """
    data = read_description(path).data
    if data is None:
        config = Layout(path).config
        raise ModelError(
            f"{config} does not describe the data that the model was trained on", DAMAGED
        )
    return data


def read_named(
    task: Task,
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
        list(data), task=task, columns=columns, revision=revision, for_training=False
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
    task: Task, trained_on: DataDescription, revision: str | None, announce: Announce
) -> EvaluationData:
    """Read a model's training data again, and split it as training did.

    Raises:
        DataError: it cannot be read, or has changed.

    """
    from rnncli.data.split import hold_out

    corpus = _read_again(task, trained_on, revision, announce)
    train, held_out = hold_out(corpus, fraction=trained_on.validation, seed=trained_on.seed)
    return EvaluationData(
        f"the held-out part of {corpus.name}", held_out, train=train, is_held_out=True
    )


def read_train(
    task: Task, trained_on: DataDescription, data: Sequence[str], announce: Announce
) -> "Dataset | None":
    """Read a model's training data again, without the held-out part; announce where that fails.

    Nothing is downloaded for it, unless it is the ``data`` that the model is scored on.
    """
    from rnncli.data.corpora import BUNDLED

    arguments = trained_on.arguments
    try:
        absent = [a for a in arguments if a not in ("-", *BUNDLED) and not Path(a).is_file()]
        if not absent or list(arguments) == list(data):
            return read_held_out(task, trained_on, None, announce).train
        reason = f"{' '.join(absent)} does not exist on this machine"
    except (RnncliError, OSError) as error:
        reason = error.message if isinstance(error, RnncliError) else str(error)
    announce(f"baselines left out, since the training data is not available: {reason}")
    return None


def with_control(columns: "Columns", trained_on: DataDescription) -> "Columns":
    """Return columns with that of the control codes, where the model was trained with them.

    Raises:
        ConfigError: such a column was named, and the model was trained without.

    """
    learned = trained_on.columns.get("control")
    if columns.control is not None and learned is None:
        raise ConfigError(
            "the model was trained without --control, and knows no labels", "leave --control out"
        )
    return replace(columns, control=columns.control or learned)


def announce_unfairness(
    first: Path, second: Path, data: EvaluationData, announce: Announce
) -> None:
    """Announce where a second model may have been trained on the held-out part of the first."""
    if not data.is_held_out:
        return
    parts = [
        (trained_on.fingerprint, trained_on.validation, trained_on.seed)
        for trained_on in map(training_data_of, (first, second))
    ]
    if parts[0] != parts[1]:
        announce(
            f"{second} was trained on other data, or holds out another part of it: it may have "
            "been trained on some of these texts"
        )


def _read_again(
    task: Task, trained_on: DataDescription, revision: str | None, announce: Announce
) -> "Corpus":
    from rnncli.data.columns import ANY_COLUMNS, Columns
    from rnncli.data.corpus import read_corpus

    if trained_on.name == "-":
        raise DataError(
            "the model was trained on stdin, which cannot be read a second time",
            "name the data to score on",
        )
    announce(f"reading the training data again: {trained_on.name}")
    for argument in trained_on.arguments:
        if Path(argument).exists() and not Path(argument).is_file():
            raise DataError(f"{argument} is not a regular file", "name the data to score on")
    try:
        corpus = read_corpus(
            list(trained_on.arguments),
            task=task,
            columns=Columns(**{name: trained_on.columns.get(name) for name in vars(ANY_COLUMNS)}),
            revision=revision,
        )
    except DataError as error:
        raise DataError(
            f"the training data cannot be read: {error.message}",
            "go to where it was trained, or name the data to score on",
        ) from None
    if corpus.fingerprint != trained_on.fingerprint:
        raise DataError(
            f"{corpus.name} has changed since the model was trained on it",
            "name the data to score on",
        )
    return corpus
