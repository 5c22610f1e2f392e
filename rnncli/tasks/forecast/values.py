"""What only a forecaster has in its description, which may be untrusted."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rnncli.networks.heads import MAX_HORIZON
from rnncli.tasks.forecast.references import REFERENCES, Rates


@dataclass(frozen=True)
class ForecasterValues:
    """How a forecaster reads series."""

    lookback: int  # values that it reads
    season: int  # steps after which series usually repeat
    is_log: bool  # whether it reads their logarithms
    smoothing: Rates  # of exponential smoothing
    reference: str  # the forecast that the network is mixed with
    until: int  # the stamp of the last value that it knows from training

    def to_json(self) -> dict[str, Any]:
        """Return the values for config.json."""
        return asdict(self)

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "ForecasterValues | None":
        """Return the values of a config.json; None where they are damaged."""
        match values:
            case {
                "lookback": int(lookback),
                "season": int(season),
                "is_log": bool(is_log),
                "smoothing": [float(level), float(trend), float(seasonal)],
                "reference": str(reference),
                "until": int(until),
            } if 0 < lookback <= MAX_HORIZON and season > 0 and reference in REFERENCES:
                rates = level, trend, seasonal
                if all(0 <= rate <= 1 for rate in rates):
                    return cls(lookback, season, is_log, rates, reference, until)
        return None
