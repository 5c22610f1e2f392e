"""The numbers of each evaluation: a line of metrics.jsonl, and of other loggers."""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain, islice
from typing import Any

import numpy as np
from torch import Tensor

from rnncli.analysis.saturation import CLOSED, OPEN
from rnncli.analysis.traces import record
from rnncli.networks.architecture import VECTORS
from rnncli.networks.ctc_numpy import FrameLabeller
from rnncli.networks.forecaster_numpy import SequenceForecaster
from rnncli.networks.model_numpy import CausalLM, EncoderDecoder, TextNetwork, build
from rnncli.text.batching import pad
from rnncli.training.contract import Prepared, Progress

SAMPLE_TOKENS = 100  # read to see the gates: some milliseconds, and H gates at each of them


class Metrics:
    """Collect the numbers of a training; ``texts`` are held out, and their beginning is read."""

    def __init__(
        self,
        prepared: Prepared[Any],
        texts: Iterable[str],
        log: Callable[[Mapping[str, float]], None],
    ) -> None:
        self._prepared = prepared
        self._log = log
        self._sample = _beginning(prepared, texts)
        self._largest_norm = 0.0  # of gradients, since the evaluation before

    def observe(self, progress: Progress) -> None:
        """Note the gradient of a step."""
        self._largest_norm = max(self._largest_norm, progress.gradient_norm)

    def line(self, progress: Progress) -> dict[str, float]:
        """Return the numbers of an evaluation, and log them."""
        assert progress.evaluation is not None and progress.weights is not None
        clip = self._prepared.settings.clip
        line: dict[str, float] = {
            "step": progress.step,
            "epoch": round(progress.epoch, 3),
            "seconds": round(progress.seconds, 1),
            "training_loss": round(progress.loss, 5),
            "learning_rate": progress.learning_rate,
            "gradient_norm": round(progress.gradient_norm, 5),
            "clipped_gradient_norm": round(min(progress.gradient_norm, clip), 5),
            "largest_gradient_norm": round(self._largest_norm, 5),
        }
        self._largest_norm = 0.0
        line |= {name: round(value, 5) for name, value in progress.evaluation.scores.items()}
        if self._sample:
            network = build(self._prepared.architecture, as_arrays(progress.weights))
            # These read no tokens.
            assert not isinstance(network, SequenceForecaster | FrameLabeller)
            line |= gate_saturation(network, self._sample)
        self._log(line)
        return line


def as_arrays(weights: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return weights as NumPy's arrays: in float32, but for the word vectors."""
    return {
        name: (tensor if name == VECTORS else tensor.float()).cpu().numpy()
        for name, tensor in weights.items()
    }


def gate_saturation(network: TextNetwork, tokens: list[int]) -> dict[str, float]:
    """Return the shares of closed and of open gates of each kind as a network reads a text.

    Of a cell without gates, the share of hidden states at which tanh is saturated. A translator
    reads the text with its encoder.
    """
    # The weights may have grown without bounds, which the loss tells.
    with record(network.layers) as traces, np.errstate(over="ignore", invalid="ignore"):
        batch = pad([tokens])
        match network:
            case CausalLM():
                network.read(*batch)
            case EncoderDecoder():
                network.encode(*batch)
            case _:
                network.pool(*batch)
    shares: dict[str, float] = {}
    for name in traces[0].gates:
        gates = np.concatenate([trace.gates[name].ravel() for trace in traces])
        shares[f"{name}_gate_closed"] = round(float((gates < CLOSED).mean()), 4)
        shares[f"{name}_gate_open"] = round(float((gates > OPEN).mean()), 4)
    if not shares:
        states = np.concatenate([np.abs(trace.hidden_states).ravel() for trace in traces])
        shares["hidden_state_saturated"] = round(float((states > OPEN).mean()), 4)
    return shares


def _beginning(prepared: Prepared[Any], texts: Iterable[str]) -> list[int]:
    """Return the first tokens of texts that the network knows; none if it reads numbers."""
    if prepared.tokenizer is None:
        return []
    tokens = chain.from_iterable(map(prepared.tokenizer.encode, texts))
    return list(islice(tokens, SAMPLE_TOKENS))
