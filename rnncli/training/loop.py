"""The training loop: a generator that knows no task, draws nothing and saves nothing.

Whoever runs it decides what to do with each ``Progress``; leaving the ``for`` stops training, and
``Progress.state`` is all that another run needs to go on.
"""

import math
import time
from collections.abc import Iterator
from itertools import islice
from typing import Generic

import torch
from torch import Tensor

from rnncli.config import Settings
from rnncli.training.budget import Budget, EarlyStopping, Throughput
from rnncli.training.checkpoint import RandomNumbers, capture, restore
from rnncli.training.contract import (
    BatchT,
    Carry,
    Evaluation,
    Progress,
    StateDict,
    Stateful,
    Trainable,
    TrainingState,
)
from rnncli.training.gradients import Gradients
from rnncli.training.optimizer import Optimizer
from rnncli.training.parallel import Parallelism
from rnncli.training.recovery import LossTracker, Rollback, carry_of, carry_tensors, find_divergence


def fit(
    trainable: Trainable[BatchT],
    settings: Settings,
    spent: float = 0.0,
    state: TrainingState | None = None,
    reserve: float = 0.0,
    is_fitted: bool = False,
) -> Iterator[Progress]:
    """Train a model and yield the progress after each step.

    One that ``is_fitted`` already is only evaluated.

    ``spent`` is how many seconds of ``max_time`` are gone already, with reading and encoding, and
    ``reserve`` how many are kept back for what follows.
    ``state`` is that of an earlier run with the same data and settings: with a budget of steps or
    epochs, on a CPU, it ends as if it had never stopped.

    The budget is whichever of time, epochs and steps ends first. What is evaluated, and yielded as
    ``weights``, is an average of the weights over the last ``average`` of the steps so far.

    Raises:
        RnncliError: the loss stays no finite number, or grows, whatever the learning rate; or
            there is no memory for a single row.

    """
    run = _Run(trainable, settings, spent, reserve)
    if state is not None:
        restore(run.parts, state)
    trainable.model.train()
    with run.parallelism:
        if is_fitted:
            yield run.evaluate()
            return
        for epoch, batch in run.batches():
            progress = run.step(epoch, batch)
            yield progress
            if progress.last:
                return


