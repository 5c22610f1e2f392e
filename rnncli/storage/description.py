"""The typed content of config.json, and its validation."""

import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from rnncli.config import (
    FORMAT_VERSION,
    LEVELS,
    MAX_HELD_OUT,
    MAX_SEED,
    TASKS,
    Level,
    Task,
)
from rnncli.data.limits import MAX_READ
from rnncli.errors import ConfigError
from rnncli.networks.architecture import Architecture, Tokens, from_json
from rnncli.networks.heads import Classes
from rnncli.storage.layout import TASK_FILES

Value = TypeVar("Value")

MAX_VALUE = 1e4  # a hundred times the weights of trained models; far above, products overflow
INT8 = "int8"  # the quantization of weights; see `quantization.py`
TUNED_BOUNDS = 1e-9, 1e3  # of tuned hyperparameters; far beyond, quotients and powers overflow


@dataclass(frozen=True)
class DataDescription:
    """The training data of a model: enough to read it and to hold out the same part again.

    ``columns`` maps canonical names, such as "text", to those in the data; ``validation`` is the
    share of the rows that was held out, and ``seed`` the random seed that selected them.
    ``max_held_out`` limits its "rows" and "characters" where the usual limits were too high, and
    ``max_read`` those that were read at all.
    """

    name: str
    arguments: tuple[str, ...]  # of the command line, which name the data
    columns: Mapping[str, str]
    fingerprint: str
    validation: float
    seed: int
    languages: tuple[str, str] | None = None  # of source and target
    licence: str | None = None
    rows: Mapping[str, int] = field(default_factory=dict)  # of the training and validation part
    unlabelled: tuple[str, ...] = ()  # names of the texts for pretraining
    max_held_out: Mapping[str, int] = field(default_factory=dict)
    max_read: Mapping[str, int] = field(default_factory=dict)
    vectors: str | None = None  # where the word vectors come from, and their licence
    init_from: str | None = None  # the model that the training started from, and its licence


@dataclass(frozen=True)
class TextProfile:
    """A profile of the training texts, to detect dataset shift."""

    scripts: Mapping[str, float] = field(default_factory=dict)  # the share of the texts in each
    unknown_words: float | None = None  # the share of the words of the held-out texts


@dataclass(frozen=True)
class TrainingRecord:
    """How a model was trained; steps, epochs and seconds are those at its best evaluation."""

    command: str
    python: str
    torch: str
    finished: bool = False
    steps: int | None = None
    epochs: float | None = None
    seconds: float | None = None
    doubling_gain: float | None = None  # of accuracy by twice the labels, as was estimated


