"""Train a forecaster on the windows of series, and evaluate it on what is held out."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
from torch import Tensor

from rnncli.config import Settings
from rnncli.networks.architecture import Architecture
from rnncli.networks.embedding_torch import DropoutRates
from rnncli.networks.forecaster_torch import SequenceForecaster
from rnncli.networks.losses import quantile_loss
from rnncli.networks.model_torch import build
from rnncli.networks.numerics import Floats, Ints
from rnncli.tasks.forecast.quantiles import LEVELS, pinball, tune
from rnncli.tasks.forecast.windows import WindowBatch, Windows, frames
from rnncli.training.contract import Carry, Evaluation
from rnncli.training.parallel import Workers

EVALUATED_AT_ONCE = 256  # windows


class ForecasterTraining:
    """Train a network to forecast quantiles, mixed with a reference."""

    def __init__(
        self,
        train: tuple[Windows, Ints],
        held_out: tuple[Windows, Ints],
        reference: Floats,  # (N, H) forecasts of what is held out
        independent: float,  # origins among these whose targets do not overlap
        naive_error: float,  # of the seasonal naive forecast in the past, one step ahead
        settings: Settings,
        architecture: Architecture,
    ) -> None:
        self._windows, self._origins = train
        self.held_out = held_out[0].batch(held_out[1])
        self._reference, self._naive_error = reference, naive_error
        self._independent = independent
        self.settings, self._segment = settings, architecture.front.size  # type: ignore[union-attr]
        self.steps_per_epoch = -(-len(self._origins) // settings.batch_size)
        model = build(architecture, DropoutRates(settings.dropout, settings.embedding_dropout))
        assert isinstance(model, SequenceForecaster)
        self.model = model

    def __getstate__(self) -> dict[str, Any]:
        """Return what the loss needs, for another process."""
        return {name: getattr(self, name) for name in ("model", "settings", "_segment")}

    def batches(self, epoch: int) -> Iterator[WindowBatch]:
        """Yield the windows of an epoch in a random order."""
        order = np.random.default_rng([self.settings.seed, epoch]).permutation(self._origins)
        for start in range(0, len(order), self.settings.batch_size):
            yield self._windows.batch(order[start : start + self.settings.batch_size])

    def loss(self, batch: WindowBatch, carry: Carry) -> tuple[Tensor, int, Carry]:
        """Return the summed loss of a batch, and the number of known targets."""
        quantiles = self._forecast(batch.inputs)
        tensors = self.model.tensor(batch.targets), self.model.tensor(batch.known)
        return (*quantile_loss(quantiles, *tensors, LEVELS), carry)

    def evaluate(self, workers: Workers) -> Evaluation:
        """Mix the network with the reference, and score the mixture on what is held out."""
        starts = range(0, len(self.held_out), EVALUATED_AT_ONCE)
        parts = [self.held_out.inputs[start : start + EVALUATED_AT_ONCE] for start in starts]
        outputs = workers.map(lambda part: self._forecast(part).float().cpu().numpy(), parts)
        network = np.sort(np.concatenate(outputs), -1)
        targets, known = self.held_out.targets, self.held_out.known
        mixture = tune(network, self._reference, targets, known, self._independent)
        quantiles = mixture.mix(network, self._reference)
        error = float(np.abs(quantiles[..., 1] - targets)[known].mean())
        scores = {
            "scaled_error": error / self._naive_error,  # of all series together, unlike the MASE
            "reference_weight": mixture.reference_weight,
            "loss": pinball(quantiles, targets, known),
        }
        return Evaluation(scores, asdict(mixture))

    def _forecast(self, inputs: Floats) -> Tensor:
        segments: Tensor = self.model.tensor(np.ascontiguousarray(frames(inputs, self._segment)))
        return self.model.forecast(segments)
