"""The training loop: a generator that knows no task, draws nothing and saves nothing.

Whoever runs it decides what to do with each ``Progress``; leaving the ``for`` stops training.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rnncli.config import Device, Precision, Settings
from rnncli.errors import ConfigError, RnncliError

if TYPE_CHECKING:  # tasks stand above: the loop knows their interface alone
    from rnncli.tasks.base import Training

AVERAGE_EVERY = 5  # steps; often enough for an average, and no cost to speak of
FIRST_LOSS_SPAN = 50  # steps over which the displayed training loss is smoothed


@dataclass(frozen=True)
class Progress:
    """Tell where training stands after one step."""

    step: int
    epoch: float
    fraction: float  # of the budget, from 0 to 1
    seconds: float  # since training began
    loss: float  # nats a target, smoothed over some steps
    rate: float  # targets a second
    gradient_norm: float  # before clipping
    learning_rate: float
    scores: dict[str, float] | None = None  # on the held-out part, where it was just evaluated
    best: bool = False  # these scores are the best so far
    weights: dict[str, Tensor] | None = None  # that gave these scores
    last: bool = False  # nothing follows


def fit(task: "Training", settings: Settings, spent: float = 0.0) -> Iterator[Progress]:
    """Train the task's model and yield the progress after each step.

    ``spent`` is how many seconds of ``max_time`` are gone already, with reading and encoding.

    AdamW (Loshchilov and Hutter 2019); the learning rate rises over ``warmup`` and falls to zero
    on a cosine over the budget, which is whichever of time, epochs and steps ends first; gradients
    are clipped by their norm (Pascanu et al. 2013, section 3.2). What is evaluated, and kept, is an
    average of the weights over the last ``average`` of the steps so far (Shamir and Zhang 2013,
    section 5: polynomial-decay averaging).

    Raises:
        RnncliError: the loss is no longer a finite number.

    """
    budget = _Budget(settings, task.steps_per_epoch, spent)
    model = task.model
    device = next(model.parameters()).device
    optimizer = _optimizer(model, settings)
    average = _Average(model, settings.average)
    watch = _Watch(task.maximise, settings.patience)
    smoothed = _Smoothed()
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bfloat16")
    next_evaluation = 1 / settings.evaluations
    rate = _Rate()
    batches = _endless(task)
    # Where a run is to repeat exactly, the number of threads must not change.
    threads = _Threads(adapt=settings.max_time is not None and settings.threads is None)
    model.train()
    for step in count(1):
        epoch, batch = next(batches)
        threads.begin_step()
        learning_rate = settings.learning_rate * _schedule(budget.fraction(step - 1), settings)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        with autocast:
            loss, targets = task.loss(batch)
        optimizer.zero_grad()
        (loss / targets).backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        value = loss.item() / targets
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise RnncliError(
                f"training diverged at step {step}: loss {value}, gradient norm {norm.item()}",
                f"try a lower rate, --learning-rate {settings.learning_rate / 3:.1g}",
            )
        optimizer.step()
        average.update(step)
        threads.end_step(targets)
        smoothed.add(value)
        rate.add(targets)
        fraction = budget.fraction(step)
        scores, weights, best = None, None, False
        last = fraction >= 1
        if last or fraction >= next_evaluation:
            began = time.monotonic()
            weights = average.weights()
            scores = _evaluate(task, weights, autocast)
            best = watch.improves(scores[task.goal])
            last = last or watch.exhausted
            cost = time.monotonic() - began
            rate.pause(cost)
            budget.reserve = cost  # for the last one
            next_evaluation = fraction + 1 / settings.evaluations
            if settings.max_time:  # then no more than a tenth of it goes into evaluation
                next_evaluation = max(next_evaluation, fraction + 10 * cost / settings.max_time)
        yield Progress(
            step=step,
            epoch=epoch,
            fraction=min(fraction, 1.0),
            seconds=budget.elapsed(),
            loss=smoothed.value,
            rate=rate.value,
            gradient_norm=norm.item(),
            learning_rate=learning_rate,
            scores=scores,
            best=best,
            weights=weights,
            last=last,
        )
        if last:
            return


def choose_precision(settings: Settings, device: Device) -> Precision:
    """Return ``bfloat16`` where the processor computes with it fast, else ``float32``.

    Raises:
        ConfigError: bfloat16 was asked for and the processor has no layers in it.

    """
    supported = device == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if settings.precision == "bfloat16" and not supported:
        raise ConfigError(
            "this processor cannot run LSTM layers in bfloat16",
            "use --precision float32, or leave it out",
        )
    if settings.precision != "auto":
        return settings.precision
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if fast else "float32"


def choose_device(settings: Settings) -> Device:
    """Return ``cuda`` where there is one, else ``cpu``.

    Raises:
        ConfigError: a GPU was asked for and there is none.

    """
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("there is no CUDA device here", "use --device cpu, or leave it out")
    if settings.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return settings.device


def start(settings: Settings) -> None:
    """Set PyTorch up for one training run: threads, seed, fast handling of tiny numbers."""
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    torch.set_flush_denormal(True)  # gates saturate; denormal numbers would slow them down
    torch.manual_seed(settings.seed)


def _optimizer(model: torch.nn.Module, settings: Settings) -> torch.optim.AdamW:
    """Decay matrices only: biases and scales have nothing to regularise."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.99), fused=True)


