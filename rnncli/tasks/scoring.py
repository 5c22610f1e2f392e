"""The interface of scorers, whatever the task."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from rnncli.config import SearchConfig
from rnncli.tasks.evaluation_data import EvaluationData

BATCH_SIZE = 1_024  # texts handed to a model at once

Cell: TypeAlias = str | float


@dataclass(frozen=True)
class ScoringSettings:
    """How to score a model; each task has settings that others have no use for."""

    against: Path | None = None  # a second model to compare with: classify, translate
    baselines: bool = True  # train some, which takes reading the training data again: classify
    search: SearchConfig = field(default_factory=SearchConfig)  # translate
    tokenize: str | None = None  # sacreBLEU's tokenizer; None: by the language (translate)
    window: int | None = None  # tokens after which the state is reset; None: never (generate)
    mistakes: bool = False  # whether they will be asked for: classify, translate
    threads: int = 1


@dataclass(frozen=True)
class Mistakes:
    """The examples that a model gets wrong; their texts are read when these are iterated over."""

    columns: tuple[str, ...]
    count: int
    rows: Callable[[], Iterator[tuple[Cell, ...]]]

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[dict[str, Cell]]:
        for row in self.rows():
            yield dict(zip(self.columns, row, strict=True))


class Report(Protocol):
    """The scores of a model on some data."""

    @property
    def mistakes(self) -> Mistakes | None:
        """The examples that it gets wrong, where there is such a thing."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return all scores by their names, in types that JSON has."""
        ...


class Scorer(Protocol):
    """A model that is to be scored; made before any data is read."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the scores that can be required."""
        ...

    @property
    def needs_training_data(self) -> bool:
        """Whether scoring on other data, too, takes what the model was trained on."""
        ...

    def score(self, data: EvaluationData) -> Report:
        """Score the model."""
        ...
