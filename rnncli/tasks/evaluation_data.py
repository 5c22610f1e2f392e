"""The data for scoring a model, and its training data."""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rnncli.config import Task
from rnncli.data.columns import ANY_COLUMNS, Columns, choose
from rnncli.errors import ConfigError, DataError, ModelError, RnncliError
from rnncli.messages import Announce, name_list, stage
from rnncli.storage.bundled import bundled_models
from rnncli.storage.description import DataDescription
from rnncli.storage.layout import DAMAGED, Layout
from rnncli.storage.model_names import model_name
from rnncli.storage.reading import read_description
from rnncli.text.languages import languages_of

if TYPE_CHECKING:
    from datasets import Dataset

    from rnncli.data.corpus import Corpus

SPLITS = ("test", "validation", "train")  # in this order of preference
KERNEL_FOLDERS = ("/dev", "/proc", "/sys")  # what lies there may be anything but a file
HELD_OUT = "held-out"  # the part that training held out, of data that a person names


@dataclass(frozen=True)
class DataRequest:
    """The data to score a model on, as a person names it."""

    names: Sequence[str] = ()  # none: what training held out
    columns: Columns = ANY_COLUMNS
    split: str | None = None
    revision: str | None = None


@dataclass(frozen=True)
class EvaluationData:
    """The rows to score a model on."""

    name: str
    rows: "Dataset"
    train: "Dataset | None" = None  # the training data of the model, where it can be read
    is_held_out: bool = False  # from the training data
    columns: Mapping[str, str] = field(default_factory=dict)  # of data that is named


def training_data_of(path: Path) -> DataDescription:
    """Return the description of the training data of a model.

    Raises:
        ModelError: there is no such model, or its description lacks that of the data.

    """
    data = read_description(path).data
    if data is None:
        config = Layout(path).config
        raise ModelError(
            f"{config} does not describe the data that the model was trained on", DAMAGED
        )
    return data


def task_of(request: DataRequest) -> tuple[Task, tuple[str, str] | None]:
    """Return the task that data is for, by its columns, and the languages of pairs, if known.

    Raises:
        DataError: it cannot be read, or neither names nor contents of its columns tell.

    """
    from rnncli.data.locate import locate

    source = locate(request.names, request.columns, None, request.revision)
    table = next(iter(source.tables.values()))
    choice = choose(table, None, request.columns, source.known_columns)
    return choice.task, languages_of(choice.columns, source.languages)


@stage("reading the data")
def read_named(
    task: Task, trained_on: DataDescription, request: DataRequest, announce: Announce
) -> EvaluationData:
    """Read the data that is named, and of its splits the first of ``SPLITS`` unless one is named.

    Columns that are called as those that the model was ``trained_on`` come first.

    Raises:
        DataError: it cannot be read, has no such split, or its languages are the other way round.

    """
    from rnncli.data.corpus import read_corpus

    corpus = read_corpus(
        request.names,
        task=task,
        columns=request.columns,
        revision=request.revision,
        for_training=False,
        known_columns=trained_on.columns,
    )
    if trained_on.languages and corpus.languages == trained_on.languages[::-1]:
        corpus = _reversed(
            corpus, trained_on.languages, is_requested=bool(request.columns.as_dict())
        )
    for notice in corpus.notices:
        announce(notice)
    split = request.split or next(name for name in SPLITS if name in corpus.splits)
    if split not in corpus.splits:
        raise DataError(
            f"{corpus.name} has no part {split}; it has {name_list(list(corpus.splits))}",
            f"--split {next(iter(corpus.splits))}",
        )
    part = f", part {split}" if len(corpus.splits) > 1 else ""
    return EvaluationData(f"{corpus.name}{part}", corpus.splits[split], columns=corpus.columns)


def _reversed(corpus: "Corpus", languages: tuple[str, str], *, is_requested: bool) -> "Corpus":
    """Return pairs with their sides exchanged, so that they go in the direction of the model.

    Raises:
        DataError: a person asked for the other direction.

    """
    source, target = languages
    if is_requested:
        raise DataError(
            f"{corpus.name} is from {target} to {source} with these columns, and the model "
            f"translates from {source} to {target}",
            f"exchange them: --source {shlex.quote(corpus.columns['target'])} "
            f"--target {shlex.quote(corpus.columns['source'])}",
        )
    columns = {"source": corpus.columns["target"], "target": corpus.columns["source"]}
    exchanged = {"source": "target", "target": "source"}
    splits = {name: rows.rename_columns(exchanged) for name, rows in corpus.splits.items()}
    notice = f"columns exchanged: the model translates from {source} to {target}"
    return replace(
        corpus,
        splits=splits,
        columns=columns,
        languages=languages,
        notices=(*corpus.notices, notice),
    )


