"""What only a forecaster has in its description, which may be untrusted."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rnncli.networks.heads import MAX_HORIZON
from rnncli.tasks.forecast.references import REFERENCES, Rates
from rnncli.tasks.forecast.windows import Reading


@dataclass(frozen=True)
class ForecasterValues:
    """How a forecaster reads series, and what it adds to."""

    reading: Reading
    smoothing: Rates  # of exponential smoothing
    reference: str  # the forecast that the network corrects
    known: tuple[str, ...]  # names of the known columns
    until: int  # the stamp of the last value that it knows from training

    def to_json(self) -> dict[str, Any]:
        """Return the values for config.json."""
        return asdict(self)

    @classmethod
    def parse(cls, values: Mapping[str, Any], horizon: int) -> "ForecasterValues | None":
        """Return the values of a config.json; None where they are damaged."""
        match values:
            case {
                "reading": {
                    "lookback": int(lookback),
                    "season": int(season),
                    "is_log": bool(is_log),
                    "effects": [*effects],
                },
                "smoothing": [float(level), float(trend), float(seasonal)],
                "reference": str(reference),
                "known": [*known],
                "until": int(until),
            } if 0 < lookback <= MAX_HORIZON and season > 0 and reference in REFERENCES:
                rates = level, trend, seasonal
                is_right = all(isinstance(each, float) for each in effects)
                is_right &= len(known) == len(effects) and all(isinstance(n, str) for n in known)
                if is_right and all(0 <= rate <= 1 for rate in rates):
                    reading = Reading(lookback, horizon, season, is_log, tuple(effects))
                    return cls(reading, rates, reference, tuple(known), until)
        return None
