"""Which labels of a classifier say positive, negative and neutral."""

import re
from collections.abc import Sequence

NEGATIVE, NEUTRAL, POSITIVE = "negative", "neutral", "positive"

_NAMES = {
    NEGATIVE: ("negative", "neg", "bad"),
    NEUTRAL: ("neutral", "neu"),
    POSITIVE: ("positive", "pos", "good"),
}
_MEANINGS = {name: meaning for meaning, names in _NAMES.items() for name in names}
_SCALES: dict[tuple[str, ...], tuple[str, ...]] = {  # numbers as corpora use them
    numbers: (NEGATIVE, POSITIVE) if len(numbers) == 2 else (NEGATIVE, NEUTRAL, POSITIVE)
    for numbers in (("0", "1"), ("-1", "1"), ("1", "2"), ("0", "1", "2"), ("-1", "0", "1"))
}


def sentiment_labels(labels: Sequence[str]) -> dict[str, str] | None:
    """Return the label of each meaning: ``{"negative": "neg", "positive": "pos"}``.

    None where the labels are not two or three that are known to mean sentiment.
    """
    names = [re.sub(r"^label_(?=-?\d)", "", label.strip().casefold()) for label in labels]
    scale = tuple(sorted(names, key=lambda name: (name[:1] != "-", name)))
    meanings = dict(zip(scale, _SCALES.get(scale, ()), strict=False)) or _MEANINGS
    by_meaning = {meanings.get(name): label for name, label in zip(names, labels, strict=True)}
    order = [meaning for meaning in _NAMES if meaning in by_meaning]
    if len(order) != len(labels) or not {NEGATIVE, POSITIVE} <= set(order):
        return None
    return {meaning: by_meaning[meaning] for meaning in order}