@stage("reading the training data")
def read_held_out(
    task: Task, training_data: DataDescription, revision: str | None, announce: Announce
) -> EvaluationData:
    """Read the training data of a model, and return the part that training held out.

    Raises:
        DataError: it cannot be read, or has changed.

    """
    from rnncli.data.split import hold_out

    corpus = _read_training_data(task, training_data, revision, announce)
    train, held_out = hold_out(
        corpus,
        fraction=training_data.validation,
        seed=training_data.seed,
        limits=training_data.max_held_out,
    )
    name = f"the held-out part of {corpus.name}"
    return EvaluationData(name, held_out, train=train, is_held_out=True)


def read_train(
    task: Task,
    model: Path,
    training_data: DataDescription,
    data: Sequence[str],
    announce: Announce,
) -> "Dataset | None":
    """Read the training data of a model, without the held-out part; None where that fails.

    A failure is announced. Nothing is downloaded but the ``data`` on which the model is scored.
    """
    if model in bundled_models().values():
        name = model_name(model)
        announce(f"baselines left out: the training data of {name} does not come with rnncli")
        return None
    try:
        if list(training_data.arguments) != list(data):
            require_harmless(model, training_data)
        return read_held_out(task, training_data, None, announce).train
    except (RnncliError, OSError) as error:
        reason = error.message if isinstance(error, RnncliError) else str(error)
    announce(f"baselines left out, since the training data is not available: {reason}")
    return None


def require_harmless(model: Path, training_data: DataDescription) -> None:
    """Check that to read what a model names as its training data has no effects.

    A model may be a stranger's, who must not choose what is downloaded, nor which device, pipe or
    file of the kernel is read on this machine. Files and folders may be read: their content is
    compared with that of the training, and goes nowhere.

    Raises:
        DataError: it would have effects, and is to be named by a person.

    """
    name_of_model = model_name(model)
    command = f"rnncli evaluate -m {shlex.quote(name_of_model)} --split {HELD_OUT}"
    arguments = training_data.arguments
    if "-" in arguments:
        raise DataError(
            "the model was trained on stdin, which cannot be read a second time",
            f"name a file of the same content: {command} FILE",
        )
    # The second of two files may lie beside the first.
    names = [*arguments, *(str(Path(arguments[0]).parent / name) for name in arguments[1:])]
    if unknown := next((name for name in names if not _is_harmless(name)), None):
        raise DataError(
            f"{name_of_model} names {unknown} as its training data, which is no file or folder "
            "here; as models may come from strangers, nothing is downloaded that you did not name",
            f"if you trust it: {command} {shlex.join(arguments)}",
        )


def _is_harmless(name: str) -> bool:
    """Return whether data is bundled, a file, a folder, or not there at all."""
    from rnncli.data.locate import is_bundled, is_on_hub

    if is_bundled(name):
        return True
    if is_on_hub(name):
        return False
    path = Path(os.path.realpath(name))
    is_of_kernel = any(path.is_relative_to(folder) for folder in KERNEL_FOLDERS)
    return not is_of_kernel and (path.is_file() or path.is_dir() or not path.exists())


def with_control(columns: Columns, training_data: DataDescription) -> Columns:
    """Complete the columns by that of the control codes, if the model was trained with them.

    Raises:
        ConfigError: the column is named, and the model was trained without control codes.

    """
    control = training_data.columns.get("control")
    if columns.control is not None and control is None:
        raise ConfigError(
            "the model was trained without --control, and knows no labels", "leave --control out"
        )
    return replace(columns, control=columns.control or control)


def announce_unfairness(
    first: Path, second: Path, data: EvaluationData, announce: Announce
) -> None:
    """Announce that the second model may have been trained on the held-out part of the first."""
    if not data.is_held_out:
        return
    parts = [
        (training_data.fingerprint, training_data.validation, training_data.seed)
        for training_data in map(training_data_of, (first, second))
    ]
    if parts[0] != parts[1]:
        announce(
            f"{second} was trained on other data, or holds out another part of it: it may have "
            "been trained on some of these texts"
        )


def _read_training_data(
    task: Task, training_data: DataDescription, revision: str | None, announce: Announce
) -> "Corpus":
    from rnncli.data.corpus import read_corpus

    data_columns = training_data.columns
    announce(f"reading the training data again: {training_data.name}")
    for argument in training_data.arguments:
        path = Path(argument)
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise DataError(f"{argument} is not a regular file", "name other data to score on")
    try:
        corpus = read_corpus(
            list(training_data.arguments),
            task=task,
            columns=Columns(**{name: data_columns.get(name) for name in vars(ANY_COLUMNS)}),
            revision=revision,
            limits=training_data.max_read,
        )
    except DataError as error:
        raise DataError(
            f"the training data cannot be read: {error.message}",
            "go to where it was trained, or name the data to score on",
        ) from None
    if corpus.fingerprint != training_data.fingerprint:
        raise DataError(
            f"{corpus.name} has changed since the model was trained on it",
            "leave --split out, and name the data to score on",
        )
    return corpus
