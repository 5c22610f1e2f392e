"""The gradient of a recurrent network's loss by the lag of the input.

Where gradients vanish, inputs of long ago do not move the loss, and nothing is learned of them
(Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013, section 2).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, autograd, nn


def gradient_by_lag(embedding: nn.Module, loss: Callable[[], Tensor]) -> NDArray[np.float32]:
    """Return the gradient norm of the last step's loss for each lag of the input.

    ``loss`` runs a network on N sequences of T tokens, which it reads through ``embedding``, and
    returns the summed loss of their last steps. Parameters get no gradient that they keep.

    Returns:
        For each lag (T,) the norm of the gradient with regard to the embedded input so many steps
        before the last, in the mean of the sequences, over that at the last input: the first is 1.

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
