"""A linear model of hashed n-grams: words, phrases and pieces of words, whatever their order.

A network that reads in order needs many texts to learn what single words say; a linear model needs
few (Wang and Manning 2012), and character n-grams tell something of words that training never met.
Each n-gram is known by its bucket, a hash (the hashing trick: Weinberger et al. 2009), so that no
text of it is kept.

Shapes: N texts, F n-grams of all texts end to end, U n-grams of the model, C classes.
"""

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnncli.errors import ModelError
from rnncli.networks.numerics import Floats, Ints
from rnncli.storage.layout import DAMAGED
from rnncli.storage.tensors import TensorFile, TensorSpec, write_tensors
from rnncli.text.batching import batched
from rnncli.text.unicode import plain_signs, replace_surrogates, separate_unspaced

# Words with their apostrophes, single signs, and each character of Chinese and Japanese.
WORD = re.compile(r"[぀-ヿ㐀-鿿]|\w+(?:['’]\w+)*|[^\w\s]")
BEGIN, END = 2, 3  # of a text, among its words and, as control characters, among its characters
GAP = 1  # between the two words of a skip-gram
BUCKETS = 1 << 24  # two of the n-grams that a model keeps hardly ever share one
MAX_BUCKETS = 1 << 31  # bucket numbers are stored as int32
MAX_ORDER = 16  # the n of an n-gram
OFFSET_BASIS, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # of FNV-1a
TABLE_SHARE = 8  # of a table's rows that are looked up, at least, for it to be the faster way
MAX_VALUES = 1 << 24  # of n-grams and classes that are added up at once: bounds memory
BATCH_CHARACTERS = 1 << 18  # hashed together: enough to hide what each call costs

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class NgramFeatures:
    """Say which n-grams of a text are its features.

    ``word_orders`` and ``character_orders`` hold the n of the n-grams of words and of characters.
    Two words at most ``max_skip`` apart are a skip-gram, whatever stands between them. With
    ``normalised``, the features of a text are scaled to a vector of length 1, so that long texts
    are scored no more extremely than short ones. With ``splits_unspaced``, each character of any
    script without spaces is a word: models were once made that split Chinese and Japanese alone.
    """

    word_orders: tuple[int, ...]
    character_orders: tuple[int, ...]
    max_skip: int = 0
    normalised: bool = False
    buckets: int = BUCKETS
    splits_unspaced: bool = True

    def scale(self, counts: Ints) -> Floats:
        """Return the value of each feature of a text (N,), from how many it has (N,)."""
        if not self.normalised:
            return np.ones(len(counts), np.float32)
        return (1 / np.sqrt(np.maximum(counts, 1))).astype(np.float32)

    def extract(self, texts: Iterable[str]) -> tuple[Ints, Ints]:
        """Return the buckets of all texts' n-grams (F,), and where each text's begin (N,).

        Each bucket stands once for a text, in ascending order.
        """
        size = np.uint64(self.buckets)
        buckets, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for batch in batched(texts, max_size=BATCH_CHARACTERS):
            keys = np.sort(np.concatenate([np.empty(0, np.uint64), *self._keys(batch)]))
            keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]  # np.unique is slower
            buckets.append((keys % size).astype(np.int64))
            counts.append(np.bincount((keys // size).astype(np.int64), minlength=len(batch)))
        lengths = np.concatenate(counts)
        return np.concatenate(buckets), np.cumsum(lengths) - lengths

    def _keys(self, texts: Sequence[str]) -> Iterator[Hashes]:
        """Yield, for each n-gram of each text, the text's number times BUCKETS plus its bucket."""
        folded = [" ".join(plain_signs(replace_surrogates(text)).lower().split()) for text in texts]
        if self.word_orders:
            spaced = separate_unspaced(folded) if self.splits_unspaced else folded
            words = [WORD.findall(text) for text in spaced]
            hashes = {w: zlib.crc32(w.encode()) for w in set(chain.from_iterable(words))}
            values = [
                value for text in words for value in (BEGIN, *map(hashes.__getitem__, text), END)
            ]
            lengths = [len(text) + 2 for text in words]
            hashed = _Sequences(np.array(values, np.uint64), lengths, self.buckets)
            yield from hashed.ngrams(self.word_orders)
            yield from hashed.skip_grams(self.max_skip)
        if self.character_orders:
            joined = "".join(f"{chr(BEGIN)}{text}{chr(END)}" for text in folded)
            code = np.frombuffer(joined.encode("utf-32-le"), np.uint32)
            lengths = [len(text) + 2 for text in folded]
            hashed = _Sequences(code.astype(np.uint64), lengths, self.buckets)
            yield from hashed.ngrams(self.character_orders)


class _Sequences:
    """Sequences of values, end to end, whose n-grams are hashed: FNV-1a over values."""

    def __init__(self, values: Hashes, lengths: Sequence[int], buckets: int) -> None:
        self._values = values
        self._texts = np.repeat(np.arange(len(lengths), dtype=np.uint64), lengths)
        self._buckets = np.uint64(buckets)

    def ngrams(self, orders: Sequence[int]) -> Iterator[Hashes]:
        """Yield the keys of all n-grams; the hash of each goes on from that of all but its last."""
        hashes = np.full(len(self._values), OFFSET_BASIS)
        for n in range(1, min(max(orders), len(hashes)) + 1):
            hashes = _hash(hashes[: len(self._values) - n + 1], self._values[n - 1 :])
            if n in orders:
                yield self._keys(hashes, n - 1)

    def skip_grams(self, max_skip: int) -> Iterator[Hashes]:
        """Yield the keys of all pairs with others between them, up to so far from each other."""
        first = _hash(_hash(np.full(len(self._values), OFFSET_BASIS), self._values), np.uint64(GAP))
        for distance in range(2, min(max_skip + 1, len(first))):
            yield self._keys(_hash(first[:-distance], self._values[distance:]), distance)

    def _keys(self, hashes: Hashes, reach: int) -> Hashes:
        """Return the keys of those hashes whose last value, so far on, is of the same text."""
        texts = self._texts[: len(hashes)]
        inside = texts == self._texts[reach:]
        keys: Hashes = texts[inside] * self._buckets + hashes[inside] % self._buckets
        return keys


def _hash(hashes: Hashes, values: "Hashes | np.uint64") -> Hashes:
    """Return hashes that go on with other values."""
    hashes = (hashes ^ values) * PRIME
    hashes ^= hashes >> np.uint64(29)  # a product alone leaves low bits to low bits
    return hashes


@dataclass(frozen=True)
class NgramModel:
    """Score the classes of texts by their n-grams alone."""

    features: NgramFeatures
    buckets: Ints  # (U,) ascending, of the n-grams that have weights
    weight: Floats  # (U, C)
    bias: Floats  # (C,)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return the logits (N, C) of the texts."""
        logits = [np.empty((0, len(self.bias)), np.float32)]
        for batch in batched(texts, max_size=BATCH_CHARACTERS):
            buckets, starts = self.features.extract(batch)
            scale = self.features.scale(lengths(buckets, starts))  # (N,)
            rows, starts = lookup(self.buckets, buckets, starts)
            ends = np.append(starts[1:], len(rows))
            sums = np.empty((len(starts), len(self.bias)))  # (N, C)
            step = max(1, MAX_VALUES // (len(rows) + 1))  # classes
            for first in range(0, len(self.bias), step):
                weight = self.weight[:, first : first + step]
                total = np.zeros((len(rows) + 1, weight.shape[1]))
                np.cumsum(weight[rows], 0, dtype=np.float64, out=total[1:])
                sums[:, first : first + step] = (total[ends] - total[starts]) * scale[:, None]
            logits.append((sums + self.bias).astype(np.float32))
        return np.concatenate(logits)

    def write(self, path: Path) -> None:
        """Write the model to a file, as a whole; its weights have half precision there."""
        write_tensors(
            path,
            {
                "buckets": self.buckets.astype(np.int32),
                "weight": self.weight.astype(np.float16),
                "bias": self.bias.astype(np.float16),
            },
            {"features": json.dumps(asdict(self.features))},
        )

    @classmethod
    def read(cls, file: TensorFile, num_classes: int) -> "NgramModel":
        """Read a model from a file.

        Raises:
            ModelError: the file is damaged, or was made for another number of classes.

        """
        features = _parse_features(file)
        tensors = file.read(
            {
                "buckets": TensorSpec((None,), ("I32",)),
                "weight": TensorSpec((None, num_classes)),
                "bias": TensorSpec((num_classes,)),
            }
        )
        # Integers to the end: float32 would round bucket numbers above 2 ** 24.
        buckets = tensors["buckets"].astype(np.int64)
        ascending = buckets[0] >= 0 and (np.diff(buckets) > 0).all()
        if not (ascending and buckets[-1] < features.buckets):
            raise ModelError(f"{file.path} is damaged: its buckets are out of range", DAMAGED)
        weight, bias = tensors["weight"], tensors["bias"]
        if len(weight) != len(buckets):
            raise ModelError(f"{file.path} is damaged: buckets and weights differ", DAMAGED)
        return cls(features, buckets, weight, bias)


def lengths(buckets: Ints, starts: Ints) -> Ints:
    """Return how many n-grams each text has (N,), from where each text's begin (N,)."""
    return np.diff(np.append(starts, len(buckets)))


def lookup(known: Ints, buckets: Ints, starts: Ints) -> tuple[Ints, Ints]:
    """Return which of the known buckets (U,) texts have (F,), and where each text's begin (N,)."""
    size = int(known[-1]) + 1
    if len(buckets) * TABLE_SHARE < size:
        rows = np.searchsorted(known, buckets).clip(max=len(known) - 1)
        places = np.flatnonzero(known[rows] == buckets)
    else:  # a table of all buckets pays off
        table = np.full(max(size, int(buckets.max(initial=0)) + 1), -1, np.int32)
        table[known] = np.arange(len(known))
        rows = table[buckets]
        places = np.flatnonzero(rows >= 0)
    return rows[places].astype(np.int64, copy=False), np.searchsorted(places, starts)


def _parse_features(file: TensorFile) -> NgramFeatures:
    """Return what the n-grams in a file are, as its metadata say."""
    try:
        # Models that do not say whether they split all scripts without spaces do not.
        values = {"splits_unspaced": False, **json.loads(file.read_metadata()["features"])}
        orders = {name: tuple(values[name]) for name in ("word_orders", "character_orders")}
        features = NgramFeatures(**{f.name: values[f.name] for f in fields(NgramFeatures)} | orders)
    except (ValueError, TypeError, LookupError, RecursionError):
        raise ModelError(
            f"{file.path} is damaged: the orders of its n-grams are missing", DAMAGED
        ) from None
    all_orders = [*features.word_orders, *features.character_orders]
    numbers = [*all_orders, features.max_skip, features.buckets]
    if (
        not all(type(number) is int for number in numbers)
        or type(features.normalised) is not bool
        or type(features.splits_unspaced) is not bool
        or not 0 < len(all_orders) <= 2 * MAX_ORDER
        or not all(1 <= order <= MAX_ORDER for order in all_orders)
        or not 0 <= features.max_skip <= MAX_ORDER
        or not 0 < features.buckets <= MAX_BUCKETS
    ):
        raise ModelError(
            f"{file.path} is damaged: the orders of its n-grams are out of range", DAMAGED
        )
    return features
