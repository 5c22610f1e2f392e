"""L-BFGS: minimise a smooth convex function of many variables from its gradients alone.

Nocedal and Wright 2006, "Numerical Optimization", algorithms 7.4 and 7.5. PyTorch has one, whose
import takes seconds.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

HISTORY = 10  # pairs of steps and differences of gradients that approximate the curvature
# Of very many variables, fewer pairs are held, which makes more iterations: bounds memory.
HISTORY_BYTES, MIN_HISTORY = 1 << 28, 3
MIN_ITERATIONS = 5  # whatever the time: the first steps gain the most
DECREASE = 1e-4  # share of the predicted decrease that a step must reach (Armijo)
SHORTEST_STEP = 1e-4  # a shorter one gains less than rounding errors


@dataclass(frozen=True)
class _Pair:
    """A step, the difference that it made to the gradient, and their product."""

    step: Tensor  # (D,)
    difference: Tensor  # (D,)
    curvature: float


def minimise(
    function: Callable[[Tensor], tuple[float, Tensor]],
    start: Tensor,
    iterations: int,
    tolerance: float,
    is_over: Callable[[], bool] = lambda: False,
) -> Tensor:
    """Minimise a function of a vector (D,); ``function`` returns its value and gradient (D,).

    Ends early after a step that decreases the function by at most ``tolerance`` of its value, or
    where the time is over.
    """
    x = start
    value, gradient = function(x)
    pairs: deque[_Pair] = deque(maxlen=_history(start))
    for iteration in range(1, iterations + 1):
        direction = _direction(gradient, pairs)
        slope = float(direction @ gradient)
        size = 1.0
        next_x = x + direction
        next_value, next_gradient = function(next_x)
        # Steps are shortened alone: along each one the slope of a convex function rises.
        while next_value > value + DECREASE * size * slope:
            size /= 2
            if size < SHORTEST_STEP:
                return x
            next_x = torch.add(x, direction, alpha=size)
            next_value, next_gradient = function(next_x)
        step, difference = next_x - x, next_gradient - gradient
        curvature = float(step @ difference)
        if curvature > 0:  # but for rounding errors
            pairs.append(_Pair(step, difference, curvature))
        decrease = value - next_value
        x, value, gradient = next_x, next_value, next_gradient
        if decrease <= tolerance * abs(value) or (iteration >= MIN_ITERATIONS and is_over()):
            break
    return x


def _history(x: Tensor) -> int:
    """Return how many pairs are held of vectors like this one."""
    affordable = HISTORY_BYTES // (2 * x.element_size() * max(1, x.numel()))
    return min(HISTORY, max(MIN_HISTORY, affordable))


def _direction(gradient: Tensor, pairs: "deque[_Pair]") -> Tensor:
    """Return the direction (D,) of a step: the gradient over the curvature, downwards."""
    direction = -gradient
    if not pairs:
        return direction / max(1.0, float(gradient.abs().sum()))
    factors = []
    for pair in reversed(pairs):
        factors.append(float(pair.step @ direction) / pair.curvature)
        direction.add_(pair.difference, alpha=-factors[-1])
    last = pairs[-1]
    direction *= last.curvature / float(last.difference @ last.difference)
    for pair, factor in zip(pairs, reversed(factors), strict=True):
        change = factor - float(pair.difference @ direction) / pair.curvature
        direction.add_(pair.step, alpha=change)
    return direction
