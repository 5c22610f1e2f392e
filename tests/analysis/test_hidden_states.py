"""The states of units, read many texts at a time, against traces of one text."""

from typing import Any

import numpy as np
import pytest
import torch
from architectures import KINDS, in_numpy, randomise, small_architecture

from rnncli.analysis.gradients import load_network
from rnncli.analysis.hidden_states import read_states, reading_layers
from rnncli.analysis.traces import record
from rnncli.config import CELLS
from rnncli.text.batching import pad


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", KINDS)
def test_states_are_those_of_a_trace(kind: str, cell: str) -> None:
    model = load_network(small_architecture(kind, cell, layers=2), None)
    torch.manual_seed(2)
    randomise(model)
    network: Any = in_numpy(model)
    texts = [[4, 5], [6, 7, 8, 9], [5, 4, 6]]
    read = {"classify": "pool", "generate": "read", "translate": "encode"}[kind]
    for text, states in zip(texts, read_states(network, texts), strict=True):
        with record(reading_layers(network)) as traces:
            getattr(network, read)(*pad([text]))
        expected = [values for trace in traces for values in trace.states.values()]
        np.testing.assert_allclose(states, np.concatenate(expected, 1), atol=1e-5)
        assert states.shape[0] == len(text)
