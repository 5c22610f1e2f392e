"""Functions of embeddings, in NumPy, precomputed for all tokens of a small vocabulary."""

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from rnncli.config import Cell
from rnncli.networks.cells_numpy import CELLS, Inputs
from rnncli.networks.numerics import Floats, Ints
from rnncli.text.special_tokens import UNK
from rnncli.text.vectors import STEP

MAX_TABLE = 1 << 26  # bytes: bounds memory


class Embedding:
    """Embeddings of tokens, as stored: smaller by a factor; see `embedding_torch.Embedding`."""

    def __init__(self, weight: Floats, vectors: NDArray[np.int8] | None = None) -> None:
        """Take trained embeddings (T, E), and the word vectors (V, D) beside them."""
        self._weight, self._vectors = weight, vectors
        self.scale = math.sqrt(weight.shape[1])
        self._step = np.float32(STEP / self.scale)

    def __len__(self) -> int:
        return len(self._weight if self._vectors is None else self._vectors)

    def __getitem__(self, tokens: Ints) -> Floats:
        """Return the embeddings of tokens (...) as (..., E), or (..., E + D) with word vectors."""
        if self._vectors is None:
            return self._weight[tokens]
        rows = np.where(tokens < len(self._weight), tokens, UNK)
        return np.concatenate([self._weight[rows], self._vectors[tokens] * self._step], -1)


class TokenTable:
    """A function of single tokens; in a small vocabulary each is computed once, when first read."""

    def __init__(
        self, embedding: Embedding, function: Callable[[Floats], Floats], width: int
    ) -> None:
        """Take a function from embeddings (..., E) to (..., width), and the embeddings."""
        self._embedding, self._function = embedding, function
        self._is_small = len(embedding) * width * np.float32().itemsize <= MAX_TABLE
        self._shape = len(embedding), width
        self._table: Floats | None = None  # (V, width)
        self._is_computed = np.zeros(len(embedding), np.bool_)  # (V,) rows of the table

    def __call__(self, tokens: Ints) -> Floats:
        """Return the function of tokens (...), as (..., width)."""
        table = self.table(tokens)
        return self.compute(tokens) if table is None else table.take(tokens, 0)

    def compute(self, tokens: Ints) -> Floats:
        """Compute the function of tokens (...) without the table."""
        return self._function(self._embedding[tokens])

    def table(self, tokens: Ints) -> Floats | None:
        """Return the table (V, width) with the rows of tokens; None of a large vocabulary."""
        if not self._is_small:
            return None
        if self._table is None:
            self._table = np.empty(self._shape, np.float32)  # takes memory as rows are written
        new = np.unique(tokens[~self._is_computed[tokens]])
        if len(new):
            self._table[new] = self.compute(new)
            # Afterwards, so that no other thread reads a row before it is there.
            self._is_computed[new] = True
        return self._table


class FirstLayer:
    """The first recurrent layer, whose W x + b is a function of single tokens."""

    def __init__(
        self, embedding: Embedding, cell: Cell, weights: Mapping[str, Floats], prefix: str
    ) -> None:
        self.layer = CELLS[cell](weights, prefix, scale=embedding.scale)
        self._gates = TokenTable(embedding, self.layer.project, len(self.layer.bias))

    def inputs(self, tokens: Ints) -> Inputs:
        """Return the inputs of the gates for packed tokens (P,)."""
        table = self._gates.table(tokens)
        return self._gates.compute(tokens) if table is None else _Lookup(table, tokens)


class _Lookup:
    """The inputs of the gates, looked up step by step."""

    def __init__(self, table: Floats, tokens: Ints) -> None:
        self._table, self._tokens = table, tokens

    def __getitem__(self, span: slice) -> Floats:
        inputs: Floats = self._table.take(self._tokens[span], 0)
        return inputs
