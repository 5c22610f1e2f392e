"""What the scorers of all tasks have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from datasets import Dataset
    from rich.console import Console

Scores = dict[str, Any]  # what --json prints

BATCH = 1_024  # texts handed to a model at once


@dataclass(frozen=True)
class ScoredRows:
    """What a model is scored on."""

    name: str
    rows: "Dataset"
    learned: "Dataset | None" = None  # what the model was trained on, where it can be read again
    is_held_out: bool = False  # of the data that the model was trained on


class Scorer(Protocol):
    """A model of some task that is to be scored; made before any data is read."""

    @property
    def names(self) -> Sequence[str]:
        """Return the names of the scores that can be required."""
        ...

    def score(self, data: ScoredRows) -> Scores:
        """Score the model on some rows."""
        ...

    def report(self, scores: Scores, console: "Console") -> None:
        """Print scores for a person."""
        ...
