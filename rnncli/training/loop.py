"""The training loop: a generator that knows no task, draws nothing and saves nothing.

Whoever runs it decides what to do with each ``Progress``; leaving the ``for`` stops training, and
``Progress.state`` is all that another run needs to go on.
"""

import gc
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rnncli.config import Settings
from rnncli.data.batches import rows_of, split
from rnncli.errors import RnncliError
from rnncli.training.budget import Budget, Rate, Smoothed, Threads, Watch

if TYPE_CHECKING:  # tasks stand above: the loop knows their interface alone
    from rnncli.tasks.predictor import Training

AVERAGE_EVERY = 5  # steps; often enough for an average, and no cost to speak of
EVALUATION_SHARE = 0.05  # of the time at most that goes into evaluation on the way
WARM_UP = 3  # steps that do not count where speed is measured
GOOD = "good."  # prefix of the tensors to go back to
MAX_RECOVERIES = 3  # times that training goes back with half the learning rate, before it gives up


@dataclass(frozen=True)
class State:
    """All that a training run changes, and that another one needs to go on exactly there."""

    tensors: dict[str, Tensor]
    numbers: dict[str, Any]  # what JSON can hold


@dataclass(frozen=True)
class Progress:
    """Tell where training stands after one step."""

    step: int
    epoch: float
    fraction: float  # of the budget, from 0 to 1
    seconds: float  # since training began
    loss: float  # nats a target, smoothed over some steps
    targets: int  # learned from in this run
    rate: float  # of these a second
    gradient_norm: float  # before clipping
    learning_rate: float
    notices: tuple[str, ...]  # what went wrong in this step, and what was done about it
    state: Callable[[], State]  # to be called before the next step
    scores: dict[str, float] | None = None  # on the held-out part, where it was just evaluated
    best: bool = False  # these scores are the best so far
    weights: dict[str, Tensor] | None = None  # that gave these scores
    last: bool = False  # nothing follows


def fit(
    task: "Training",
    settings: Settings,
    spent: float = 0.0,
    state: State | None = None,
) -> Iterator[Progress]:
    """Train the task's model and yield the progress after each step.

    ``spent`` is how many seconds of ``max_time`` are gone already, with reading and encoding.
    ``state`` is that of an earlier run with the same task and settings: with a budget of steps or
    epochs, on a CPU, it ends as if it had never stopped.

    AdamW (Loshchilov and Hutter 2019); the learning rate rises over ``warmup`` and falls to zero
    on a cosine over the budget, which is whichever of time, epochs and steps ends first; gradients
    are clipped by their norm (Pascanu et al. 2013, section 3.2). What is evaluated, and kept, is an
    average of the weights over the last ``average`` of the steps so far (Shamir and Zhang 2013,
    section 5: polynomial-decay averaging).

    Raises:
        RnncliError: the loss stays no finite number, or grows, whatever the learning rate; or
            there is no memory for a single row.

    """
    run = _Run(task, settings, spent)
    if state is not None:
        run.restore(state)
    for epoch, batch in run.batches():
        progress = run.step(epoch, batch)
        yield progress
        if progress.last:
            return


def evaluated_weights(
    model: torch.nn.Module, state: State, settings: Settings
) -> dict[str, Tensor]:
    """Return the weights that a run evaluates in this state, under the model's names."""
    kind = "average" if settings.average else "weights"
    parameters = list(model.parameters())
    chosen = [state.tensors[f"{kind}.{i}"] for i in range(len(parameters))]
    return _named(model, parameters, chosen)


def _named(
    model: torch.nn.Module, parameters: list[torch.nn.Parameter], chosen: list[Tensor]
) -> dict[str, Tensor]:
    """Return copies of tensors, one a parameter, under the model's names, rounded as saved."""
    # One copy for each parameter, so that tied weights stay one tensor.
    copies = {id(p): tensor.half().float() for p, tensor in zip(parameters, chosen, strict=True)}
    state = model.state_dict(keep_vars=True)
    return {name: copies.get(id(p), p) for name, p in state.items()}  # buffers stay as they are


