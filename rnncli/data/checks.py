"""Look for what keeps a classifier from learning: in its texts, its labels and its splits."""

import unicodedata
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from rnncli.data.corpus import Corpus
from rnncli.data.limits import similar_labels
from rnncli.data.numbering import Numbers, hash_texts, number_labels
from rnncli.data.values import column_values
from rnncli.messages import name_list, plural, stage

MIN_TEXTS = 10  # of a label: of fewer, one or none is held out, which scores nothing
MAX_IMBALANCE = 10  # largest label to smallest: beyond, accuracy says little of the small one
MAX_UNREADABLE = 0.001  # share of texts, below which they change no score
SAMPLE_SIZE = 1_000  # texts: a share of them is off by 3 % at most, in 19 cases of 20

_LABELS_SHOWN = 5  # in a message
_TEXT_SHOWN, _LABEL_SHOWN = 60, 40  # characters: enough to search for it

_Hashes: TypeAlias = NDArray[np.uint64]


@stage("checking the labels")
def check(corpus: Corpus) -> Iterator[str]:
    """Yield a warning for each fault of the labelled texts, with what to do about it.

    Texts are equal here if they differ in case and white space alone. They are compared by hashes
    of 8 bytes, so that a million of them fit into memory.
    """
    train = corpus.splits["train"]
    hashes = _folded_hashes(train)
    names, labels = number_labels(column_values(train, "label"))
    yield from _duplicates(train, hashes)
    yield from _contradictions(train, hashes, names, labels)
    for split, rows in corpus.splits.items():
        if split != "train":
            yield from _leaks(rows, split, hashes)
    counts = np.bincount(labels)
    yield from similar_labels(dict(zip(names, counts.tolist(), strict=True)))
    yield from _small_labels(names, counts)
    yield from _unreadable(train)


def sample(rows: Dataset) -> Iterator[str]:
    """Yield texts from all over the data, ``SAMPLE_SIZE`` of them or a few less."""
    step = -(-len(rows) // SAMPLE_SIZE)
    return column_values(rows.select(range(0, len(rows), step)), "text")


def leak(train: Dataset, rows: Dataset, name: str) -> str | None:
    """Return a warning of texts that are scored and were trained on, if there are any."""
    return next(_leaks(rows, name, _folded_hashes(train)), None)


def _duplicates(rows: Dataset, hashes: _Hashes) -> Iterator[str]:
    _, first_rows, counts = np.unique(hashes, return_index=True, return_counts=True)
    repeated = counts > 1
    if repeated.any():
        yield (
            f"duplicates: {plural(int(repeated.sum()), 'text')} more than once, in "
            f"{int(counts[repeated].sum()):,} of {len(rows):,} rows, such as "
            f"{_example(rows, first_rows[counts.argmax()])}: each weighs as often as it is there; "
            "leave the others out unless that is meant"
        )


def _contradictions(
    rows: Dataset, hashes: _Hashes, names: list[str], labels: Numbers
) -> Iterator[str]:
    texts = np.unique(hashes, return_inverse=True)[1].astype(np.int64)
    pairs = np.unique(texts * len(names) + labels)  # each text with each of its labels, once
    contradictory = np.bincount(pairs // len(names)) > 1
    if contradictory.any():
        row = contradictory[texts].argmax()
        numbers = np.unique(labels[texts == texts[row]])
        examples = name_list(sorted(_quoted(names[number]) for number in numbers), _LABELS_SHOWN)
        yield (
            f"contradictory labels: {plural(int(contradictory.sum()), 'text')} with several, such "
            f"as {_example(rows, row)} ({examples}): no model can learn them all; "
            "keep the right one"
        )


def _leaks(rows: Dataset, name: str, train_hashes: _Hashes) -> Iterator[str]:
    leaked = np.isin(_folded_hashes(rows), train_hashes)
    if leaked.any():
        yield (
            f"leak from train into {name}: {int(leaked.sum()):,} of "
            f"{plural(len(rows), 'text')}, such as {_example(rows, leaked.argmax())}: scores "
            "there look better than they are; leave them out of one of the two"
        )


def _small_labels(names: list[str], counts: Numbers) -> Iterator[str]:
    order = np.argsort(counts, kind="stable")
    smallest, largest = int(order[0]), int(order[-1])
    small = order[: int((counts < MIN_TEXTS).sum())]
    if len(small):
        examples = name_list([f"{_quoted(names[i])} ({counts[i]})" for i in small], _LABELS_SHOWN)
        yield (
            f"few texts: {plural(len(small), 'label')} with fewer than {MIN_TEXTS}, {examples}: "
            "too few to learn from; add texts, or merge labels"
        )
    if counts[largest] > MAX_IMBALANCE * counts[smallest]:
        yield (
            f"imbalance: {counts[largest]:,} texts of {_quoted(names[largest])}, "
            f"{counts[smallest]:,} of {_quoted(names[smallest])}: go by macro F1, where labels "
            "count alike; accuracy hides the rare ones"
        )


def _unreadable(rows: Dataset) -> Iterator[str]:
    readable = np.fromiter(map(_is_readable, column_values(rows, "text")), np.bool_)
    if float((~readable).mean()) > MAX_UNREADABLE:
        yield (
            f"nothing to read: {plural(int((~readable).sum()), 'text')} of punctuation alone, "
            f"such as {_example(rows, readable.argmin())}: leave them out, or name another column: "
            "--text COLUMN"
        )


def _folded_hashes(rows: Dataset) -> _Hashes:
    """Return a hash of each text, the same for those that differ in case and space alone."""
    return hash_texts(" ".join(text.casefold().split()) for text in column_values(rows, "text"))


def _is_readable(text: str) -> bool:
    """Return whether there is a letter, a number or a symbol, such as an emoji."""
    return any(unicodedata.category(character)[0] not in "PZC" for character in text)


def _example(rows: Dataset, row: np.int64 | int) -> str:
    return _quoted(rows[int(row)]["text"], _TEXT_SHOWN)


def _quoted(text: str, limit: int = _LABEL_SHOWN) -> str:
    """Return the beginning of a text in quotation marks, with nothing that steers a terminal."""
    return repr(text if len(text) <= limit else f"{text[:limit]}...")
