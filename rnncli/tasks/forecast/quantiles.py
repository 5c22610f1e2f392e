"""The quantiles of a forecast: those that a network adds to a reference, as wide as errors are."""

import numpy as np

from rnncli.networks.numerics import Floats
from rnncli.tasks.forecast.windows import Booleans

LEVELS = (0.1, 0.5, 0.9)
WEIGHT = "network_weight"  # among what is tuned: the share of a network's correction
WEIGHTS = (1e-6, 0.25, 0.5, 0.75, 1.0)  # to choose from
ADAPTATION = 0.1  # of the logarithm of a width, for each origin of which all values are outside
BLOCK_TARGETS = 100  # of held-out windows, from which a width is told; steps share it where fewer


def combine(reference: Floats, network: Floats, weight: float) -> Floats:
    """Return quantiles (N, H, Q) of a reference (N, H) that a network's (N, H, Q) are added to.

    The median is corrected by a share of the network's, and the others stay as far from it.
    """
    middle = network[..., 1]
    median = reference + np.float32(weight) * middle
    return network + (median - middle)[..., None]


def shift(quantiles: Floats, offsets: Floats) -> Floats:
    """Move the outer quantiles (N, H, Q) away from the median, by the offsets (H, 2)."""
    low, middle, high = np.moveaxis(quantiles, -1, 0)
    lower, upper = np.moveaxis(offsets, -1, 0)
    return np.stack([np.minimum(low - lower, middle), middle, np.maximum(high + upper, middle)], -1)


def fit_offsets(quantiles: Floats, targets: Floats, is_target: Booleans) -> Floats:
    """Return the offsets (H, 2) with which a tenth of held-out targets is beyond each quantile.

    Conformalized quantile regression by the step of the horizon (Romano et al. 2019), so a little
    wider where targets are few: where the network has learned nothing, the quantiles of the errors.
    Steps near each other share an offset.
    """
    n, horizon = targets.shape
    beyond = np.stack([quantiles[..., 0] - targets, targets - quantiles[..., -1]], -1)
    offsets = np.zeros((horizon, 2), np.float32)
    blocks = min(max(n * horizon // BLOCK_TARGETS, 1), horizon)
    for steps in np.array_split(np.arange(horizon), blocks):
        block = beyond[:, steps][is_target[:, steps]]  # (M, 2)
        if len(block):
            level = min(LEVELS[-1] * (1 + 1 / len(block)), 1.0)
            offsets[steps] = np.quantile(block, level, axis=0)
    return offsets


def widen(quantiles: Floats, scales: Floats) -> Floats:
    """Multiply the distances of the outer quantiles (N, H, Q) from the median.

    ``scales`` (N, 1, 2) are those of the lower and the upper one.
    """
    low, middle, high = np.moveaxis(quantiles, -1, 0)
    lower, upper = np.moveaxis(scales, -1, 0)
    return np.stack([middle - lower * (middle - low), middle, middle + upper * (high - middle)], -1)


def adapt(quantiles: Floats, targets: Floats, is_target: Booleans) -> Floats:
    """Return scales (N + 1, 1, 2) of the widths to both sides, from each of N origins in a row.

    Where more than a tenth of the forecasts of a value had it beyond a quantile, the next ones are
    farther from the median (adaptive conformal inference, Gibbs and Candes 2021). The last row is
    for the origin behind the last one.
    """
    horizon = targets.shape[1]
    rate = min(ADAPTATION, 4 / horizon)  # more would swing: it takes a horizon to see the effect
    low, middle, high = np.moveaxis(quantiles, -1, 0)
    errors = np.stack([middle - targets, targets - middle], -1)  # below and above the median
    widths = np.stack([middle - low, high - middle], -1)
    scales = np.ones((len(targets) + 1, 1, 2), np.float32)
    for n in range(1, len(scales)):
        steps = np.arange(min(horizon, n))
        seen = n - 1 - steps, steps  # the forecasts of the latest value, from all origins
        outside = (errors[seen] > scales[seen[0], 0] * widths[seen]).mean(0)
        change = np.exp(rate * (outside - LEVELS[0])) if is_target[n - 1, 0] else 1
        scales[n] = scales[n - 1] * change
    return scales


def pinball(quantiles: Floats, targets: Floats, is_target: Booleans) -> float:
    """Return the mean quantile loss of quantiles (N, H, Q) at targets (N, H)."""
    difference = (targets[..., None] - quantiles)[is_target]  # (M, Q)
    levels = np.array(LEVELS, np.float32)
    return float(np.maximum(difference * levels, difference * (levels - 1)).mean())
