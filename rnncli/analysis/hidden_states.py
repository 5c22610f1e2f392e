"""The states of all units of a network as it reads texts, many at a time."""

from collections.abc import Sequence

import numpy as np

from rnncli.networks.cells_numpy import LayerState, Recurrent, StepHook
from rnncli.networks.encoder_numpy import Packing
from rnncli.networks.model_numpy import CausalLM, EncoderDecoder, TextNetwork
from rnncli.networks.numerics import Floats
from rnncli.text.batching import pad


def reading_layers(network: TextNetwork) -> list[Recurrent]:
    """Return the layers that read texts: those of the encoder, where there is one."""
    first, *_ = network.layers
    part = first.name.partition(".")[0]
    return [layer for layer in network.layers if layer.name.startswith(f"{part}.")]


def read_states(network: TextNetwork, texts: Sequence[Sequence[int]]) -> list[Floats]:
    """Read texts of T tokens, and return the states (T, U) of each after each token.

    The units are those of `reading_layers`, layer by layer: first those of h and, in an LSTM, then
    those of c.
    """
    tokens, lengths = pad(texts)
    packing = Packing(lengths)
    layers = reading_layers(network)
    states = [
        np.empty((int(lengths.sum()), layer.hidden_size), np.float32)
        for layer in layers
        for _ in layer.empty_state(0)
    ]  # (P, H) each
    remaining = iter(states)
    for layer in layers:
        layer.step_hook = _recorder([next(remaining) for _ in layer.empty_state(0)])
    try:
        match network:
            case CausalLM():
                network.read(tokens, lengths)
            case EncoderDecoder():
                network.encode(tokens, lengths)
            case _:
                network.pool(tokens, lengths)
    finally:
        for layer in layers:
            layer.step_hook = None
    padded = packing.unpack(np.concatenate(states, 1))  # (N, T, U)
    return [rows[:length] for rows, length in zip(padded, lengths.tolist(), strict=True)]


def _recorder(arrays: Sequence[Floats]) -> StepHook:
    """Return a hook that keeps the states of a layer in arrays (P, H)."""

    def keep(span: slice, state: LayerState) -> None:
        for array, part in zip(arrays, state, strict=True):
            array[span] = part

    return keep
