"""Functions of embeddings, in NumPy, precomputed for all tokens of a small vocabulary."""

import math
from collections.abc import Callable, Mapping

from rnncli.config import Cell
from rnncli.networks.cells_numpy import CELLS, Inputs
from rnncli.networks.numerics import Floats, Ints

MAX_TABLE = 1 << 26  # bytes: bounds memory


def embedding_scale(embedding: Floats) -> float:
    """Return the factor of stored embeddings (V, E); see `embedding_torch.Embedding`."""
    return math.sqrt(embedding.shape[1])


class TokenTable:
    """A function of single tokens, cached as a table of a small vocabulary.

    The table is computed once as many tokens have been read as the vocabulary has: this at most
    doubles the work.
    """

    def __init__(self, embedding: Floats, function: Callable[[Floats], Floats], width: int) -> None:
        """Take a function from embeddings (..., E) to (..., width), and the embeddings (V, E)."""
        self._embedding, self._function = embedding, function
        self._is_small = len(embedding) * width * embedding.itemsize <= MAX_TABLE
        self._table: Floats | None = None  # (V, width)
        self._tokens_read = 0

    def __call__(self, tokens: Ints) -> Floats:
        """Return the function of tokens (...), as (..., width)."""
        table = self.table(tokens.size)
        return self.compute(tokens) if table is None else table.take(tokens, 0)

    def compute(self, tokens: Ints) -> Floats:
        """Compute the function of tokens (...) without the table."""
        return self._function(self._embedding[tokens])

    def table(self, count: int) -> Floats | None:
        """Return the table (V, width), if it exists after ``count`` more tokens."""
        if self._table is None and self._is_small:
            self._tokens_read += count
            if self._tokens_read >= len(self._embedding):
                self._table = self._function(self._embedding)
        return self._table


class FirstLayer:
    """The first recurrent layer, whose W x + b is a function of single tokens."""

    def __init__(
        self, embedding: Floats, cell: Cell, weights: Mapping[str, Floats], prefix: str
    ) -> None:
        self.layer = CELLS[cell](weights, prefix, scale=embedding_scale(embedding))
        self._gates = TokenTable(embedding, self.layer.project, len(self.layer.bias))

    def inputs(self, tokens: Ints) -> Inputs:
        """Return the inputs of the gates for packed tokens (P,)."""
        table = self._gates.table(len(tokens))
        return self._gates.compute(tokens) if table is None else _Lookup(table, tokens)


class _Lookup:
    """The inputs of the gates, looked up step by step."""

    def __init__(self, table: Floats, tokens: Ints) -> None:
        self._table, self._tokens = table, tokens

    def __getitem__(self, span: slice) -> Floats:
        inputs: Floats = self._table.take(self._tokens[span], 0)
        return inputs
