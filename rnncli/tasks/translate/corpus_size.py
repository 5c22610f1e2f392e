"""Settings of a translator that follow from the number and the length of pairs to learn from."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from rnncli.config import DEFAULTS, Settings
from rnncli.data.values import column_values
from rnncli.messages import Announce
from rnncli.tasks.sizes import NAME_LENGTH, VOCAB_SIZES, look_up
from rnncli.text.unicode import has_unspaced

if TYPE_CHECKING:
    from datasets import Dataset

LARGE_CORPUS = 100_000  # pairs: a larger corpus gets larger batches, which are faster
WORD_VOCAB_SIZE = 20_000  # at the word level
LENGTH_SAMPLE = 1_000  # pairs whose mean number of words is computed


def with_rows(settings: Settings, rows: int | None, overrides: Mapping[str, Any]) -> Settings:
    """Return settings for so many pairs, of which fewer need a smaller vocabulary; None: all."""
    if rows is None:
        return settings
    size = settings_for_size(overrides, rows).with_overrides(overrides).vocab_size
    return replace(settings, max_rows=rows, vocab_size=size)


def announce_rows(
    settings: Settings, num_pairs: int, overrides: Mapping[str, Any], announce: Announce
) -> None:
    """Tell how many pairs are read, and the size of the vocabularies that follows from it."""
    pairs = f"{min(settings.max_rows or num_pairs, num_pairs):,} pairs"
    is_chosen = settings.max_rows is not None and "max_rows" not in overrides
    if is_chosen:
        pairs += f" of {num_pairs:,}, as many as there is time for"
    if settings.level == "subword" and "vocab_size" not in overrides:
        announce(f"{pairs}: vocabularies of {settings.vocab_size:,} subwords")
    elif is_chosen:
        announce(f"data: {pairs}")


def settings_for_size(overrides: Mapping[str, Any], num_pairs: int) -> Settings:
    """Return the default settings for a corpus of this size."""
    settings = DEFAULTS["translate"]
    if overrides.get("level") in (None, "subword"):
        (size,) = look_up(VOCAB_SIZES, num_pairs)
        settings = replace(settings, vocab_size=int(size))
    elif overrides.get("level") == "word":
        settings = replace(settings, vocab_size=WORD_VOCAB_SIZE)
    if num_pairs >= LARGE_CORPUS:
        settings = replace(settings, batch_size=64)
    return settings


def are_words(pairs: "Dataset") -> bool:
    """Return whether both sides are single words, such as spellings, by their mean number of words.

    Texts of a script without spaces are none.
    """
    for side in ("source", "target"):
        texts = list(islice(column_values(pairs, side), LENGTH_SAMPLE))
        unspaced = sum(map(has_unspaced, texts))
        words = sum(len(text.split()) for text in texts)
        if words >= NAME_LENGTH * len(texts) or 2 * unspaced > len(texts):
            return False
    return True
