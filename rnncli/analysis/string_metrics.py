"""Exact match and character accuracy of short strings, such as words, names and dates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis.metrics import RESAMPLES, Interval, percentile_interval, wilson_interval
from rnncli.text.batching import batch_by_length, pad
from rnncli.text.unicode import separate_unspaced

BLEU_ORDER = 4  # words of BLEU's longest n-grams: shorter sentences have none of them
BATCH_CHARACTERS = 1_000_000  # bounds the memory of edit distances
MAX_CHARACTERS = 1_000  # of a string that are compared: bounds the time


@dataclass(frozen=True)
class StringScores:
    """Shares of strings and of characters that are right, with 95 % intervals."""

    exact_match: float
    exact_match_interval: Interval
    character_accuracy: float
    character_accuracy_interval: Interval


def string_scores(outputs: Sequence[str], references: Sequence[str]) -> StringScores:
    """Score one string or more by how many are right, and how many of their characters.

    Character accuracy is 1 - character error rate: the edit distances, divided by the characters of
    the references, at most 1. Its interval is that of a bootstrap over strings.
    """
    hits = int(exact_matches(outputs, references).sum())
    first, second = ([text[:MAX_CHARACTERS] for text in texts] for texts in (outputs, references))
    edits = edit_distances(first, second)  # (N,)
    lengths = np.array([len(text) for text in second], np.int64)
    draws = np.random.default_rng(0)
    resampled = [
        _character_accuracy(edits[index], lengths[index])
        for index in (draws.integers(len(edits), size=len(edits)) for _ in range(RESAMPLES))
    ]
    return StringScores(
        hits / len(edits),
        wilson_interval(hits, len(edits)),
        _character_accuracy(edits, lengths),
        percentile_interval(np.array(resampled)),
    )


def exact_matches(outputs: Sequence[str], references: Sequence[str]) -> NDArray[np.bool_]:
    """Compute which strings (N,) are exactly the references."""
    return np.array([a == b for a, b in zip(outputs, references, strict=True)], np.bool_)


def _character_accuracy(edits: NDArray[np.int64], lengths: NDArray[np.int64]) -> float:
    return max(0.0, 1 - int(edits.sum()) / max(int(lengths.sum()), 1))


def edit_distances(first: Sequence[str], second: Sequence[str]) -> NDArray[np.int64]:
    """Compute the Levenshtein distance (N,) of each pair of strings (Wagner and Fischer 1974)."""
    distances = np.zeros(len(first), np.int64)
    codes, other_codes = ([list(map(ord, text)) for text in texts] for texts in (first, second))
    for index in batch_by_length(other_codes, BATCH_CHARACTERS, len(second)):
        distances[index] = _edit_distances(
            *pad([codes[i] for i in index]), *pad([other_codes[i] for i in index])
        )
    return distances


def _edit_distances(
    codes: NDArray[np.int64],
    lengths: NDArray[np.int64],
    other_codes: NDArray[np.int64],
    other_lengths: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Compute the distances (N,) of padded strings (N, S) and (N, T), all tables row by row."""
    pairs, columns = np.arange(len(codes)), np.arange(other_codes.shape[1] + 1)
    table_row = np.tile(columns, (len(codes), 1))  # (N, T + 1): from the empty string
    distances = other_lengths.copy()
    for i, characters in enumerate(codes.T, 1):  # (N,)
        reached = table_row + 1  # by a deletion, or else a substitution
        substituted = table_row[:, :-1] + (other_codes != characters[:, None])
        reached[:, 1:] = np.minimum(reached[:, 1:], substituted)
        # By insertions, each of which costs one more than the cell to the left.
        table_row = np.minimum.accumulate(reached - columns, axis=1) + columns
        ends = lengths == i
        distances[ends] = table_row[pairs[ends], other_lengths[ends]]
    return distances


def are_short(texts: Sequence[str]) -> bool:
    """Return whether most texts have too few words for BLEU.

    Spaces separate words; in a script without spaces, each character is a word.
    """
    short = sum(len(text.split()) < BLEU_ORDER for text in separate_unspaced(texts))
    return short > len(texts) / 2
