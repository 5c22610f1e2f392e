"""Hold out a part of a corpus to validate on."""

import random
from collections.abc import Mapping, Sequence

import datasets
import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from rnncli.config import MAX_HELD_OUT
from rnncli.data.arrow import string_columns
from rnncli.data.corpus import Corpus
from rnncli.data.numbering import Numbers, number_labels, number_texts, recur
from rnncli.data.values import column_values
from rnncli.errors import DataError
from rnncli.messages import stage


@stage("holding out a part of the data")
def hold_out(
    corpus: Corpus,
    *,
    fraction: float,
    seed: int,
    limits: Mapping[str, int] | None = None,
) -> tuple[Dataset, Dataset]:
    """Return rows to train on and rows to validate on.

    The validation split of the corpus is taken where there is one. Otherwise the end of each series
    or of running text is held out, to the character; of all other data, rows drawn by ``seed``,
    such that no text stands on both sides and every label that has two texts is trained on; so is
    every target where targets recur.
    ``limits`` may lower how many "rows" are drawn, and how many "characters" are cut off. Texts
    with a control column are shuffled: they are read in a row, and in many files those of one
    label follow each other.

    Raises:
        DataError: there is too little to have something on both sides.
    """
    limits = MAX_HELD_OUT | dict(limits or {})
    max_rows, max_characters = limits["rows"], limits["characters"]
    is_running_text = corpus.columns.keys() == {"text"}
    if "time" in corpus.columns:
        return _cut_series(corpus.splits["train"], fraction)
    if "validation" in corpus.splits:
        train, validation = corpus.splits["train"], corpus.splits["validation"]
    elif is_running_text:
        train, validation = _cut_characters(corpus, fraction, max_characters)
    else:
        train, validation = _draw_rows(corpus, fraction, seed, max_rows)
    if "control" in corpus.columns:
        train, validation = _shuffled(train, seed), _shuffled(validation, seed)
    if is_running_text:
        return train, _first_characters(validation, max_characters)
    if len(validation) <= max_rows:
        return train, validation
    return train, validation.select(np.sort(_permutation(len(validation), seed)[:max_rows]))


def _cut_series(rows: Dataset, fraction: float) -> tuple[Dataset, Dataset]:
    """Cut off the end of each series, whose rows are in order."""
    names = np.array(list(column_values(rows, "series")))
    is_held_out = np.zeros(len(rows), np.bool_)
    _, starts, counts = np.unique(names, return_index=True, return_counts=True)
    for first, count in zip(starts, counts, strict=True):
        is_held_out[first + count - max(1, round(count * fraction)) : first + count] = True
    return rows.select(np.flatnonzero(~is_held_out)), rows.select(np.flatnonzero(is_held_out))


def _cut_characters(
    corpus: Corpus, fraction: float, max_characters: int
) -> tuple[Dataset, Dataset]:
    """Cut the text in two at a character, inside a row if need be."""
    rows = corpus.splits["train"]
    total = sum(map(len, column_values(rows, "text")))
    cut = max(int(total * (1 - fraction)), total - max_characters)
    if not 0 < cut < total:
        raise _too_small(corpus)
    # No row is empty: the last ones, as many as characters are held out, hold all of these.
    first = max(0, len(rows) - (total - cut))
    last_rows = rows.select(range(first, len(rows)))
    lengths = np.fromiter(map(len, column_values(last_rows, "text")), np.int64)
    starts = total - lengths[::-1].cumsum()[::-1]
    number = int(np.searchsorted(starts, cut, side="right")) - 1  # holds the first character
    row, inside = first + number, cut - int(starts[number])
    text: str = rows[row]["text"]
    train, validation = [rows.select(range(row))], [_one_row(text[inside:])]
    if inside > 0:
        train.append(_one_row(text[:inside]))
    if row + 1 < len(rows):
        validation.append(rows.select(range(row + 1, len(rows))))
    return datasets.concatenate_datasets(train), datasets.concatenate_datasets(validation)


def _first_characters(rows: Dataset, max_characters: int) -> Dataset:
    """Return the first rows, up to about ``max_characters`` characters."""
    ends = np.cumsum(np.fromiter(map(len, column_values(rows, "text")), np.int64))
    return rows.select(range(min(len(rows), int(np.searchsorted(ends, max_characters)) + 1)))


def _one_row(text: str) -> Dataset:
    return Dataset.from_dict({"text": [text]}, features=string_columns(["text"]))


