"""Classifiers that learn in seconds: what a network should be better than."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import count
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

_Ids: TypeAlias = NDArray[np.int64]

MAX_CHARACTERS = 10_000  # of a text; few are longer
_WORD = re.compile(r"\w+")


class MajorityClass:
    """Give every text the most frequent label."""

    def __init__(self, labels: Iterable[str]) -> None:
        ((self._label, _),) = Counter(labels).most_common(1)

    def __call__(self, texts: Iterable[str]) -> list[str]:
        """Return a label for each text."""
        return [self._label for _ in texts]


class NaiveBayes:
    """Multinomial naive Bayes over words and pairs of neighbours (McCallum and Nigam 1998).

    One is added to each count. Most words never occur with most labels, so only the cells of the
    table of F features and C labels that are not 0 are kept, K of them, a feature after the other.
    """

    def __init__(self, texts: Iterable[str], labels: Sequence[str]) -> None:
        """Count the features of each label."""
        self._labels = sorted(set(labels))
        num_labels = len(self._labels)
        label_numbers = {label: number for number, label in enumerate(self._labels)}
        classes = [label_numbers[label] for label in labels]
        words: defaultdict[str, int] = defaultdict(count().__next__)  # a new one gets a number
        found = [np.fromiter(map(words.__getitem__, _words(text)), np.int64) for text in texts]
        self._words = dict(words)
        cells, counts = np.unique(
            np.concatenate(
                [
                    self._with_pairs(numbers) * num_labels + own
                    for numbers, own in zip(found, classes, strict=True)
                ]
            ),
            return_counts=True,
        )
        self._features = np.unique(cells // num_labels)  # (F,), sorted
        begins = np.searchsorted(cells, self._features * num_labels)
        self._begins = np.append(begins, len(cells))  # (F + 1,)
        self._classes = cells % num_labels  # (K,)
        self._logs = np.log(counts + 1)  # (K,)
        sizes = np.bincount(self._classes, counts, num_labels)  # (C,)
        self._log_sizes = np.log(sizes + max(1, len(self._features)))
        self._log_priors = np.log(np.bincount(classes) / len(classes))

    def __call__(self, texts: Iterable[str]) -> list[str]:
        """Return the most probable label of each text."""
        return [self._labels[int(self._scores(text).argmax())] for text in texts]

    def _scores(self, text: str) -> NDArray[np.float64]:
        """Return the log-probability (C,) of each label, but for a constant."""
        rows = self._known(text)
        lengths = self._begins[rows + 1] - self._begins[rows]
        offsets = np.cumsum(lengths) - lengths
        cells = np.repeat(self._begins[rows] - offsets, lengths) + np.arange(lengths.sum())
        # The sum of log((count + 1) / size); where there is no cell, the count and log(1) are 0.
        logs = np.bincount(self._classes[cells], self._logs[cells], len(self._labels))
        scores: NDArray[np.float64] = self._log_priors + logs - len(rows) * self._log_sizes
        return scores

    def _known(self, text: str) -> _Ids:
        """Return the places of those features of a text that have been learned."""
        new = len(self._words)
        numbers = np.fromiter((self._words.get(word, new) for word in _words(text)), np.int64)
        features = self._with_pairs(numbers)
        rows = np.searchsorted(self._features, features)
        within = rows < len(self._features)
        rows, features = rows[within], features[within]
        known: _Ids = rows[self._features[rows] == features]
        return known

    def _with_pairs(self, words: _Ids) -> _Ids:
        """Return the numbers of words, and behind them a number for each two neighbours."""
        base = len(self._words) + 1  # one for all new words
        return np.concatenate([words, (words[:-1] + 1) * base + words[1:]])


def _words(text: str) -> list[str]:
    return _WORD.findall(text[:MAX_CHARACTERS].lower())
