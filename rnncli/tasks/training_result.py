"""What a training leaves: its result, or what is kept of one that was interrupted."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncli.config import Task
from rnncli.data.recordings import AUDIO
from rnncli.data.values import column_values
from rnncli.storage.reading import read_description
from rnncli.tasks import load
from rnncli.tasks.examples import example, input_column, is_list

if TYPE_CHECKING:
    from datasets import Dataset

    from rnncli.tasks.classify.predict import TextClassifier
    from rnncli.tasks.forecast.predict import Forecaster
    from rnncli.tasks.generate.predict import TextGenerator
    from rnncli.tasks.transcribe.predict import Transcriber
    from rnncli.tasks.translate.predict import Translator


@dataclass(frozen=True)
class TrainingResult:
    """A finished training."""

    path: Path
    task: Task
    scores: dict[str, float]  # on the held-out part
    seconds: float  # of training
    epochs: float
    controls: tuple[str, ...] = ()  # the control codes of a generator
    metrics: tuple[dict[str, float], ...] = field(default=(), repr=False)  # of each evaluation
    held_out: "Dataset | None" = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs, which may be on another machine."""
        return {**vars(self), "held_out": None}

    @cached_property
    def model(self) -> "TextClassifier | TextGenerator | Transcriber | Translator | Forecaster":
        """The trained model."""
        return load(self.path)

    @cached_property
    def doubling_gain(self) -> float | None:
        """About how much accuracy twice the labels would add; None where that is not clear."""
        training = read_description(self.path).training
        return None if training is None else training.doubling_gain

    @property
    def example(self) -> str | None:
        """A text of the held-out part, a recording, or a table of series, to try the model with."""
        data = read_description(self.path).data
        if data is not None and "time" in data.columns and "-" not in data.arguments:
            return data.arguments[0]
        if self.held_out is not None and AUDIO in self.held_out.column_names:
            return next(column_values(self.held_out, AUDIO))
        return example(self._inputs) or None

    @property
    def is_list(self) -> bool:
        """Whether the texts are lists of short lines, such as names or titles."""
        return is_list(self._inputs)

    @property
    def _inputs(self) -> Iterable[str]:
        column = None if self.held_out is None else input_column(self.held_out.column_names)
        return (
            () if self.held_out is None or column is None else column_values(self.held_out, column)
        )


@dataclass(frozen=True)
class KeptState:
    """What a training that was interrupted leaves on disk."""

    model: Path | None = None  # the directory of the best model so far, if one was saved
    can_resume: bool = False  # whether the same command goes on where a state was saved