class _Run(Generic[BatchT]):
    """The parts of a run, and what they do in each step."""

    def __init__(
        self, trainable: Trainable[BatchT], settings: Settings, spent: float, reserve: float
    ) -> None:
        self._trainable = trainable
        self._optimizer = Optimizer(trainable.model, settings)
        bfloat16 = settings.precision == "bfloat16"
        self._gradients = Gradients(trainable, self._optimizer, bfloat16)
        self._rollback = Rollback(self._optimizer, settings.learning_rate)
        self._budget = Budget(settings, trainable.steps_per_epoch, spent, reserve)
        self._early_stopping = EarlyStopping(settings.patience)
        self._training_loss = LossTracker()
        self._throughput = Throughput()
        self.parallelism = Parallelism(settings)
        self._position = _Position(self._optimizer.device)

    def batches(self) -> Iterator[tuple[float, BatchT]]:
        """Yield batches without end, from where the run stands, each with the epoch after it."""
        position = self._position
        while True:
            batches = self._trainable.batches(position.epoch)
            for batch in islice(batches, position.batch, None):
                position.batch += 1
                yield position.epoch + position.batch / self._trainable.steps_per_epoch, batch
            position.epoch, position.batch = position.epoch + 1, 0

    def step(self, epoch: float, batch: BatchT) -> Progress:
        """Learn from one batch, and evaluate where it is time to."""
        position, optimizer, notices = self._position, self._optimizer, list[str]()
        self.parallelism.begin_step()
        fraction = self._budget.training_fraction(position.step)
        learning_rate = optimizer.set_learning_rate(fraction, self._rollback.scale)
        position.step += 1
        workers = self.parallelism.workers
        loss = self._gradients.compute(batch, position.carry, position.step, workers, notices)
        position.carry = loss.carry
        norm = optimizer.clip(loss.targets)
        if trouble := self._trouble(loss.mean, norm):
            notices.append(self._roll_back(trouble))
        else:
            optimizer.step(position.step)
        self.parallelism.end_step(batch.size)
        self._throughput.add(loss.targets)
        fraction = self._budget.fraction(position.step)
        weights, evaluation, best = None, None, False
        if self._budget.evaluation_is_due(fraction):
            weights = optimizer.averaged_weights()
            evaluation = self._evaluate(weights, fraction)
            best = self._is_best(evaluation, notices)
            self._rollback.mark_good(position.carry)
        return Progress(
            step=position.step,
            epoch=epoch,
            fraction=min(fraction, 1.0),
            seconds=self._budget.elapsed(),
            loss=self._training_loss.value,
            targets=self._throughput.targets,
            throughput=self._throughput.value,
            gradient_norm=norm.item(),
            learning_rate=learning_rate,
            notices=tuple(notices),
            state=lambda: capture(self.parts),
            evaluation=evaluation,
            best=best,
            weights=weights,
            way=str(self.parallelism.way),
            last=fraction >= 1 or self._early_stopping.exhausted,
        )

    def evaluate(self) -> Progress:
        """Evaluate the weights as they are."""
        self.parallelism.begin_step()
        weights = self._optimizer.averaged_weights()
        evaluation = self._evaluate(weights, 1.0)
        loss = evaluation.scores["loss"]
        return Progress(
            step=0,
            epoch=0.0,
            fraction=1.0,
            seconds=self._budget.elapsed(),
            loss=loss,
            way=str(self.parallelism.way),
            state=lambda: capture(self.parts),
            evaluation=evaluation,
            best=math.isfinite(loss),
            weights=weights,
            last=True,
        )

    def _trouble(self, loss: float, norm: Tensor) -> str | None:
        """Say what is wrong with a step, if anything is; else note its loss."""
        if divergence := find_divergence(loss, norm, self._trainable.model):
            return divergence
        tracker = self._training_loss
        tracker.add(loss)
        if tracker.exploded:
            return f"the loss has grown from {tracker.lowest:.3f} to {loss:.3f}"
        return None

    def _roll_back(self, trouble: str) -> str:
        """Go back to the last good state; return what was done."""
        position = self._position
        place = f"step {position.step}, batch {position.batch} of epoch {position.epoch + 1}"
        position.carry, notice = self._rollback.apply(trouble, place)
        self._training_loss.reset()
        return notice

    def _evaluate(self, weights: dict[str, Tensor], fraction: float) -> Evaluation:
        """Score the model with these weights, and note how long it took."""
        began = time.monotonic()
        model = self._trainable.model
        current = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        model.load_state_dict(weights)
        model.eval()
        try:
            with torch.inference_mode(), self._gradients.autocast():
                return self._trainable.evaluate(self.parallelism.workers)
        finally:
            model.load_state_dict(current)
            model.train()
            seconds = time.monotonic() - began
            self._budget.note_evaluation(fraction, seconds)
            self._throughput.pause(seconds)

    def _is_best(self, evaluation: Evaluation, notices: list[str]) -> bool:
        """Return whether the held-out loss is the lowest so far; go back if it is no number."""
        loss = evaluation.scores["loss"]
        if math.isfinite(loss):
            return self._early_stopping.is_best(loss)
        notices.append(self._roll_back(f"the loss on the held-out part is {loss}"))
        return False

    @property
    def parts(self) -> dict[str, Stateful]:
        """Return all that changes from step to step."""
        return {
            "position": self._position,
            "optimizer": self._optimizer,
            "budget": self._budget,
            "early_stopping": self._early_stopping,
            "training_loss": self._training_loss,
            "gradients": self._gradients,
            "rollback": self._rollback,
            "random": RandomNumbers(self._optimizer.device),
            "parallelism": self.parallelism,
        }


class _Position:
    """How far a run has come."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.step = 0
        self.epoch, self.batch = 0, 0  # epochs that are over, and batches of this one
        self.carry: Carry = ()

    def state_dict(self) -> StateDict:
        """Return the counts and the carried state."""
        counts = {"step": self.step, "epoch": self.epoch, "batch": self.batch}
        return {**counts, **carry_tensors(self.carry)}

    def load_state_dict(self, state: StateDict) -> None:
        """Go on from there."""
        self.step, self.epoch, self.batch = (int(state[n]) for n in ("step", "epoch", "batch"))
        self.carry = carry_of(state, self._device)
