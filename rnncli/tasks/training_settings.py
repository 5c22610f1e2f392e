"""The settings of a training as keywords: their types, their values, and which task has which."""

from collections.abc import Mapping
from typing import Any, TypedDict

from rnncli.config import Cell, Device, Level, Precision, Settings, Task
from rnncli.errors import ConfigError
from rnncli.messages import parse_duration, require_names

WITH_TOKENS: tuple[Task, ...] = ("classify", "generate", "translate", "transcribe")
# Settings that some tasks have; all tasks have the others.
TASKS_OF_SETTINGS: Mapping[str, tuple[Task, ...]] = {
    "unlabelled": ("classify",),
    "ngrams": ("classify",),
    "vectors": ("classify",),
    "freeze": ("classify",),
    "memory": ("translate",),
    "bptt": ("generate",),
    "word_dropout": ("classify", "translate"),
    "horizon": ("forecast",),
    "lookback": ("forecast",),
    "level": WITH_TOKENS,
    "vocab_size": WITH_TOKENS,
    "max_rows": WITH_TOKENS,
    "embedding_dropout": WITH_TOKENS,
    "label_smoothing": WITH_TOKENS,
}


class TrainingSettings(TypedDict, total=False):
    """The fields of ``config.Settings``, as keywords."""

    level: Level
    vocab_size: int
    cell: Cell
    embedding_dim: int
    hidden_size: int
    num_layers: int
    dropout: float
    embedding_dropout: float
    word_dropout: float
    label_smoothing: float
    batch_size: int
    bptt: int
    learning_rate: float
    weight_decay: float
    clip: float
    warmup: float
    average: float
    epochs: float
    ngrams: bool
    vectors: str
    memory: bool
    freeze: bool
    horizon: int
    lookback: int
    steps: int
    max_rows: int
    max_time: float | str  # seconds, or written like "2m"
    patience: int
    evaluations: int
    validation: float
    seed: int
    precision: Precision
    device: Device
    threads: int
    workers: int


def parse_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Check the names of settings, convert durations to seconds, and drop those that are None.

    Raises:
        ConfigError: there is no such setting, or a duration is none.

    """
    require_names(settings, Settings)
    parsed = {name: value for name, value in settings.items() if value is not None}
    if "max_time" in parsed:
        parsed["max_time"] = parse_duration(parsed["max_time"])
    return parsed


def require_settings_of(task: Task, settings: Mapping[str, Any]) -> None:
    """Refuse the settings of other tasks; to be without something is what these do anyway.

    Raises:
        ConfigError: a setting is not for the task.

    """
    from rnncli.data.vector_sources import NONE  # loads the library of the hub

    for name, tasks in TASKS_OF_SETTINGS.items():
        value = settings.get(name)
        if task not in tasks and value and value != NONE:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(
                f"{option} is for the task {' or '.join(tasks)}; the task of this data is {task}",
                f"leave {option} out",
            )