class _Run:
    """What changes from step to step, and how."""

    def __init__(self, task: "Training", settings: Settings, spent: float) -> None:
        self._task = task
        self._settings = settings
        self._model = task.model
        self._parameters = list(task.model.parameters())
        self._device = self._parameters[0].device
        self._optimizer = _optimizer(task.model, settings)
        self._average = _Average(task.model, settings.average)
        self._autocast = torch.autocast(
            self._device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"
        )
        self._budget = Budget(settings, task.steps_per_epoch, spent)
        self._watch = Watch(task.maximise, settings.patience)
        self._smoothed = Smoothed()
        self._rate = Rate()
        # Where a run is to repeat exactly, the number of threads must not change.
        self._threads = Threads(adapt=settings.max_time is not None and settings.threads is None)
        self._step, self._epoch, self._index = 0, 0, 0  # steps; epoch, and batches of it
        # Share of the budget that is gone before the first step.
        self._start = min(self._budget.fraction(0), 0.99)
        self._next_evaluation = self._start + 1 / settings.evaluations
        self._parts = 1  # into which a batch is cut, where memory is short
        self._recoveries = 0
        self._good = self._tensors(copy=True)  # to go back to
        self._model.train()

    def batches(self) -> Iterator[tuple[float, Any]]:
        """Yield batches without end, from where the run stands, each with the epoch after it."""
        while True:
            for batch in islice(self._task.batches(self._epoch), self._index, None):
                self._index += 1
                yield self._epoch + self._index / self._task.steps_per_epoch, batch
            self._epoch, self._index = self._epoch + 1, 0

    def step(self, epoch: float, batch: Any) -> Progress:
        """Learn from one batch, and evaluate where it is time to."""
        settings, budget = self._settings, self._budget
        self._threads.begin_step()
        done = (budget.fraction(self._step) - self._start) / (1 - self._start)
        learning_rate = settings.learning_rate * _schedule(done, settings) / 2**self._recoveries
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._step += 1
        loss, targets, notices = self._gradients(batch)
        norm = self._clip(targets)
        trouble = self._trouble(loss, norm)
        if trouble:
            notices.append(self._recover(trouble))
        else:
            self._optimizer.step()
            self._average.update(self._step)
        self._threads.end_step(targets)
        self._rate.add(targets)
        fraction = budget.fraction(self._step)
        scores, weights, best = None, None, False
        last = fraction >= 1
        if last or fraction >= self._next_evaluation:
            weights = self._average.weights()
            scores = self._evaluate(weights)
            if math.isfinite(scores["loss"]):
                best = self._watch.improves(scores[self._task.goal])
            else:
                notices.append(self._recover(f"the loss on the held-out part is {scores['loss']}"))
            last = last or self._watch.exhausted
            self._next_evaluation = fraction + 1 / settings.evaluations
            if settings.max_time:
                apart = budget.reserve / EVALUATION_SHARE / settings.max_time
                self._next_evaluation = max(self._next_evaluation, fraction + apart)
            self._good = self._tensors(copy=True)
        return Progress(
            step=self._step,
            epoch=epoch,
            fraction=min(fraction, 1.0),
            seconds=budget.elapsed(),
            loss=self._smoothed.value,
            targets=self._rate.targets,
            rate=self._rate.value,
            gradient_norm=norm.item(),
            learning_rate=learning_rate,
            notices=tuple(notices),
            state=self.state,
            scores=scores,
            best=best,
            weights=weights,
            last=last,
        )

    def _gradients(self, batch: Any) -> tuple[float, int, list[str]]:
        """Compute the gradients of a batch; return its mean loss, its targets, and notices.

        They are those of the summed loss. Where memory is short, the batch is cut into parts, whose
        gradients are added up.
        """
        notices: list[str] = []
        carried = self._task.carried
        while True:
            self._optimizer.zero_grad()
            total, targets = 0.0, 0
            try:
                for part in split(batch, self._parts):
                    with self._autocast:
                        loss, n = self._task.loss(part)
                    loss.backward()  # type: ignore[no-untyped-call]
                    total, targets = total + loss.item(), targets + n
            except (MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
            else:
                return total / targets, targets, notices
            if self._parts >= rows_of(batch):
                raise RnncliError(
                    f"there is not enough memory for a single row of step {self._step}",
                    "take a smaller model, --hidden-size, or shorter texts",
                )
            self._task.carried = carried
            self._parts *= 2
            gc.collect()
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            notices.append(
                f"step {self._step}: out of memory; from here on each batch is computed in "
                f"{self._parts} parts, and still learned from as one"
            )

    def _clip(self, targets: int) -> Tensor:
        """Make gradients those of the mean loss, of a norm within bounds; return the norm before.

        In one pass over the gradients, which for a large vocabulary counts.
        """
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients) / targets
        torch._foreach_mul_(gradients, (self._settings.clip / (norm + 1e-6)).clamp_max(1) / targets)
        return norm

    def _trouble(self, loss: float, norm: Tensor) -> str | None:
        """Say what is wrong with a step, if anything is; else note its loss."""
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        if not norm.isfinite():
            largest = {
                name: p.grad.abs().max().item()
                for name, p in self._model.named_parameters()
                if p.grad is not None
            }
            # Not a number is larger than any.
            name = max(largest, key=lambda n: math.inf if math.isnan(largest[n]) else largest[n])
            return f"the gradient of {name} is {largest[name]:.3g}"
        self._smoothed.add(loss)
        if self._smoothed.exploded:
            return f"the loss has grown from {self._smoothed.lowest:.3f} to {loss:.3f}"
        return None

    def _recover(self, trouble: str) -> str:
        """Go back to the last good state with half the learning rate; return what was done."""
        where = f"step {self._step}, batch {self._index} of epoch {self._epoch + 1}"
        if self._recoveries == MAX_RECOVERIES:
            lower = self._settings.learning_rate / 2 ** (MAX_RECOVERIES + 1)
            raise RnncliError(
                f"training diverged at {where}: {trouble}, after {MAX_RECOVERIES} times back with "
                "half the learning rate",
                f"try a lower rate, --learning-rate {lower:.1g}, or look at the data",
            )
        self._recoveries += 1
        self._set_tensors(self._good)
        self._smoothed = Smoothed()
        return f"{where}: {trouble}; back to the last good state with half the learning rate"

    def _evaluate(self, weights: dict[str, Tensor]) -> dict[str, float]:
        """Score the model with these weights, and note how long it took."""
        began = time.monotonic()
        current = {name: tensor.clone() for name, tensor in self._model.state_dict().items()}
        self._model.load_state_dict(weights)
        self._model.eval()
        try:
            with torch.inference_mode(), self._autocast:
                return self._task.evaluate()
        finally:
            self._model.load_state_dict(current)
            self._model.train()
            self._budget.reserve = time.monotonic() - began  # for the last one
            self._rate.pause(self._budget.reserve)

    def state(self) -> State:
        """Return all that changes; tensors are those in use, not copies."""
        numbers = {
            "step": self._step,
            "epoch": self._epoch,
            "index": self._index,
            "seconds": self._budget.elapsed(),
            "reserve": self._budget.reserve,
            "start": self._start,
            "next_evaluation": self._next_evaluation,
            "parts": self._parts,
            "recoveries": self._recoveries,
            "watch": {"best": self._watch.best, "since": self._watch.since},
            "smoothed": dict(vars(self._smoothed)),
        }
        random = {"random": torch.get_rng_state()}
        if self._device.type == "cuda":
            random["random.cuda"] = torch.cuda.get_rng_state(self._device)
        good = {f"{GOOD}{name}": tensor for name, tensor in self._good.items()}
        return State(self._tensors(copy=False) | good | random, numbers)

    def restore(self, state: State) -> None:
        """Set all that changes as it was.

        Raises:
            RnncliError: the state is not one of such a run.

        """
        try:
            self._restore(state)
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise RnncliError(
                f"the training that was saved does not fit this one: {error}",
                "start anew: remove checkpoint/state.safetensors of the model",
            ) from error

    def _restore(self, state: State) -> None:
        numbers = state.numbers
        self._step, self._epoch, self._index = (numbers[n] for n in ("step", "epoch", "index"))
        self._budget.spent += numbers["seconds"]
        self._budget.reserve = numbers["reserve"]
        self._start, self._next_evaluation = numbers["start"], numbers["next_evaluation"]
        self._parts, self._recoveries = numbers["parts"], numbers["recoveries"]
        vars(self._watch).update(numbers["watch"])
        vars(self._smoothed).update(numbers["smoothed"])
        good = {n.removeprefix(GOOD): t for n, t in state.tensors.items() if n.startswith(GOOD)}
        self._set_tensors(good)
        self._good = self._tensors(copy=True)
        self._set_tensors(state.tensors)
        torch.set_rng_state(state.tensors["random"])
        if self._device.type == "cuda" and "random.cuda" in state.tensors:
            torch.cuda.set_rng_state(state.tensors["random.cuda"], self._device)

    def _tensors(self, copy: bool) -> dict[str, Tensor]:
        """Return weights, their average, the optimizer's moments and the carried state."""
        found = {}
        for i, parameter in enumerate(self._parameters):
            found[f"weights.{i}"] = parameter.detach()
            found[f"average.{i}"] = self._average.mean[i]
            for name, moment in self._optimizer.state[parameter].items():
                found[f"optimizer.{i}.{name}"] = moment
        for i, layer in enumerate(self._task.carried):
            for j, part in enumerate(layer or ()):
                found[f"carried.{i}.{j}"] = part
        return {name: t.clone() for name, t in found.items()} if copy else found

    @torch.no_grad()
    def _set_tensors(self, tensors: dict[str, Tensor]) -> None:
        layers: dict[int, list[Tensor]] = {}
        for i, parameter in enumerate(self._parameters):
            parameter.copy_(tensors[f"weights.{i}"])
            self._average.mean[i].copy_(tensors[f"average.{i}"])
            self._optimizer.state[parameter].clear()
        for name, tensor in tensors.items():
            kind, *rest = name.split(".")
            if kind == "optimizer":
                # Not on the device but for the moments: where fused AdamW wants them.
                moments = self._optimizer.state[self._parameters[int(rest[0])]]
                moments[rest[1]] = tensor.clone().to(self._device)
            elif kind == "carried":
                layers.setdefault(int(rest[0]), []).append(tensor.clone().to(self._device))
        self._task.carried = [
            tuple(layers[i]) if i in layers else None for i in range(len(self._task.carried))
        ]