@dataclass(frozen=True)
class ModelDescription:
    """The content of config.json.

    Without ``data``, ``profile`` and ``training`` a model still predicts; but it cannot be scored
    on its training data, and dataset shift is not detected.
    """

    task: Task
    level: Level | None  # of tokens; None where numbers are read
    architecture: Architecture
    labels: tuple[str, ...] = ()  # in the order of the classes; empty where there are none
    tuned: Mapping[str, float] = field(default_factory=dict)  # hyperparameters, on held-out data
    scores: Mapping[str, float] = field(default_factory=dict)  # on the held-out part
    task_files: tuple[str, ...] = ()  # names of the files that only its task has
    files: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of tokenizers and tensors
    task_values: Mapping[str, Any] = field(default_factory=dict)  # checked by its task
    quantization: str | None = None  # of the weights; None: half precision
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the training
    data: DataDescription | None = None
    profile: TextProfile | None = None
    training: TrainingRecord | None = None
    rnncli_version: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether the training has ended, as far as is recorded."""
        return self.training is None or self.training.finished

    def to_json(self) -> dict[str, Any]:
        """Return the content of config.json, in the current format."""
        first = {"format_version": FORMAT_VERSION, "rnncli_version": self.rnncli_version}
        return first | {name: value for name, value in asdict(self).items() if name not in first}


def parse(values: Mapping[str, Any]) -> ModelDescription:
    """Parse the content of a config.json in the current format.

    Optional parts (``data``, ``profile``, ``training``) become None where they are damaged.

    Raises:
        ValueError: a part that prediction needs is missing or damaged.

    """
    task, level = values.get("task"), values.get("level")
    if task not in TASKS:
        raise ValueError(f"it names no known task: {reprlib.repr(task)}")
    if level is not None and level not in LEVELS:
        raise ValueError(f"it names no known level: {reprlib.repr(level)}")
    try:
        architecture = from_json(values.get("architecture"))
    except ConfigError as error:
        raise ValueError(str(error)) from None
    head = architecture.head
    if level is None and isinstance(architecture.front, Tokens):
        raise ValueError("it names no level of its tokens")
    tuned, task_values = _mapping(values.get("tuned", {}), float), values.get("task_values", {})
    low, high = TUNED_BOUNDS
    if tuned is None or not all(low <= value <= high for value in tuned.values()):
        raise ValueError("the tuned hyperparameters are wrong")
    if not isinstance(task_values, dict):
        raise ValueError("task_values is no object")
    quantization = values.get("quantization")
    if quantization not in (None, INT8):
        raise ValueError(f"the quantization is unknown: {reprlib.repr(quantization)}")
    return ModelDescription(
        task,
        level,
        architecture,
        labels=_parse_labels(values.get("labels"), head.count if isinstance(head, Classes) else 0),
        tuned=tuned,
        scores=_mapping(values.get("scores"), float) or {},
        task_files=_parse_task_files(values.get("task_files")),
        files=_mapping(values.get("files"), str) or {},
        task_values=task_values,
        quantization=quantization,
        settings=_typed(values.get("settings"), dict) or {},
        data=_parse_data(values.get("data")),
        profile=_parse_profile(values.get("profile")),
        training=_parse_training(values.get("training")),
        rnncli_version=_typed(values.get("rnncli_version"), str) or "",
    )


def _mapping(value: object, kind: type[Value]) -> dict[str, Value] | None:
    """Return a JSON object whose values are all of one type; None for anything else."""
    if isinstance(value, dict) and all(type(item) is kind for item in value.values()):
        return value
    return None


def _typed(value: object, kind: type[Value]) -> Value | None:
    """Return a value of a type; None for anything else."""
    return value if type(value) is kind else None


def _list(value: object, kind: type[Value]) -> list[Value] | None:
    """Return a list whose items are all of one type; None for anything else."""
    if isinstance(value, list) and all(type(item) is kind for item in value):
        return value
    return None


def _parse_labels(value: object, count: int) -> tuple[str, ...]:
    labels = _list(value or [], str)
    if labels is None or not len(set(labels)) == len(labels) == count:
        raise ValueError("labels and classes differ")
    return tuple(labels)


def _parse_task_files(value: object) -> tuple[str, ...]:
    names = _list(value or [], str)
    if names is None or not set(names) <= set(TASK_FILES):
        raise ValueError("it names unknown files")
    return tuple(names)


def _parse_data(value: object) -> DataDescription | None:
    match value:
        case {
            "name": str(name),
            "fingerprint": str(fingerprint),
            "validation": float(validation),
            "seed": int(seed),
            **optional,
        } if 0 < validation < 1 and 0 <= seed <= MAX_SEED:
            arguments = _list(optional.get("arguments"), str)
            columns = _mapping(optional.get("columns"), str)
            languages = _list(optional.get("languages") or [], str)
            if arguments is None or columns is None or languages is None:
                return None
            if len(languages) not in (0, 2):
                return None
            return DataDescription(
                name,
                tuple(arguments),
                columns,
                fingerprint,
                validation,
                seed,
                languages=(languages[0], languages[1]) if languages else None,
                licence=_typed(optional.get("licence"), str),
                rows=_mapping(optional.get("rows"), int) or {},
                unlabelled=tuple(_list(optional.get("unlabelled"), str) or ()),
                max_held_out=_parse_limits(optional.get("max_held_out"), MAX_HELD_OUT),
                max_read=_parse_limits(optional.get("max_read"), MAX_READ),
                vectors=_typed(optional.get("vectors"), str),
            )
    return None


def _parse_limits(value: object, bounds: Mapping[str, int]) -> dict[str, int]:
    limits = _mapping(value, int) or {}
    return {name: n for name, n in limits.items() if 0 < n < bounds.get(name, 0)}


def _parse_profile(value: object) -> TextProfile | None:
    if not isinstance(value, dict):
        return None
    return TextProfile(
        _mapping(value.get("scripts"), float) or {},
        _typed(value.get("unknown_words"), float),
    )


def _parse_training(value: object) -> TrainingRecord | None:
    match value:
        case {
            "command": str(command),
            "python": str(python),
            "torch": str(torch),
            "finished": bool(finished),
            **optional,
        }:
            return TrainingRecord(
                command,
                python,
                torch,
                finished,
                _typed(optional.get("steps"), int),
                _typed(optional.get("epochs"), float),
                _typed(optional.get("seconds"), float),
                _typed(optional.get("doubling_gain"), float),
            )
    return None
