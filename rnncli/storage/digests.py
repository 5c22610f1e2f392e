"""Checksums by which the files of a model belong together."""

import hashlib
from pathlib import Path

from rnncli.errors import ModelError

CHUNK_BYTES = 1 << 20


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def require_digest(path: Path, digest: str | None) -> Path:
    """Check that a file is the one that the description of the model means, and return its path.

    Raises:
        ModelError: it is another, as where a model is copied while it is replaced.

    """
    if digest is not None and path.exists() and sha256(path) != digest:
        raise ModelError(
            f"{path} is not the file that config.json describes: it was changed, or is of "
            "another model",
            "copy the whole model directory again, or train it again",
        )
    return path