def _is_out_of_memory(error: Exception) -> bool:
    """Return whether memory ran out; PyTorch's allocator on a CPU raises a bare RuntimeError."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "not enough memory" in str(error) or "Cannot allocate memory" in str(error)


def measure_rate(task: "Training", settings: Settings, seconds: float) -> float:
    """Return how many targets a second the task's network learns from, after some seconds."""
    trial = replace(
        settings,
        max_time=None,
        epochs=None,
        steps=10**6,
        threads=settings.threads or torch.get_num_threads(),
    )
    task.model.to(settings.device)
    began, targets = 0.0, 0.0
    for progress in fit(task, trial):
        now = time.monotonic()
        if progress.step == WARM_UP:  # what is prepared once has been
            began, targets = now, progress.targets
        elif progress.step > WARM_UP and now - began >= seconds:
            break
    return (progress.targets - targets) / (now - began)


def _optimizer(model: torch.nn.Module, settings: Settings) -> torch.optim.AdamW:
    """Decay matrices only: biases and scales have nothing to regularise."""
    parameters = list(model.parameters())
    matrices = [p for p in parameters if p.dim() > 1]
    others = [p for p in parameters if p.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.99), fused=True)


def _schedule(fraction: float, settings: Settings) -> float:
    if fraction < settings.warmup:
        return max(fraction / settings.warmup, 0.02)
    after = (fraction - settings.warmup) / (1 - settings.warmup)
    return 0.5 * (1 + math.cos(math.pi * min(after, 1.0)))


class _Average:
    """Average the weights over a share of the steps so far, always the latest."""

    def __init__(self, model: torch.nn.Module, share: float) -> None:
        self._model = model
        self._share = share
        self.mean = [p.detach().clone() for p in model.parameters()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        span = self._share * step / AVERAGE_EVERY  # updates that count
        if self._share and (step % AVERAGE_EVERY == 0 or span < 1):
            weight = 1 / max(span, 1.0)
            torch._foreach_lerp_(self.mean, list(self._model.parameters()), weight)

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the averaged weights, under the model's names."""
        parameters = list(self._model.parameters())
        chosen = self.mean if self._share else [p.detach() for p in parameters]
        return _named(self._model, parameters, chosen)
