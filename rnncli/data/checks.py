"""Look for what keeps a classifier from learning: in its texts, its labels and its splits."""

import unicodedata
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from rnncli.data.corpus import Corpus
from rnncli.data.numbering import Numbers, hash_texts, number_labels
from rnncli.data.values import column_values
from rnncli.messages import counted

FEW = 10  # texts: of fewer, one or none is held out, which scores nothing
IMBALANCE = 10  # times the texts of the smallest label: accuracy says little of that one
NAMED = 5  # labels in a message
SHOWN = 60  # characters of a text or a label: enough to search for it
SAMPLE = 1_000  # texts: a share of them is off by 3 % at most, in 19 cases of 20

_Hashes: TypeAlias = NDArray[np.uint64]


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
    yield from _small_labels(names, np.bincount(labels))
    yield from _unreadable(train)


def sample(rows: Dataset) -> Iterator[str]:
    """Yield texts from all over the data, ``SAMPLE`` of them or a few less."""
    step = -(-len(rows) // SAMPLE)
    return column_values(rows.select(range(0, len(rows), step)), "text")


def _duplicates(rows: Dataset, hashes: _Hashes) -> Iterator[str]:
    _, first, counts = np.unique(hashes, return_index=True, return_counts=True)
    several = counts > 1
    if several.any():
        yield (
            f"duplicates: {counted(int(several.sum()), 'text')} more than once, in "
            f"{int(counts[several].sum()):,} of {len(rows):,} rows, such as "
            f"{_example(rows, first[counts.argmax()])}: each weighs as often as it is there; leave "
            "the others out unless that is meant"
        )


def _contradictions(
    rows: Dataset, hashes: _Hashes, names: list[str], labels: Numbers
) -> Iterator[str]:
    texts = np.unique(hashes, return_inverse=True)[1].astype(np.int64)
    pairs = np.unique(texts * len(names) + labels)  # each text with each of its labels, once
    several = np.bincount(pairs // len(names)) > 1
    if several.any():
        row = several[texts].argmax()
        found = np.unique(labels[texts == texts[row]])
        own = _listed(sorted(_short(names[label]) for label in found))
        yield (
            f"contradictory labels: {counted(int(several.sum()), 'text')} with several, such as "
            f"{_example(rows, row)} ({own}): no model can learn them all; keep the right one"
        )


def _leaks(rows: Dataset, split: str, trained: _Hashes) -> Iterator[str]:
    leaked = np.isin(_folded_hashes(rows), trained)
    if leaked.any():
        yield (
            f"leak from train into {split}: {int(leaked.sum()):,} of "
            f"{counted(len(rows), 'text')}, such as {_example(rows, leaked.argmax())}: scores "
            "there look better than they are; leave them out of one of the two"
        )


def _small_labels(names: list[str], counts: Numbers) -> Iterator[str]:
    order = np.argsort(counts, kind="stable")
    smallest, largest = int(order[0]), int(order[-1])
    few = int((counts < FEW).sum())
    if few:
        own = _listed([f"{_short(names[i])} ({counts[i]})" for i in order[:few]])
        yield (
            f"few texts: {counted(few, 'label')} with fewer than {FEW}, {own}: too few to learn "
            "from; add texts, or merge labels"
        )
    if counts[largest] > IMBALANCE * counts[smallest]:
        yield (
            f"imbalance: {counts[largest]:,} texts of {_short(names[largest])}, "
            f"{counts[smallest]:,} of {_short(names[smallest])}: go by macro F1, where labels "
            "count alike; accuracy hides the rare ones"
        )


def _unreadable(rows: Dataset) -> Iterator[str]:
    found = np.fromiter((not _is_readable(text) for text in column_values(rows, "text")), np.bool_)
    if found.any():
        yield (
            f"nothing to read: {counted(int(found.sum()), 'text')} of punctuation alone, such as "
            f"{_example(rows, found.argmax())}: leave them out, or name another column: "
            "--text COLUMN"
        )


def _folded_hashes(rows: Dataset) -> _Hashes:
    """Return a hash of each text, the same for those that differ in case and space alone."""
    return hash_texts(" ".join(text.casefold().split()) for text in column_values(rows, "text"))


def _is_readable(text: str) -> bool:
    """Return whether there is a letter, a number or a symbol, such as an emoji."""
    return any(unicodedata.category(character)[0] not in "PZC" for character in text)


def _example(rows: Dataset, row: np.int64 | int) -> str:
    return _short(rows[int(row)]["text"])


def _short(text: str) -> str:
    """Return the beginning of a text in quotation marks, with nothing that steers a terminal."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
