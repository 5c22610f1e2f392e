"""The gradient of a recurrent network's loss by the lag of the input.

Where gradients vanish, nothing is learned from earlier inputs (Bengio, Simard and Frasconi 1994;
Pascanu, Mikolov and Bengio 2013, section 2).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, autograd, nn


def gradient_by_lag(embedding: nn.Module, loss: Callable[[], Tensor]) -> NDArray[np.float32]:
    """Compute the gradient norm of the last step's loss for each lag of the input.

    ``loss`` runs a network on N sequences of T tokens, which it reads through ``embedding``, and
    returns the summed loss of their last steps. The gradients of parameters stay unchanged.

    Returns:
        For each lag (T,) the norm of the gradient with respect to the embedded input, averaged over
        the sequences and divided by that of the last input: the first is 1.

    Raises:
        ValueError: the sequences were not read through the embedding, or the loss does not depend
            on the last input.

    """
    inputs: list[Tensor] = []

    def replace_by_leaf(module: nn.Module, args: tuple[object, ...], output: Tensor) -> Tensor:
        del module, args
        inputs.append(output.detach().requires_grad_())  # (N, T, E)
        return inputs[-1]

    handle = embedding.register_forward_hook(replace_by_leaf)
    try:
        value = loss()
    finally:
        handle.remove()
    if len(inputs) != 1:
        raise ValueError(f"the embedding was called {len(inputs)} times, not once")
    (gradient,) = autograd.grad(value, inputs)  # (N, T, E)
    norms = gradient.norm(dim=2).mean(0).flip(0)  # (T,)
    if not norms[0] > 0:
        raise ValueError("the loss does not depend on the last input")
    relative: NDArray[np.float32] = (norms / norms[0]).float().cpu().numpy()
    return relative
