"""A translation memory: the training pairs as a datastore for nearest neighbours (kNN-MT).

A rare phrase is better looked up than learned. The datastore holds the target tokens, each with a
quantized key: the features before it, reduced by PCA. At each step, tokens whose keys are similar
to the present features get a part of the probability (Khandelwal et al. 2021, section 2), among the
pairs whose sources are most similar to the present one (Dai et al. 2023, section 3). Similarity is
the cosine.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnncli.data.encoded import EncodedTexts
from rnncli.errors import ModelError
from rnncli.networks.knn import Interpolation, interpolate
from rnncli.networks.model_numpy import AttentionState, EncoderDecoder
from rnncli.networks.numerics import Floats, Ints, log_sums, unit_vectors
from rnncli.storage.layout import DAMAGED
from rnncli.storage.tensors import TensorFile, TensorSpec, write_tensors
from rnncli.tasks.translate.retrieval import HASH_BUCKETS, SimilarTexts
from rnncli.text.batching import pad
from rnncli.text.special_tokens import EOS

# Of pairs, by their numbers: the keys (T, J) of each.
ReadKeys: TypeAlias = Callable[[NDArray[np.int64]], Mapping[int, NDArray[np.int8]]]

MAX_PAIRS = 32  # retrieved for a source: BLEU is lower with 16, and not higher with 64
MAX_TOKENS = 1_024  # retrieved for a source at most: bounds memory and time
KEY_SCALE = 127  # of quantized keys
INTERPOLATION = Interpolation(share=0.85, half_saturation=1.0, inverse_temperature=13.0)


@dataclass(frozen=True)
class Retrieved:
    """The retrieved tokens of N sources, M each, and their keys."""

    keys: Floats  # (N, M, J) of length 1, or 0 where there is no token
    mask: NDArray[np.bool_]  # (N, M), true where there is a token
    tokens: Ints  # (N, U) without repetitions, padded at the end
    columns: Ints  # (N, M) of each retrieved token in ``tokens``

    def keep(self, sources: Ints) -> "Retrieved":
        """Select the retrieved tokens of some sources."""
        return Retrieved(*(getattr(self, field.name)[sources] for field in fields(self)))


@dataclass(frozen=True)
class RetrievalState:
    """The state of a decoder, and the retrieved tokens of its sources in each memory."""

    decoder: AttentionState
    retrieved: tuple[Retrieved, ...]

    def take(self, rows: Ints) -> "RetrievalState":
        """Select rows of the decoder; the sources stay."""
        return replace(self, decoder=self.decoder.take(rows))

    def keep_sources(self, sources: Ints) -> "RetrievalState":
        """Select sources; the rows of the decoder stay."""
        retrieved = tuple(each.keep(sources) for each in self.retrieved)
        return RetrievalState(self.decoder.keep_sources(sources), retrieved)


@dataclass(frozen=True)
class TranslationMemory:
    """Pairs of a translator, each side ending with ``<eos>``, and the keys of their tokens.

    Where keys are zero, the pair has not been read yet: it is when it is first retrieved.
    """

    sources: EncodedTexts
    targets: EncodedTexts
    keys: NDArray[np.int8]  # (P, J) of the tokens of all targets
    basis: Floats  # (E, J) projects features to keys
    index: SimilarTexts  # of the sources
    interpolation: Interpolation = INTERPOLATION
    read_keys: ReadKeys | None = None  # None: all pairs have been read

    def __len__(self) -> int:
        return len(self.sources)

    def write(self, path: Path) -> None:
        """Write the memory to a file atomically."""
        tensors: dict[str, NDArray[Any]] = {
            "keys": self.keys, "basis": self.basis, **vars(self.index)
        }  # fmt: skip
        for side, texts in (("source", self.sources), ("target", self.targets)):
            tensors[f"{side}_tokens"] = texts.tokens
            tensors[f"{side}_lengths"] = texts.lengths.astype(np.uint16)
        write_tensors(path, tensors)

    @classmethod
    def read(
        cls,
        file: TensorFile,
        width: int,
        vocab_sizes: tuple[int, int],
        *,
        is_writable: bool = False,
    ) -> "TranslationMemory":
        """Read the memory of a translator from a file; its keys are memory-mapped.

        ``width`` is the size E of the features, ``vocab_sizes`` are those of source and target.
        With ``is_writable``, keys that are found later are written to the file.

        Raises:
            ModelError: the file is damaged, or was made for another translator.

        """
        tokens, lengths = TensorSpec((None,), ("U16", "I32")), TensorSpec((None,), ("U16",))
        tensors = file.read(
            {
                "source_tokens": tokens,
                "source_lengths": lengths,
                "target_tokens": tokens,
                "target_lengths": lengths,
                "keys": TensorSpec((None, None), ("I8",)),
                "basis": TensorSpec((width, None), ("F32",)),
                "rows": TensorSpec((None,), ("I32",)),
                "ends": TensorSpec((HASH_BUCKETS,), ("I32",)),
                "scale": TensorSpec((None,), ("F32",)),
            },
            mapped=("keys",),
            is_writable=is_writable,
        )
        sources, targets = (
            _texts(tensors[f"{side}_tokens"], tensors[f"{side}_lengths"], size)
            for side, size in zip(("source", "target"), vocab_sizes, strict=True)
        )
        if sources is None or targets is None or len(sources) != len(targets):
            raise ModelError(f"{file.path} is damaged: sources and targets do not match", DAMAGED)
        rows, ends, scale = (tensors[name] for name in ("rows", "ends", "scale"))
        keys, basis = tensors["keys"], tensors["basis"]
        fits = keys.shape == (len(targets.tokens), basis.shape[1]) and len(scale) == len(sources)
        fits = fits and ends[0] >= 0 and bool((np.diff(ends) >= 0).all()) and ends[-1] == len(rows)
        fits = fits and 0 <= rows.min() <= rows.max() < len(sources) and scale.min() >= 0
        if not fits:
            raise ModelError(f"{file.path} is damaged: its parts do not fit together", DAMAGED)
        return cls(sources, targets, keys, basis, SimilarTexts(rows, ends, scale))

    def retrieve(self, sources: Sequence[Ints]) -> Retrieved:
        """Retrieve the pairs most similar to each source, which ends with ``<eos>``."""
        rows = list(map(self._nearest, sources))
        if self.read_keys is not None:
            self._add_keys(self.read_keys, np.unique(np.concatenate(rows)))
        positions = list(map(self._positions, rows))
        counts = np.array(list(map(len, positions)))  # (N,)
        shape = len(sources), int(counts.max())
        keys = np.zeros((*shape, self.keys.shape[1]), np.float32)  # (N, M, J)
        columns = np.zeros(shape, np.int64)
        tokens = []
        for i, (count, span) in enumerate(zip(counts, positions, strict=True)):
            keys[i, :count] = self.keys[span]
            unique, columns[i, :count] = np.unique(self.targets.tokens[span], return_inverse=True)
            tokens.append(unique)
        mask = np.arange(shape[1]) < counts[:, None]
        return Retrieved(unit_vectors(keys), mask, pad(tokens)[0], columns)

    def _nearest(self, source: Ints) -> NDArray[np.int64]:
        """Return the pairs that are retrieved for a source."""
        rows = self.index.nearest(source, MAX_PAIRS)
        return rows[np.cumsum(self.targets.lengths_of(rows)) <= MAX_TOKENS]

    def _positions(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the positions of the target tokens of pairs, one after the other."""
        lengths = self.targets.lengths_of(rows)
        ends = np.cumsum(lengths)
        return np.repeat(self.targets.offsets[rows + 1] - ends, lengths) + np.arange(lengths.sum())

    def _add_keys(self, read_keys: ReadKeys, rows: NDArray[np.int64]) -> None:
        """Read those pairs that have not been read yet."""
        if len(rows) == 0:
            return
        lengths = self.targets.lengths_of(rows)
        has_key = self.keys[self._positions(rows)].any(1)
        is_read = np.logical_and.reduceat(has_key, np.cumsum(lengths) - lengths)
        for row, keys in read_keys(rows[~is_read]).items():
            self.keys[slice(*self.targets.offsets[[row, row + 1]])] = keys


