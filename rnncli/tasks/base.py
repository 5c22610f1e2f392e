"""What every task gives to the training loop, and what every trained model can do."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from rnncli.config import ModelConfig
from rnncli.tokenizer import Tokenizer

if TYPE_CHECKING:  # torch and datasets are imported on the way to training only
    from datasets import Dataset
    from torch import Tensor

    from rnncli.model import EncoderDecoder

Announce = Callable[[str], None]  # tells a person what was chosen for them


class Training(Protocol):
    """A task during training; ``training.fit`` knows no more of it than this."""

    config: ModelConfig
    model: "EncoderDecoder"
    tokenizer: Tokenizer
    target_tokenizer: Tokenizer | None
    labels: tuple[str, ...]  # of a classifier, in the order of its classes; else empty
    goal: str  # the score that decides which model is the best
    maximise: bool  # whether a larger score is better
    steps_per_epoch: int

    def batches(self, epoch: int) -> Iterator[Any]:
        """Yield the batches of one epoch; the same epoch gives the same batches."""
        ...

    def loss(self, batch: Any) -> tuple["Tensor", int]:
        """Return the summed loss in nats and the number of targets."""
        ...

    def evaluate(self) -> dict[str, float]:
        """Score the model on the held-out part."""
        ...


def column_values(dataset: "Dataset", column: str) -> Iterator[str]:
    """Yield the values of a column; memory stays flat."""
    from rnncli import data  # imports `datasets`: on the way to training only

    return data.column_values(dataset, column)