def _schedule(fraction: float, settings: Settings) -> float:
    if fraction < settings.warmup:
        return max(fraction / settings.warmup, 0.02)
    after = (fraction - settings.warmup) / (1 - settings.warmup)
    return 0.5 * (1 + math.cos(math.pi * min(after, 1.0)))


def _endless(task: "Training") -> Iterator[tuple[float, Any]]:
    for epoch in count():
        for index, batch in enumerate(task.batches(epoch), 1):
            yield epoch + index / task.steps_per_epoch, batch


@torch.inference_mode()
def _evaluate(
    task: "Training", weights: dict[str, Tensor], autocast: torch.autocast
) -> dict[str, float]:
    model = task.model
    current = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.load_state_dict(weights)
    model.eval()
    try:
        with autocast:
            return task.evaluate()
    finally:
        model.load_state_dict(current)
        model.train()


class _Threads:
    """Compute with as many threads as is fastest at the moment.

    Threads that wait for one another at every time step lose more than they gain where other
    programs need the cores, or where the layers are small. So the choices are tried, a few steps
    each, and tried again from time to time.
    """

    TRIAL = 6  # steps; the first of them, in which threads wake up, does not count
    FIRST_PAUSE, LONGEST_PAUSE = 10.0, 60.0  # seconds between two rounds of trials

    def __init__(self, adapt: bool) -> None:
        most = torch.get_num_threads()
        self._choices = [most // 2**i for i in range(most.bit_length())] if adapt else [most]
        self._pause = self.FIRST_PAUSE
        self._next_round = time.monotonic()
        self._trials: list[int] = []  # choices still to be tried in this round
        self._speeds: dict[int, float] = {}  # targets a second
        self._steps, self._targets, self._seconds = 0, 0, 0.0
        self._began = 0.0

    def begin_step(self) -> None:
        if not self._trials and len(self._choices) > 1 and time.monotonic() >= self._next_round:
            self._trials = list(self._choices)
            self._speeds = {}
            torch.set_num_threads(self._trials[0])
        self._began = time.monotonic()

    def end_step(self, targets: int) -> None:
        if not self._trials:
            return
        if self._steps:
            self._targets += targets
            self._seconds += time.monotonic() - self._began
        self._steps += 1
        if self._steps == self.TRIAL:
            self._speeds[self._trials.pop(0)] = self._targets / self._seconds
            self._steps, self._targets, self._seconds = 0, 0, 0.0
            if self._trials:
                torch.set_num_threads(self._trials[0])
            else:
                torch.set_num_threads(max(self._speeds, key=lambda n: self._speeds[n]))
                self._next_round = time.monotonic() + self._pause
                self._pause = min(2 * self._pause, self.LONGEST_PAUSE)


class _Budget:
    """Measure how much of the budget is used: the largest share of time, epochs and steps."""

    def __init__(self, settings: Settings, steps_per_epoch: int, spent: float) -> None:
        self._began = time.monotonic()
        self._spent = spent
        self._max_time = (settings.max_time or math.inf) - spent
        self.reserve = 0.0  # seconds kept back for what comes after the last step
        limits = [settings.steps or math.inf, (settings.epochs or math.inf) * steps_per_epoch]
        self._max_steps = max(min(limits), 1)

    def elapsed(self) -> float:
        return self._spent + time.monotonic() - self._began

    def fraction(self, step: int) -> float:
        used = time.monotonic() - self._began + self.reserve
        return max(step / self._max_steps, used / max(self._max_time, 1e-9))


class _Average:
    """Average the weights over a share of the steps so far, always the latest."""

    def __init__(self, model: torch.nn.Module, share: float) -> None:
        self._model = model
        self._share = share
        self._mean = [p.detach().clone() for p in model.parameters()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        span = self._share * step / AVERAGE_EVERY  # updates that count
        if self._share and (step % AVERAGE_EVERY == 0 or span < 1):
            weight = 1 / max(span, 1.0)
            torch._foreach_lerp_(self._mean, list(self._model.parameters()), weight)

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the averaged weights, under the model's names."""
        parameters = list(self._model.parameters())
        chosen = self._mean if self._share else [p.detach() for p in parameters]
        # One copy for each parameter, so that tied weights stay one tensor.
        copies = {id(p): tensor.clone() for p, tensor in zip(parameters, chosen, strict=True)}
        state = self._model.state_dict(keep_vars=True)
        return {name: copies[id(p)] for name, p in state.items()}


class _Watch:
    """Remember the best score and how long ago it was."""

    def __init__(self, maximise: bool, patience: int) -> None:
        self._sign = 1 if maximise else -1
        self._patience = patience
        self._best = -math.inf
        self._since = 0

    def improves(self, score: float) -> bool:
        signed = self._sign * score
        self._since = 0 if signed > self._best else self._since + 1
        if signed < self._best:
            return False
        self._best = signed  # an equal one too: the later of two has been annealed further
        return True

    @property
    def exhausted(self) -> bool:
        return self._since >= self._patience


class _Smoothed:
    """Smooth the training loss for display: an exact mean at first, then exponential."""

    def __init__(self) -> None:
        self.value = 0.0
        self._count = 0

    def add(self, value: float) -> None:
        self._count = min(self._count + 1, FIRST_LOSS_SPAN)
        self.value += (value - self.value) / self._count


class _Rate:
    """Measure targets a second, time for evaluation left out."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._targets = 0

    def add(self, targets: int) -> None:
        self._targets += targets

    def pause(self, seconds: float) -> None:
        self._began += seconds

    @property
    def value(self) -> float:
        return self._targets / max(time.monotonic() - self._began, 1e-9)
