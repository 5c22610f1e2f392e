"""Word and character error rates of transcripts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis.metrics import RESAMPLES, Interval, percentile_interval, wilson_interval
from rnncli.analysis.string_metrics import edit_distances, exact_matches


@dataclass(frozen=True)
class ErrorRates:
    """Edits divided by the words or the characters of the references, with 95 % intervals."""

    word_error_rate: float
    word_error_rate_interval: Interval
    character_error_rate: float
    exact_match: float
    exact_match_interval: Interval


def error_rates(outputs: Sequence[str], references: Sequence[str]) -> ErrorRates:
    """Score one transcript or more; the interval is that of a bootstrap over transcripts."""
    numbers: dict[str, str] = {}
    as_words = [
        ["".join(numbers.setdefault(w, chr(len(numbers))) for w in text.split()) for text in texts]
        for texts in (outputs, references)
    ]
    edits, words = _edits(*as_words)
    draws = np.random.default_rng(0)
    resampled = [
        _rate(edits[index], words[index])
        for index in (draws.integers(len(edits), size=len(edits)) for _ in range(RESAMPLES))
    ]
    hits = int(exact_matches(outputs, references).sum())
    return ErrorRates(
        _rate(edits, words),
        percentile_interval(np.array(resampled)),
        _rate(*_edits(outputs, references)),
        hits / len(edits),
        wilson_interval(hits, len(edits)),
    )


def _edits(
    outputs: Sequence[str], references: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    lengths = np.array([len(text) for text in references], np.int64)
    return edit_distances(outputs, references), lengths


def _rate(edits: NDArray[np.int64], lengths: NDArray[np.int64]) -> float:
    return float(edits.sum()) / max(1, int(lengths.sum()))
