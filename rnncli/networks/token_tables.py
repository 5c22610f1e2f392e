"""Functions of single tokens, in NumPy, computed once for each word of a small vocabulary."""

import math
from collections.abc import Callable, Mapping

from rnncli.config import Cell
from rnncli.networks.cells_numpy import CELLS, Inputs
from rnncli.networks.numerics import Floats, Ints

LARGEST_TABLE = 1 << 26  # bytes; more would crowd memory


def embedding_scale(embedding: Floats) -> float:
    """Return the factor by which stored embeddings (V, E) are multiplied.

    See ``Embedding`` in `embedding_torch.py`.
    """
    return math.sqrt(embedding.shape[1])


class TokenTable:
    """A function of single tokens, cached as a table of the whole vocabulary where that pays.

    The table is made once as many tokens have been read as the vocabulary has: at worst, this
    doubles the work.
    """

    def __init__(self, embedding: Floats, make: Callable[[Floats], Floats], width: int) -> None:
        """Take a function from embeddings (..., E) to (..., width), and the embeddings (V, E)."""
        self._embedding, self._make = embedding, make
        self._is_small = len(embedding) * width * embedding.itemsize <= LARGEST_TABLE
        self._table: Floats | None = None  # (V, width)
        self._tokens_read = 0

    def __call__(self, tokens: Ints) -> Floats:
        """Return the function of tokens (...), as (..., width)."""
        table = self.table(tokens.size)
        return self.make(tokens) if table is None else table.take(tokens, 0)

    def make(self, tokens: Ints) -> Floats:
        """Compute the function of tokens (...) without the table."""
        return self._make(self._embedding[tokens])

    def table(self, count: int) -> Floats | None:
        """Return the table (V, width), if there is one after ``count`` more tokens."""
        if self._table is None and self._is_small:
            self._tokens_read += count
            if self._tokens_read >= len(self._embedding):
                self._table = self._make(self._embedding)
        return self._table


class FirstLayer:
    """The recurrent layer that reads tokens: W x + b is a function of single tokens."""

    def __init__(
        self, embedding: Floats, cell: Cell, weights: Mapping[str, Floats], prefix: str
    ) -> None:
        self.layer = CELLS[cell](weights, prefix, scale=embedding_scale(embedding))
        self._gates = TokenTable(embedding, self.layer.project, len(self.layer.bias))

    def inputs(self, tokens: Ints) -> Inputs:
        """Return the inputs of the gates for packed tokens (P,)."""
        table = self._gates.table(len(tokens))
        return self._gates.make(tokens) if table is None else _Lookup(table, tokens)


class _Lookup:
    """Inputs of the gates that are looked up step by step."""

    def __init__(self, table: Floats, tokens: Ints) -> None:
        self._table, self._tokens = table, tokens

    def __getitem__(self, span: slice) -> Floats:
        inputs: Floats = self._table.take(self._tokens[span], 0)
        return inputs
