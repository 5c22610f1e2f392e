"""How large a network can be trained in the time: the speed of this machine, measured."""

import math
import statistics
import time
from dataclasses import dataclass, replace
from typing import Any

from rnncli.config import Settings
from rnncli.training.contract import Trainable
from rnncli.training.loop import fit

BENCHMARK_SECONDS, BENCHMARK_SHARE = 1.5, 0.02  # of training, or this share of the time budget
MIN_STEPS = 16  # for all ways to compute to be compared in the first half
# Where steps are slow, and a budget short, this share of it has to do, and a few steps.
LONGEST_SHARE, FEWEST_STEPS = 0.05, 4
MIN_ROWS = 2_000  # to read: few take no time
# The network's part of what is left of the time budget: beside encoding, evaluation and tuning.
NETWORK_SHARE, MIN_LEFT = 0.6, 0.1
# Of the time budget: what a stage before the network leaves to it, but for a moment that it needs.
MIN_NETWORK_SHARE, MIN_STAGE_SHARE = 0.5, 0.05
UNLIMITED = 1e9  # seconds


@dataclass(frozen=True)
class Capacity:
    """How much this machine can train within a time budget.

    The cost of a target is taken to be the number of weights that it passes through.
    """

    throughput: float  # targets a second, of the network that was measured
    work: float  # targets within the budget, times their cost

    def targets(self, cost: int) -> float:
        """Return how many targets a network of this cost can learn from."""
        return self.work / cost


def measure_capacity(trainable: Trainable[Any], settings: Settings, cost: int) -> Capacity:
    """Train for a moment, and return what that says of the time budget."""
    assert settings.max_time is not None
    seconds = min(BENCHMARK_SECONDS, BENCHMARK_SHARE * settings.max_time)
    throughput = measure_throughput(trainable, settings, seconds)
    return Capacity(throughput, throughput * settings.max_time * cost)


def measure_throughput(trainable: Trainable[Any], settings: Settings, seconds: float) -> float:
    """Return from how many targets a second a network learns, measured for some seconds.

    It is the third quartile of the later steps: in the first ones, ways to compute are compared.
    """
    longest = LONGEST_SHARE * (settings.max_time or math.inf)
    benchmark = replace(settings, max_time=UNLIMITED, epochs=None, steps=None)
    trainable.model.to(settings.device)
    began = before = time.monotonic()
    rates, targets = [], 0
    for progress in fit(trainable, benchmark):
        now = time.monotonic()
        rates.append((progress.targets - targets) / (now - before))
        before, targets = now, progress.targets
        enough = FEWEST_STEPS if now - began >= longest else MIN_STEPS
        if now - began >= seconds and len(rates) >= enough:
            break
    return statistics.quantiles(rates[len(rates) // 2 :], n=4)[2]


def seconds_left(settings: Settings, began: float | None) -> float:
    """Return what is left of the time budget, but a tenth of it at least; infinite without one.

    It began at ``began``, as ``time.monotonic`` tells it; None: now.
    """
    if settings.max_time is None:
        return math.inf
    spent = 0.0 if began is None else time.monotonic() - began
    return max(settings.max_time - spent, MIN_LEFT * settings.max_time)


def stage_seconds(
    settings: Settings, began: float | None, share: float, share_left: float
) -> float:
    """Return the time for a stage before the network: shares of the budget and of what is left.

    Half of the budget, which began at ``began``, stays for the network.
    """
    if settings.max_time is None:
        return math.inf
    whole, left = settings.max_time, seconds_left(settings, began)
    most = min(share * whole, share_left * left, left - MIN_NETWORK_SHARE * whole)
    return max(most, MIN_STAGE_SHARE * whole)


def network_share(settings: Settings, began: float | None) -> float:
    """Return the network's share of the time budget, which began then."""
    assert settings.max_time is not None
    return NETWORK_SHARE * seconds_left(settings, began) / settings.max_time


def rows_to_read(epochs: float, rows: int) -> int | None:
    """Return how many rows a budget needs that is too short to read them all; None: all."""
    needed = math.ceil(max(epochs * rows, MIN_ROWS))
    return needed if needed < rows else None
