"""The interface between tasks and the training session, and the progress of each step."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeAlias, TypeVar

from torch import Tensor, nn

from rnncli.config import Settings
from rnncli.data.batches import Batch
from rnncli.messages import Announce
from rnncli.networks.architecture import Architecture
from rnncli.storage.description import ModelDescription
from rnncli.storage.layout import TaskFiles
from rnncli.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from datasets import Dataset

    from rnncli.training.parallel import Workers

# The recurrent state that goes from batch to batch: for each layer its tensors, (N, H) each, with
# the rows of the batch. Empty where batches have nothing to do with each other, and at the start.
Carry: TypeAlias = tuple[tuple[Tensor, ...], ...]
BatchT = TypeVar("BatchT", bound=Batch)
TrainableT = TypeVar("TrainableT", bound="Trainable[Any]")
PhaseName = Literal["pretraining", "training"]


@dataclass(frozen=True)
class Evaluation:
    """Scores on the held-out part, and what was tuned on it to reach them."""

    scores: dict[str, float]  # "loss" is among them, in nats a target: the lowest is the best
    tuned: dict[str, float] = field(default_factory=dict)


class Trainable(Protocol[BatchT]):
    """All that the loop knows of a task.

    Pickled for another process, it computes losses, and has no data.
    """

    @property
    def model(self) -> nn.Module:
        """The module that learns."""
        ...

    @property
    def steps_per_epoch(self) -> int:
        """How many batches an epoch has."""
        ...

    def batches(self, epoch: int) -> Iterator[BatchT]:
        """Yield the batches of an epoch; the same epoch always gives the same batches."""
        ...

    def loss(self, batch: BatchT, carry: Carry) -> tuple[Tensor, int, Carry]:
        """Return the summed loss in nats, the number of targets, and the state for the next batch.

        ``carry`` is the state that the batch before returned.
        """
        ...

    def evaluate(self, workers: "Workers") -> Evaluation:
        """Score the model on the held-out part, of which each worker reads a part."""
        ...


@dataclass(frozen=True)
class TrainingData:
    """The rows to learn from and those held out; ``unlabelled`` are texts without labels."""

    train: "Dataset"
    validation: "Dataset"
    # None: no pretraining was asked for. Empty: the labelled texts are all there is to read.
    unlabelled: "tuple[Dataset, ...] | None" = None


@dataclass(frozen=True)
class Phase:
    """A stage of training with a budget of its own; the last one makes the model."""

    name: PhaseName
    trainable: Trainable[Any]
    settings: Settings
    unit: str  # of a target: "tokens", "texts"
    is_fitted: bool = False  # already: it is only evaluated


@dataclass(frozen=True)
class Prepared(Generic[TrainableT]):
    """A task whose data is encoded and whose network is built."""

    trainable: TrainableT
    settings: Settings
    architecture: Architecture
    tokenizer: Tokenizer | None  # None where numbers are read
    target_tokenizer: Tokenizer | None = None  # where there are two
    labels: tuple[str, ...] = ()  # in the order of the classes
    unit: str = "tokens"
    vectors: str | None = None  # where word vectors come from, and their licence
    is_fitted: bool = False  # by the recipe: no step of training follows
    vectors_digest: str | None = None  # SHA-256 of those of the vocabulary
    pretraining: Phase | None = None  # on the same network, before it learns the task
    files: TaskFiles = field(default_factory=dict)  # that only this task keeps
    task_values: dict[str, Any] = field(default_factory=dict)  # the same, in the description

    @property
    def phases(self) -> tuple[Phase, ...]:
        """Return the stages of training in their order."""
        last = Phase("training", self.trainable, self.settings, self.unit, self.is_fitted)
        return (last,) if self.pretraining is None else (self.pretraining, last)


@dataclass(frozen=True)
class Tuned:
    """Hyperparameters and files that are tuned on held-out data after training."""

    parameters: dict[str, float] = field(default_factory=dict)
    files: TaskFiles = field(default_factory=dict)  # that only this task keeps
    doubling_gain: float | None = None  # of accuracy by twice the labels, if that is clear


class Recipe(ABC, Generic[TrainableT]):
    """The recipe of a task: its part of a training session.

    The time budget began at ``began``, as ``time.monotonic`` tells it; None: it is whole.
    """

    finish_share: ClassVar[float] = 0.0  # of the time budget, for ``finish``

    def __init__(self, began: float | None = None) -> None:
        self.began = began

    @abstractmethod
    def choose(
        self,
        data: TrainingData,
        overrides: Mapping[str, Any],
        announce: Announce,
    ) -> Settings:
        """Choose settings for the data and this machine; ``overrides`` are those of the user."""

    @abstractmethod
    def prepare(
        self,
        data: TrainingData,
        settings: Settings,
        scratch: Path,
        announce: Announce,
    ) -> Prepared[TrainableT]:
        """Encode the data into files below ``scratch`` and build the network."""

    def finish(
        self,
        trainable: TrainableT,
        data: TrainingData,
        path: Path,
        threads: int,
        seconds: float,
        announce: Announce,
    ) -> Tuned:
        """Tune the best model, saved at ``path``, on the held-out part, in about ``seconds``."""
        del trainable, data, path, threads, seconds, announce
        return Tuned()

    @abstractmethod
    def summary(self, description: ModelDescription) -> str:
        """Return the summary of the model for its card after "A recurrent network that"."""

    def preview(
        self, prepared: Prepared[TrainableT], weights: Mapping[str, Tensor], text: str | None = None
    ) -> str | None:
        """Return what a model with these weights makes of a text.

        Without a text, a sample of what it writes; None where the task writes nothing. The random
        state of training stays as it is.
        """
        del prepared, weights, text
        return None


StateDict: TypeAlias = dict[str, Tensor | float]


class Stateful(Protocol):
    """A part of a run that changes from step to step."""

    def state_dict(self) -> StateDict:
        """Return what changes; tensors are those in use, not copies."""
        ...

    def load_state_dict(self, state: StateDict) -> None:
        """Go on from a state."""
        ...


@dataclass(frozen=True)
class TrainingState:
    """All that a run changes, and that another one needs to go on exactly there.

    Names begin with the part of the run: "budget.seconds".
    """

    tensors: dict[str, Tensor]
    numbers: dict[str, float]

    @property
    def step(self) -> int:
        """Return after which step it is the state."""
        return int(self.numbers["position.step"])

    @property
    def seconds(self) -> float:
        """Return how many seconds of training went before it."""
        return self.numbers["budget.seconds"]


@dataclass(frozen=True)
class Progress:
    """Tell where training stands after one step."""

    step: int
    epoch: float
    fraction: float  # of the budget, from 0 to 1
    seconds: float  # since training began
    loss: float  # training loss in nats a target, smoothed over some steps
    way: str  # in which steps are computed: "2 threads", "2 workers"
    state: Callable[[], TrainingState]  # to be called before the next step
    targets: int = 0  # learned from in this run
    throughput: float = 0.0  # targets a second
    gradient_norm: float = 0.0  # before clipping
    learning_rate: float = 0.0
    notices: tuple[str, ...] = ()  # what went wrong in this step, and what was done about it
    evaluation: Evaluation | None = None  # where the model was just evaluated
    best: bool = False  # its loss is the lowest so far
    weights: dict[str, Tensor] | None = None  # those that were evaluated
    last: bool = False  # nothing follows
