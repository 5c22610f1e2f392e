"""Architectures of a few units, and their weights, for the tests of all rooms."""

from typing import Any

import torch

from rnncli.networks.architecture import Architecture, Stack, Tokens
from rnncli.networks.heads import Classes, Vocabulary
from rnncli.networks.model_numpy import Network
from rnncli.networks.model_numpy import build as build_numpy
from rnncli.networks.on_device_torch import OnDevice

KINDS = ("classify", "generate", "translate")


def small_architecture(
    kind: str,
    cell: Any = "lstm",
    *,
    vocab_size: int = 11,
    target_size: int = 9,
    embedding_dim: int = 5,
    hidden_size: int = 6,
    encoder_size: int | None = None,
    layers: int = 1,
    bidirectional: bool = True,
    tied: bool = True,
    vectors_dim: int = 0,
    vectors_only: int = 0,
) -> Architecture:
    """Describe a small network of one of the three kinds; name what should differ."""
    front = Tokens(vocab_size, embedding_dim, vectors_dim, vectors_only)
    encoder = Stack(cell, layers, encoder_size or hidden_size, bidirectional)
    decoder = Stack(cell, layers, hidden_size)
    match kind:
        case "classify":
            return Architecture(front, encoder, None, Classes(3))
        case "generate":
            return Architecture(front, None, decoder, Vocabulary(vocab_size, tied))
        case _:
            return Architecture(front, encoder, decoder, Vocabulary(target_size, tied))


def randomise(model: OnDevice, std: float = 0.5) -> None:
    """Make all weights random, biases too, and such that half precision holds them."""
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=std)
        parameter.data = parameter.data.half().float()
    for vectors in model.buffers():
        vectors.random_(-127, 128)


def stored(model: OnDevice) -> dict[str, torch.Tensor]:
    """Return the parameters under the names by which they are stored, tied ones once."""
    named = dict(model.named_parameters())  # which has the name of the embedding, not the output
    return {
        name: weight.detach() for name, weight in {**named, **dict(model.named_buffers())}.items()
    }


def in_numpy(model: OnDevice) -> Network:
    """Return the same network in NumPy."""
    weights = {name: tensor.numpy() for name, tensor in stored(model).items()}
    return build_numpy(model.architecture, weights)
