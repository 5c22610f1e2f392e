"""How much is read and held out at most, by the time budget."""

import math
from collections.abc import Mapping
from typing import Any

from rnncli.config import DEFAULT_MAX_TIME, MAX_HELD_OUT

# Held out at most, for each second of the time budget: more would take too much of it to score.
HELD_OUT_A_SECOND = {"rows": 25, "characters": 2_000}
# Read at most, for each second: more than a network learns from on a few cores, and as much as is
# read, checked and encoded in a tenth of the time. Budgets below MIN_SECONDS read as much as that.
READ_A_SECOND = {"rows": 3_000, "characters": 1_000_000}
MIN_SECONDS = 10


def max_held_out(overrides: Mapping[str, Any]) -> dict[str, int]:
    """Return limits of the held-out part where the time budget asks for lower ones than usual.

    ``overrides`` are settings, of which some may be left out.
    """
    seconds = _seconds(overrides)
    limits = {name: number * seconds for name, number in HELD_OUT_A_SECOND.items()}
    return {name: math.ceil(x) for name, x in limits.items() if x < MAX_HELD_OUT[name]}


def max_read(overrides: Mapping[str, Any]) -> dict[str, int]:
    """Return how many rows and characters are read at most; nothing where all are.

    That is so without a time budget, and where a person says how many rows to train on.
    """
    seconds = max(_seconds(overrides), MIN_SECONDS)
    if math.isinf(seconds) or "max_rows" in overrides:
        return {}
    return {name: math.ceil(number * seconds) for name, number in READ_A_SECOND.items()}


def _seconds(overrides: Mapping[str, Any]) -> float:
    """Return the time budget; infinite without one."""
    if {"steps", "epochs"} & overrides.keys() and "max_time" not in overrides:
        return math.inf
    return float(overrides.get("max_time", DEFAULT_MAX_TIME))
