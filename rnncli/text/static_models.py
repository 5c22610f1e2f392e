"""Read a folder of model2vec: static vectors of the pieces of words, and a tokenizer."""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer as Backend

from rnncli.errors import DataError
from rnncli.messages import stage
from rnncli.text.vectors import Floats, Selection

EMBEDDINGS, TOKENIZER = "model.safetensors", "tokenizer.json"
FILES = (EMBEDDINGS, TOKENIZER)


@stage("reading the word vectors")
def read_static_model(folder: Path, selection: Selection) -> tuple[list[str], Floats]:
    """Read the selected words, and their vectors (W, D): the means over the pieces of each.

    Raises:
        DataError: it is no folder of model2vec.

    """
    try:
        embeddings = _read_embeddings(folder / EMBEDDINGS)
        backend = Backend.from_str((folder / TOKENIZER).read_text(encoding="utf-8"))
    except DataError:
        raise
    except Exception as error:  # the library of tokenizers raises bare Exception
        raise DataError(
            f"{folder} is no folder of model2vec: {str(error)[:200]}",
            f"give one with the files {EMBEDDINGS} and {TOKENIZER}",
        ) from None
    backend.no_padding()
    backend.no_truncation()
    # The vocabulary of pieces is in the order of frequency, or nearly.
    pieces = sorted(backend.get_vocab().items(), key=lambda item: item[1])
    candidates = [*selection.missing, *(piece.lstrip("▁Ġ") for piece, _ in pieces)]
    spellings = map(selection.take, candidates)
    words = [word for word in spellings if word is not None]
    vectors: dict[str, Floats] = {}
    for word, encoding in zip(
        words, backend.encode_batch(words, add_special_tokens=False), strict=True
    ):
        if ids := [id for id in encoding.ids if id < len(embeddings)]:
            vectors[word] = embeddings[ids].mean(0)
    if not vectors:
        raise DataError(f"{folder} has no vector of a word of these texts", "take --vectors none")
    return list(vectors), np.stack(list(vectors.values())).astype(np.float32)


def _read_embeddings(path: Path) -> Floats:
    """Read the matrix (P, D) of all pieces."""
    try:
        with safe_open(path, framework="numpy") as file:
            names = [n for n in file.keys() if len(file.get_slice(n).get_shape()) == 2]  # noqa: SIM118
            (name,) = names
            matrix: Floats = file.get_tensor(name).astype(np.float32)
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{path} cannot be read as one matrix of embeddings: {str(error)[:200]}",
            f"give a folder of model2vec, with the files {EMBEDDINGS} and {TOKENIZER}",
        ) from None
    if not np.isfinite(matrix).all():
        raise DataError(
            f"{path} is damaged: it has values that are no numbers", "download it again"
        )
    return matrix
