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


def fit(task: "Training", settings: Settings) -> Iterator[Progress]:
    """Train the task's model and yield the progress after each step.

    AdamW (Loshchilov and Hutter 2019); the learning rate rises over ``warmup`` and falls to zero
    on a cosine over the budget, which is whichever of time, epochs and steps ends first; gradients
    are clipped by their norm (Pascanu et al. 2013, section 3.2). What is evaluated, and kept, is an
    average of the weights over the last ``average`` of the steps so far (Shamir and Zhang 2013,
    section 5: polynomial-decay averaging).

    Raises:
        RnncliError: the loss is no longer a finite number.

    """
    budget = _Budget(settings, task.steps_per_epoch)
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
    model.train()
    for step in count(1):
        epoch, batch = next(batches)
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
    """Return ``bfloat16`` where the processor computes with it, else ``float32``."""
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


class _Budget:
    """Measure how much of the budget is used: the largest share of time, epochs and steps."""

    def __init__(self, settings: Settings, steps_per_epoch: int) -> None:
        self._began = time.monotonic()
        self._max_time = settings.max_time
        limits = [settings.steps or math.inf, (settings.epochs or math.inf) * steps_per_epoch]
        self._max_steps = max(min(limits), 1)

    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def fraction(self, step: int) -> float:
        return max(step / self._max_steps, self.elapsed() / (self._max_time or math.inf))


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
        # Equal counts: the later of two models has been annealed further.
        if self._sign * score >= self._best:
            self._best, self._since = self._sign * score, 0
            return True
        self._since += 1
        return False

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
