"""The quantiles of a forecast: a network's, mixed with a reference, as wide as errors were."""

from dataclasses import dataclass

import numpy as np

from rnncli.networks.numerics import Floats
from rnncli.tasks.forecast.windows import Booleans

LEVELS = (0.1, 0.5, 0.9)
LEAST = 1e-6  # of a tuned value
STEPS = 20  # of the weight of the reference, between 0 and 1
WIDEST = 50.0
ADAPTATION = 0.1  # of the logarithm of a width, for each origin of which all values are outside


@dataclass(frozen=True)
class Mixture:
    """How a network and a reference are mixed; the names are those of tuned hyperparameters."""

    reference_weight: float  # 1: the reference alone
    lower_scale: float  # of the distance of the lower quantile from the median
    upper_scale: float

    def mix(self, network: Floats, reference: Floats) -> Floats:
        """Return quantiles (N, H, Q): those of the network, moved towards the reference (N, H)."""
        weight = np.float32(self.reference_weight if self.reference_weight > LEAST else 0)
        low, middle, high = np.moveaxis(network, -1, 0)
        mixed = (1 - weight) * middle + weight * reference
        lower = mixed - np.float32(self.lower_scale) * (middle - low)
        upper = mixed + np.float32(self.upper_scale) * (high - middle)
        return np.stack([lower, mixed, upper], -1)


def tune(
    network: Floats, reference: Floats, targets: Floats, known: Booleans, origins: float
) -> Mixture:
    """Return the mixture with the lowest absolute error, whose interval covers what it should.

    Each side is as wide as a tenth of the targets asks for, and a little wider where only a few
    ``origins`` have targets that do not overlap (split conformal prediction, Romano et al. 2019).
    ``network`` is (N, H, Q), all others are (N, H).
    """
    middle = network[..., 1]
    weights = np.linspace(0, 1, STEPS + 1, dtype=np.float32)
    errors = [
        float(np.abs(((1 - w) * middle + w * reference - targets)[known]).sum()) for w in weights
    ]
    weight = float(weights[int(np.argmin(errors))])
    error = (targets - (1 - np.float32(weight)) * middle - np.float32(weight) * reference)[known]
    level = min(LEVELS[-1] * (1 + 1 / origins), 1.0)
    scales = [
        float(np.quantile(side / np.maximum(width[known], np.float32(1e-4)), level))
        for side, width in ((-error, middle - network[..., 0]), (error, network[..., 2] - middle))
    ]
    lower, upper = (min(max(scale, LEAST), WIDEST) for scale in scales)
    return Mixture(max(weight, LEAST), lower, upper)


def adapt(quantiles: Floats, targets: Floats, known: Booleans) -> Floats:
    """Return factors (N + 1, 2) of the widths to both sides, from each of N origins in a row.

    Where more than a tenth of the forecasts of a value had it beyond a quantile, the next ones are
    farther from the median (adaptive conformal inference, Gibbs and Candes 2021). The last row is
    for the origin behind the last one.
    """
    horizon = targets.shape[1]
    rate = min(ADAPTATION, 4 / horizon)  # more would swing: it takes a horizon to see the effect
    factors = np.ones((len(targets) + 1, 2), np.float32)
    low, middle, high = np.moveaxis(quantiles, -1, 0)
    beyond = (middle - targets, middle - low), (targets - middle, high - middle)
    for n in range(1, len(factors)):
        factors[n], steps = factors[n - 1], np.arange(min(horizon, n))
        seen = n - 1 - steps, steps  # the forecasts of the latest value, from all origins
        if not known[seen][0]:
            continue
        for side, (error, width) in enumerate(beyond):
            is_outside = error[seen] > factors[seen[0], side] * width[seen]
            factors[n, side] *= np.exp(rate * (is_outside.mean() - LEVELS[0]))
    return factors


def widen(quantiles: Floats, factors: Floats) -> Floats:
    """Return quantiles (N, H, Q) with their distances from the median times factors (N, 2)."""
    low, middle, high = np.moveaxis(quantiles, -1, 0)
    lower, upper = factors.T[:, :, None]
    return np.stack([middle - lower * (middle - low), middle, middle + upper * (high - middle)], -1)


def pinball(quantiles: Floats, targets: Floats, known: Booleans) -> float:
    """Return the mean quantile loss of quantiles (N, H, Q) at known targets (N, H)."""
    difference = (targets[..., None] - quantiles)[known]  # (M, Q)
    levels = np.array(LEVELS, np.float32)
    return float(np.maximum(difference * levels, difference * (levels - 1)).mean())
