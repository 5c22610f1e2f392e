"""How much is held out at most, by the time budget."""

import math
from collections.abc import Mapping
from typing import Any

from rnncli.config import DEFAULT_MAX_TIME, MAX_HELD_OUT

# Held out at most, for each second of the time budget: more would take too much of it to score.
HELD_OUT_A_SECOND = {"rows": 25, "characters": 2_000}


def max_held_out(overrides: Mapping[str, Any]) -> dict[str, int]:
    """Return limits of the held-out part where the time budget asks for lower ones than usual.

    ``overrides`` are settings, of which some may be left out.
    """
    if {"steps", "epochs"} & overrides.keys() and "max_time" not in overrides:
        return {}
    seconds = overrides.get("max_time", DEFAULT_MAX_TIME)
    limits = {name: math.ceil(seconds * number) for name, number in HELD_OUT_A_SECOND.items()}
    return {name: limit for name, limit in limits.items() if limit < MAX_HELD_OUT[name]}
