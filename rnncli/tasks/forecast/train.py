"""Train a forecaster on the windows of series, and evaluate it on what is held out."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor, nn

from rnncli.config import Settings
from rnncli.networks.architecture import Architecture
from rnncli.networks.embedding_torch import DropoutRates
from rnncli.networks.forecaster_torch import SequenceForecaster
from rnncli.networks.losses import quantile_loss
from rnncli.networks.model_torch import build
from rnncli.networks.numerics import Floats
from rnncli.tasks.forecast.quantiles import LEVELS, WEIGHT, WEIGHTS, combine, pinball
from rnncli.tasks.forecast.references import Reference
from rnncli.tasks.forecast.windows import WindowBatch, Windows, frames, thin
from rnncli.training.contract import Carry, Evaluation
from rnncli.training.parallel import Workers

EVALUATED_AT_ONCE = 256  # windows
HELD_OUT_WINDOWS = 1_000  # that are evaluated: more have no other score, but take longer


class ForecasterTraining:
    """Train a network to forecast the quantiles of what a reference is wrong by."""

    def __init__(
        self, windows: Windows, reference: Reference, settings: Settings, architecture: Architecture
    ) -> None:
        self._windows, self._reference, self._past = windows, reference, windows.past()
        self._origins = thin(windows.held_out(), HELD_OUT_WINDOWS)
        self.held_out = windows.batch(self._origins)
        self._lookback = windows.reading.lookback
        self.settings, self._segment = settings, architecture.front.size  # type: ignore[union-attr]
        self.steps_per_epoch = -(-len(self._past) // settings.batch_size)
        model = build(architecture, DropoutRates(settings.dropout, settings.embedding_dropout))
        assert isinstance(model, SequenceForecaster)
        nn.init.zeros_(model.head.output.weight)  # to begin with, it adds nothing
        nn.init.zeros_(model.head.output.bias)
        self.model = model

    def __getstate__(self) -> dict[str, Any]:
        """Return what the loss needs, for another process."""
        return {name: vars(self)[name] for name in ("model", "settings", "_segment", "_lookback")}

    def batches(self, epoch: int) -> Iterator[WindowBatch]:
        """Yield the windows of an epoch in a random order, and what the reference is wrong by."""
        order = np.random.default_rng([self.settings.seed, epoch]).permutation(self._past)
        for start in range(0, len(order), self.settings.batch_size):
            batch = self._windows.batch(order[start : start + self.settings.batch_size])
            yield replace(batch, targets=batch.targets - self._reference(batch.inputs))

    def loss(self, batch: WindowBatch, carry: Carry) -> tuple[Tensor, int, Carry]:
        """Return the summed loss of a batch, and the number of its targets."""
        quantiles = self._forecast(batch.inputs)
        tensors = self.model.tensor(batch.targets), self.model.tensor(batch.is_target)
        return (*quantile_loss(quantiles, *tensors, LEVELS), carry)

    def evaluate(self, workers: Workers) -> Evaluation:
        """Choose the share of the network's correction, and score the sum on what is held out."""
        batch, restore = self.held_out, self._windows.restore
        starts = range(0, len(batch), EVALUATED_AT_ONCE)
        parts = [batch.inputs[start : start + EVALUATED_AT_ONCE] for start in starts]
        outputs = workers.map(lambda part: self._forecast(part).float().cpu().numpy(), parts)
        network = np.sort(np.concatenate(outputs), -1)
        errors = {}
        for weight in WEIGHTS:
            quantiles = combine(self._reference(batch.inputs), network, weight)
            forecasts = restore(quantiles[..., 1], self._origins)
            mase = float(self._windows.scaled_errors(forecasts, self._origins).mean())
            errors[weight] = mase, pinball(quantiles, batch.targets, batch.is_target)
        weight = min(errors, key=lambda weight: errors[weight])
        mase, loss = errors[weight]
        return Evaluation({"mase": mase, WEIGHT: weight, "loss": loss}, {WEIGHT: weight})

    def _forecast(self, inputs: Floats) -> Tensor:
        segments: Tensor = self.model.tensor(frames(inputs, self._lookback, self._segment))
        return self.model.forecast(segments)
