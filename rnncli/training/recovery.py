"""The way back from divergence: the last good weights, with half the learning rate."""

import math
from typing import NoReturn

import torch
from torch import Tensor, nn

from rnncli.errors import RnncliError
from rnncli.training.contract import Carry, StateDict
from rnncli.training.optimizer import Optimizer

MAX_ROLLBACKS = 3  # each halves the learning rate; what diverges at an eighth of it will not learn
SMOOTHED_STEPS = 50  # over which the training loss is averaged
CARRY = "carry."  # prefix of the tensors of a carried state


class LossTracker:
    """Smooth the training loss: an exact mean at first, then exponential."""

    def __init__(self) -> None:
        self.value = 0.0
        self.lowest = math.inf  # since the mean is over enough steps
        self._count = 0

    def add(self, loss: float) -> None:
        """Note the loss of a step."""
        self._count = min(self._count + 1, SMOOTHED_STEPS)
        self.value += (loss - self.value) / self._count
        if self._count == SMOOTHED_STEPS:
            self.lowest = min(self.lowest, self.value)

    @property
    def exploded(self) -> bool:
        """Return whether the loss is far above its lowest, by more than any corpus varies."""
        return self.value > 2 * self.lowest + 1

    def reset(self) -> None:
        """Forget all losses."""
        self.value, self.lowest, self._count = 0.0, math.inf, 0

    def state_dict(self) -> StateDict:
        """Return the numbers to be saved."""
        return {"value": self.value, "count": self._count, "lowest": self.lowest}

    def load_state_dict(self, state: StateDict) -> None:
        """Take over saved numbers."""
        self.value, self.lowest = float(state["value"]), float(state["lowest"])
        self._count = int(state["count"])


class Rollback:
    """Go back to the last good weights, with half the learning rate, when training diverges."""

    def __init__(self, optimizer: Optimizer, learning_rate: float) -> None:
        self._optimizer = optimizer
        self._learning_rate = learning_rate
        self._count = 0
        self._last_good: StateDict = {}
        self._last_good_carry: Carry = ()
        self.mark_good(())

    def mark_good(self, carry: Carry) -> None:
        """Remember the present weights as those to go back to."""
        self._last_good = {n: t.clone() for n, t in self._optimizer.tensors().items()}
        self._last_good_carry = tuple(tuple(x.clone() for x in layer) for layer in carry)

    @property
    def scale(self) -> float:
        """Return the share of the learning rate that is left."""
        return 0.5**self._count

    def apply(self, trouble: str, place: str) -> tuple[Carry, str]:
        """Go back; return the carried state of then, and what was done.

        Raises:
            RnncliError: it was done too often already.

        """
        if self._count == MAX_ROLLBACKS:
            self._give_up(trouble, place)
        self._count += 1
        self._optimizer.load_state_dict(self._last_good)
        notice = f"{place}: {trouble}; back to the last good state with half the learning rate"
        return self._last_good_carry, notice

    def _give_up(self, trouble: str, place: str) -> NoReturn:
        rate = self._learning_rate / 2 ** (MAX_ROLLBACKS + 1)
        raise RnncliError(
            f"training diverged at {place}: {trouble}, after {MAX_ROLLBACKS} restarts from "
            "the last good state, each with half the learning rate",
            f"--learning-rate {rate:.1g}",
        )

    def state_dict(self) -> StateDict:
        """Return how often it was done, and the state to go back to."""
        return {"count": self._count, **self._last_good, **carry_tensors(self._last_good_carry)}

    def load_state_dict(self, state: StateDict) -> None:
        """Take over how often it was done, and the state to go back to."""
        self._count = int(state["count"])
        self._last_good = {n: t for n, t in state.items() if not n.startswith(CARRY)}
        self._last_good_carry = carry_of(state, self._optimizer.device)


def carry_tensors(carry: Carry) -> dict[str, Tensor]:
    """Return a carried state as named tensors."""
    return {
        f"{CARRY}{i}.{j}": tensor for i, layer in enumerate(carry) for j, tensor in enumerate(layer)
    }


def carry_of(state: StateDict, device: torch.device) -> Carry:
    """Return the carried state among the tensors of a part of the run."""
    layers: dict[int, dict[int, Tensor]] = {}
    for name, tensor in state.items():
        if name.startswith(CARRY) and isinstance(tensor, Tensor):
            i, j = map(int, name.removeprefix(CARRY).split("."))
            layers.setdefault(i, {})[j] = tensor.to(device)
    return tuple(tuple(layers[i][j] for j in sorted(layers[i])) for i in sorted(layers))


def find_divergence(loss: float, norm: Tensor, model: nn.Module) -> str | None:
    """Name what is not finite in a step: its loss, or the gradient of a parameter."""
    if not math.isfinite(loss):
        return f"the loss is {loss}"
    if norm.isfinite():
        return None
    largest = {
        name: p.grad.abs().max().item()
        for name, p in model.named_parameters()
        if p.grad is not None
    }
    # Not a number is larger than any.
    name = max(largest, key=lambda n: math.inf if math.isnan(largest[n]) else largest[n])
    return f"the gradient of {name} is {largest[name]:.3g}"