def _texts(tokens: NDArray[Any], lengths: NDArray[Any], vocab_size: int) -> EncodedTexts | None:
    """Split tokens into texts, each ending with ``<eos>``; None if they are damaged."""
    if lengths.min() == 0 or int(lengths.sum(dtype=np.int64)) != len(tokens):
        return None
    if not 0 <= int(tokens.min()) <= int(tokens.max()) < vocab_size:
        return None
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return EncodedTexts(tokens, offsets) if (tokens[offsets[1:] - 1] == EOS).all() else None


def principal_directions(features: Floats, size: int) -> Floats:
    """Return the principal directions (E, J) of features (P, E) of length 1."""
    _, vectors = np.linalg.eigh(features.T @ features)  # in ascending order
    basis: Floats = np.ascontiguousarray(vectors[:, ::-1][:, :size], np.float32)
    return basis


def keys_of(features: Floats, basis: Floats) -> NDArray[np.int8]:
    """Return the quantized keys (P, J) of features (P, E)."""
    return np.rint(unit_vectors(features @ basis) * KEY_SCALE).astype(np.int8)


class RetrievalDecoder:
    """A decoder whose predictions are interpolated with those of memories, one after the other."""

    def __init__(self, network: EncoderDecoder, memories: Sequence[TranslationMemory]) -> None:
        self._network, self._memories = network, memories

    def step(self, tokens: Ints, state: RetrievalState) -> tuple[Floats, RetrievalState]:
        """Return the log-probabilities (R, V) of what follows ``tokens`` (R,), and the state."""
        features, decoder = self._network.features(tokens[:, None], state.decoder)  # (R, 1, E)
        logits = self._network.output(features)[:, 0]  # (R, V)
        normalisers: NDArray[np.floating] = log_sums(logits)
        for memory, retrieved in zip(self._memories, state.retrieved, strict=True):
            keys = unit_vectors(features[:, 0] @ memory.basis)  # (R, J)
            keys = keys.reshape(len(retrieved.keys), -1, keys.shape[1])  # (N, K, J)
            cosines = keys @ retrieved.keys.transpose(0, 2, 1)  # (N, K, M)
            weights = memory.interpolation.weights(cosines, retrieved.mask[:, None])
            normalisers = interpolate(
                logits, normalisers, weights, retrieved.tokens, retrieved.columns
            )
        logits -= normalisers.astype(np.float32)[:, None]
        return logits, replace(state, decoder=decoder)
