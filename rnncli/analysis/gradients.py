"""The gradient of a recurrent network by the lag of the input.

Where gradients vanish, nothing is learned from earlier inputs (Bengio, Simard and Frasconi 1994;
Pascanu, Mikolov and Bengio 2013, section 2).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, autograd, nn
from torch.nn import functional as F

from rnncli.networks.architecture import Architecture, parameters
from rnncli.networks.ctc_torch import FrameLabeller
from rnncli.networks.forecaster_torch import SequenceForecaster
from rnncli.networks.heads import Vocabulary
from rnncli.networks.model_torch import CausalLM, EncoderDecoder, SequenceClassifier, build
from rnncli.networks.numerics import Floats

SEED = 0  # of the weights of an untrained network

Network = SequenceClassifier | CausalLM | EncoderDecoder | FrameLabeller | SequenceForecaster


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


def load_network(architecture: Architecture, weights: Mapping[str, Floats] | None) -> Network:
    """Build a network in PyTorch with these weights or, without any, as it is before training.

    The random numbers of PyTorch go on as if nothing had been drawn.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = build(architecture).eval()
    if weights is None:
        return network
    tensors = {name: torch.from_numpy(np.array(weights[name])) for name in parameters(architecture)}
    if isinstance(architecture.head, Vocabulary) and architecture.head.tied:
        tensors["decoder.output.weight"] = tensors["decoder.embedding.weight"]
    network.load_state_dict(tensors)
    return network


def network_gradient_by_lag(network: Network, sequences: NDArray[Any]) -> NDArray[np.float32]:
    """Compute the same for a network that reads tokens (N, T + 1) or frames (N, T + 1, F).

    The last step of a decoder is its prediction of the last token. That of an encoder is the state
    of its forward direction, of which a random direction is taken; it reads the first T tokens.
    """
    reads_frames = isinstance(network, FrameLabeller | SequenceForecaster)
    ids = torch.from_numpy(sequences.astype(np.float32 if reads_frames else np.int64))
    inputs, targets = ids[:, :-1], ids[:, -1]
    if isinstance(network, CausalLM):
        decoder = network.decoder

        def loss() -> Tensor:
            features, _ = decoder.features(inputs, [None] * len(decoder.layers))
            return F.cross_entropy(decoder.output(features[:, -1]), targets, reduction="sum")

        return gradient_by_lag(decoder.embedding, loss)
    encoder: Any = network.encoder
    size = encoder.layers[-1][0].hidden_size
    lengths = torch.full((len(ids),), inputs.shape[1])
    signs = torch.randn(len(ids), size, generator=torch.Generator().manual_seed(SEED))

    def last_state() -> Tensor:
        _, last = encoder(inputs, lengths)  # (N, D), the forward direction first
        total: Tensor = (last[:, :size] * signs.to(last.dtype)).sum()
        return total

    return gradient_by_lag(encoder.embedding, last_state)
