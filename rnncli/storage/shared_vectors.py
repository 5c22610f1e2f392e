"""Word vectors that a model has in common with rnncli, and does not store once more.

Such a model stores the rows of its tokens in the English word vectors that come with rnncli.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.data.corpora import bundled_file
from rnncli.errors import ModelError
from rnncli.networks.architecture import VECTORS
from rnncli.storage.description import ModelDescription
from rnncli.storage.layout import DAMAGED, Layout, require_digest
from rnncli.storage.rewriting import read_stored, rewrite
from rnncli.storage.tensors import TensorFile, TensorSpec
from rnncli.text.files import sha256
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.vectors import ENGLISH_FILE, WordVectors

ROWS = "encoder.embedding.vector_rows"  # instead of VECTORS


def shares_vectors(description: ModelDescription) -> bool:
    """Return whether a model has its word vectors in common with rnncli."""
    return ENGLISH_FILE in description.files


def rows_of(tokenizer: Tokenizer) -> NDArray[np.int16]:
    """Return the rows (V, 2) of the tokens in the English vectors, whose mean is theirs.

    A contraction has the rows of its two parts, another word its own twice, and a token without a
    vector -1.
    """
    vectors = WordVectors.read(bundled_file(ENGLISH_FILE))
    all_rows = (vectors.find(tokenizer.token(token)) for token in range(tokenizer.vocab_size))
    return np.array([[rows[0], rows[-1]] if rows else [-1, -1] for rows in all_rows], np.int16)


def read_shared(
    file: TensorFile, specs: dict[str, TensorSpec], description: ModelDescription
) -> dict[str, NDArray[Any]]:
    """Read weights of which the word vectors are rows of the English ones.

    Raises:
        ModelError: the file is damaged, or made for other vectors.

    """
    size, dim = specs[VECTORS].shape
    stored = {name: spec for name, spec in specs.items() if name != VECTORS}
    tensors = file.read({**stored, ROWS: TensorSpec((size, 2), ("I16",))})
    path = require_digest(bundled_file(ENGLISH_FILE), description.files[ENGLISH_FILE])
    tensors[VECTORS] = _gather(WordVectors.read(path).values, tensors.pop(ROWS), file.path)
    if tensors[VECTORS].shape[1] != dim:
        raise ModelError(f"{file.path} is damaged: it is made for other word vectors", DAMAGED)
    return tensors


def share_vectors(path: Path) -> None:
    """Replace the word vectors in a model directory by rows of the English ones, its source."""
    description, tensors = read_stored(path)
    tensors[ROWS] = rows_of(Tokenizer.load(Layout(path).tokenizer, description["level"]))
    del tensors[VECTORS]
    description["files"][ENGLISH_FILE] = sha256(bundled_file(ENGLISH_FILE))
    rewrite(path, description, tensors)


def _gather(values: NDArray[np.int8], rows: NDArray[np.int16], path: Path) -> NDArray[np.int8]:
    """Return the vectors (V, D) that rows (V, 2) of ``values`` (W, D) stand for."""
    if not (rows.min() >= -1 and rows.max() < len(values)):
        raise ModelError(f"{path} is damaged: it names word vectors that are not there", DAMAGED)
    vectors = values[rows[:, 0]]
    means = np.flatnonzero(rows[:, 0] != rows[:, 1])
    vectors[means] = np.rint(values[rows[means]].mean(1))
    vectors[rows[:, 0] < 0] = 0
    return vectors