def _draw_rows(
    corpus: Corpus, fraction: float, seed: int, max_rows: int
) -> tuple[Dataset, Dataset]:
    """Draw whole groups of rows."""
    train = corpus.splits["train"]
    label = next((name for name in ("label", "control") if name in corpus.columns), None)
    # Transcripts may repeat: many people say the same words.
    texts = [name for name in corpus.columns if name not in (label, "transcript")]
    keys = {name: number_texts(column_values(train, name)) for name in texts}
    labels = np.zeros(len(train), np.int64)
    if label is not None:
        names, labels = number_labels(column_values(train, label))
        labels = number_texts(names)[labels]  # the draws of a seed go by this order
    elif "target" in keys and recur(keys["source"], keys["target"]):
        labels = keys.pop("target")
    groups = _components(list(keys.values()))
    size = min(max(1, round(len(train) * fraction)), max_rows)
    is_held_out = np.isin(groups, _draw_groups(groups, labels, size, seed))
    if not is_held_out.any():
        raise _too_small(corpus)
    return train.select(np.flatnonzero(~is_held_out)), train.select(np.flatnonzero(is_held_out))


def _shuffled(rows: Dataset, seed: int) -> Dataset:
    return rows.select(_permutation(len(rows), seed))


def _too_small(corpus: Corpus) -> DataError:
    return DataError(
        f"{corpus.name} is too small to hold out a part of it for validation",
        "add data; a label needs two different texts, one to train on and one to check",
    )


def _draw_groups(groups: Numbers, labels: Numbers, size: int, seed: int) -> list[int]:
    """Draw groups of ``size`` rows in total, stratified by label.

    A group is passed over if it is too large, or if one of its labels has no other group left.
    """
    sizes = np.bincount(groups)
    num_labels = int(labels.max()) + 1
    pairs = np.unique(groups * num_labels + labels)  # each group with each of its labels, once
    first_pairs = np.searchsorted(pairs, np.arange(len(sizes) + 1) * num_labels)
    pair_labels = pairs % num_labels
    groups_left = np.bincount(pair_labels)
    fewest_left = np.minimum.reduceat(groups_left[pair_labels], first_pairs[:-1])
    if not (fewest_left > 1).any():
        return []
    room = max(size, sizes[fewest_left > 1].min())  # at least one group
    chosen_groups: list[int] = []
    for group in _stratified(pair_labels[first_pairs[:-1]], seed):
        group_labels = pair_labels[first_pairs[group] : first_pairs[group + 1]]
        if sizes[group] <= room and (groups_left[group_labels] > 1).all():
            groups_left[group_labels] -= 1
            room -= sizes[group]
            chosen_groups.append(int(group))
        if room == 0:
            break
    return chosen_groups


def _stratified(labels: Numbers, seed: int) -> Numbers:
    """Return a random order of which every prefix is stratified by label."""
    draws = _draws(len(labels) + int(labels.max()) + 1, seed)
    shuffled = np.lexsort((draws[: len(labels)], labels))
    sizes = np.bincount(labels)
    ranks = np.empty(len(labels))
    ranks[shuffled] = np.arange(len(labels)) - (np.cumsum(sizes) - sizes)[labels[shuffled]]
    offsets = draws[len(labels) :][labels]  # so that small labels do not all come first
    return np.argsort((ranks + offsets) / sizes[labels], kind="stable")


def _permutation(number: int, seed: int) -> Numbers:
    """Return the numbers below ``number`` in a random order."""
    return np.argsort(_draws(number, seed), kind="stable")


def _draws(number: int, seed: int) -> NDArray[np.float64]:
    """Return random numbers that are equal on every platform and in every version of Python."""
    generator = random.Random(seed)  # the promise of random(), and of nothing else in it
    return np.fromiter((generator.random() for _ in range(number)), np.float64, number)


def _components(keys: Sequence[Numbers]) -> Numbers:
    """Number the connected components of rows that share a key.

    Each row points to a row of its component, at last to the first one. Following two pointers at a
    time makes the passes over the data logarithmic in the length of a chain, such as a dialogue in
    which each answer is the next question.
    """
    component = np.arange(len(keys[0]))
    while True:
        before = component
        for key in keys:
            first_rows = np.full(int(key.max()) + 1, len(key))
            np.minimum.at(first_rows, key, component)
            component = first_rows[key]
        component = component[component]
        if (component == before).all():
            return np.unique(component, return_inverse=True)[1].astype(np.int64)
