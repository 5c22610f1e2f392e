"""How weights learn from gradients: AdamW, its learning rate, and the average of the weights."""

import math

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from rnncli.config import Settings
from rnncli.training.contract import StateDict

BETAS = (0.9, 0.99)  # a shorter memory of squared gradients than usual: runs are short
EPSILON = 1e-8  # PyTorch's
LOWEST_RATE = 0.02  # share of the learning rate with which the first step is taken
AVERAGE_EVERY = 5  # steps; often enough for an average, and no cost to speak of


class Optimizer:
    """Update the weights of a model, and keep an average of them.

    AdamW (Loshchilov and Hutter 2019); the learning rate rises linearly over ``warmup`` and falls
    to zero on a cosine; gradients are clipped by their norm (Pascanu et al. 2013, section 3.2).
    """

    def __init__(self, model: nn.Module, settings: Settings) -> None:
        self._settings = settings
        self._model = model
        self.parameters = list(model.parameters())
        self.device = self.parameters[0].device
        self._moments = [_new_moments(p) for p in self.parameters]
        self._learning_rate = settings.learning_rate
        self.average = WeightAverage(self.parameters, settings.average)

    def set_learning_rate(self, fraction: float, scale: float) -> float:
        """Set, and return, ``scale`` times the learning rate at this share of the training."""
        rate = self._settings.learning_rate * schedule(fraction, self._settings.warmup) * scale
        self._learning_rate = rate
        return rate

    def zero_grad(self) -> None:
        """Forget the gradients of the step before."""
        for parameter in self.parameters:
            parameter.grad = None

    def clip(self, targets: int) -> Tensor:
        """Make gradients of the summed loss those of the mean, clip them, and return their norm.

        In one pass over the gradients, which for a large vocabulary counts.
        """
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients) / targets
        scale = (self._settings.clip / (norm + 1e-6)).clamp_max(1) / targets
        torch._foreach_mul_(gradients, scale)
        return norm

    def step(self, step: int) -> None:
        """Update the weights with their gradients, and the average with the weights."""
        settings = self._settings
        for is_matrix in (True, False):
            rows = [
                i
                for i, p in enumerate(self.parameters)
                if (p.dim() > 1) is is_matrix and p.grad is not None
            ]
            self._adamw(
                rows,
                # Biases and scales are not decayed: they have nothing to regularise.
                weight_decay=settings.weight_decay if is_matrix else 0.0,
            )
        self.average.update(step)

    @torch.no_grad()
    def _adamw(self, rows: list[int], weight_decay: float) -> None:
        """Update these parameters.

        By the function, since the class imports PyTorch's compiler, which takes seconds.
        """
        moments = [self._moments[i] for i in rows]
        adamw(
            [self.parameters[i] for i in rows],
            [gradient for i in rows if (gradient := self.parameters[i].grad) is not None],
            [m["exp_avg"] for m in moments],
            [m["exp_avg_sq"] for m in moments],
            [],
            [m["step"] for m in moments],
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=self._learning_rate,
            weight_decay=weight_decay,
            eps=EPSILON,
            maximize=False,
        )

    def averaged_weights(self) -> dict[str, Tensor]:
        """Return a copy of the weights that are evaluated, under the model's names."""
        return named_weights(self._model, self.average.weights())

    def tensors(self) -> dict[str, Tensor]:
        """Return weights, their average and the moments of AdamW; no copies."""
        tensors = {}
        for i, parameter in enumerate(self.parameters):
            tensors[f"weights.{i}"] = parameter.detach()
            tensors[f"average.{i}"] = self.average.mean[i]
            for name, moment in self._moments[i].items():
                tensors[f"moments.{i}.{name}"] = moment
        return tensors

    def state_dict(self) -> StateDict:
        """Return the same, to be saved."""
        return dict(self.tensors())

    @torch.no_grad()
    def load_state_dict(self, state: StateDict) -> None:
        """Copy weights, average and moments from a state."""
        tensors = {name: tensor for name, tensor in state.items() if isinstance(tensor, Tensor)}
        for i, parameter in enumerate(self.parameters):
            parameter.copy_(tensors[f"weights.{i}"])
            self.average.mean[i].copy_(tensors[f"average.{i}"])
            for name, moment in self._moments[i].items():
                moment.copy_(tensors[f"moments.{i}.{name}"])


class WeightAverage:
    """Average the weights over the latest ``share`` of the steps so far.

    Shamir and Zhang 2013, section 5: polynomial-decay averaging.
    """

    def __init__(self, parameters: list[nn.Parameter], share: float) -> None:
        self._parameters: list[Tensor] = list(parameters)
        self._share = share
        self.mean = [p.detach().clone() for p in parameters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the weights after a step into the average."""
        span = self._share * step / AVERAGE_EVERY  # updates that count
        if self._share and (step % AVERAGE_EVERY == 0 or span < 1):
            torch._foreach_lerp_(self.mean, self._parameters, 1 / max(span, 1.0))

    def weights(self) -> list[Tensor]:
        """Return the averaged weights or, without averaging, the latest."""
        return self.mean if self._share else [p.detach() for p in self._parameters]


def _new_moments(parameter: nn.Parameter) -> dict[str, Tensor]:
    """Return what AdamW remembers of the gradients of a parameter, before the first step."""
    return {
        "step": torch.zeros((), device=parameter.device),
        "exp_avg": torch.zeros_like(parameter, requires_grad=False),
        "exp_avg_sq": torch.zeros_like(parameter, requires_grad=False),
    }


def schedule(fraction: float, warmup: float) -> float:
    """Return the share of the highest learning rate at a share of the training."""
    if fraction < warmup:
        return max(fraction / warmup, LOWEST_RATE)
    after = (fraction - warmup) / (1 - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(after, 1.0)))


def named_weights(model: nn.Module, weights: list[Tensor]) -> dict[str, Tensor]:
    """Return copies of weights, one a parameter, under the model's names, rounded as saved."""
    # One copy for each parameter, so that tied weights stay one tensor.
    copies = {
        id(p): tensor.half().float() for p, tensor in zip(model.parameters(), weights, strict=True)
    }
    state = model.state_dict(keep_vars=True)
    return {name: copies.get(id(p), p) for name, p in state.items()}  # buffers stay as they are
