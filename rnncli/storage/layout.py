"""The files of a model directory: their names, and what is checked before one is read."""

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from shlex import quote

from rnncli.errors import ModelError
from rnncli.text.files import sha256

DAMAGED = "copy the model again, or train it again"  # the hint for a damaged file

TaskFiles = Mapping[str, Callable[[Path], None]]  # the name of each file, and its writer

# Files that only one task has, which alone reads and writes them.
NGRAMS = "ngrams.safetensors"  # the linear n-gram model of a classifier
MEMORY = "memory.safetensors"  # the retrieval memory of a translator
REPLIES = "replies.safetensors"  # the questions of a translator whose answers recur
LINEAR = "linear.safetensors"  # the linear model of a forecaster
TASK_FILES = (NGRAMS, MEMORY, REPLIES, LINEAR)

# Far above what a model needs. JSON may take 30 times its text in memory.
LARGEST = {
    "config.json": 16 << 20,
    "README.md": 16 << 20,
    "metrics.jsonl": 16 << 20,
    "tokenizer.json": 64 << 20,
    "target_tokenizer.json": 64 << 20,
    "model.safetensors": 2 << 30,
    NGRAMS: 512 << 20,
    MEMORY: 512 << 20,
    REPLIES: 512 << 20,
    LINEAR: 512 << 20,
}


class Layout:
    """The path of every file of a model directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "config.json"  # the description; without it, there is no model
        self.weights = root / "model.safetensors"  # of the network
        self.tokenizer = root / "tokenizer.json"  # of the input
        self.target_tokenizer = root / "target_tokenizer.json"  # of the output, if it has its own
        self.task_files = tuple(root / name for name in TASK_FILES)
        self.card = root / "README.md"
        self.metrics = root / "metrics.jsonl"  # the scores of each evaluation, one a line
        self.curve = root / "curve.svg"  # the losses drawn, for a person
        self.checkpoint = root / "checkpoint"  # the folder that only an unfinished training needs
        self.state = self.checkpoint / "state.safetensors"  # of an unfinished training
        self.lock = self.checkpoint / "lock"  # held by a running training
        self.removed = root / ".checkpoint"  # the same while it is being removed
        # A finished model, until the one that replaces it is finished, too.
        self.replaced = self.checkpoint / "replaced"
        self.next = self.checkpoint / "next"  # files that are being moved to their places
        # What a model consists of, beside its description.
        self.model_files = (
            self.tokenizer,
            self.target_tokenizer,
            *self.task_files,
            self.weights,
        )
        self.files = (*self.model_files, self.card, self.metrics, self.config)  # all, this last

    @property
    def is_being_replaced(self) -> bool:
        """Return whether files wait to be moved to their places, with a new description."""
        folder = self.next
        is_link = self.checkpoint.is_symlink() or folder.is_symlink()
        return not is_link and (folder / self.config.name).is_file()

    def current(self, path: Path) -> Path:
        """Return the path to read a file from: its place, or where it waits to be moved to it."""
        if self.is_being_replaced and os.path.lexists(self.next / path.name):
            return self.next / path.name
        return path


def require_regular_file(path: Path) -> Path:
    """Check the path of a file of a model, which may be untrusted, and return it.

    Raises:
        ModelError: it is a link out of the directory, no regular file, or far too large.

    """
    home, real = os.path.realpath(path.parent), os.path.realpath(path)
    if not Path(real).is_relative_to(home) and Path(real).parent != _blobs(Path(home)):
        raise ModelError(
            f"{path} is a link that leads out of the model directory",
            "copy the model with what its links lead to: "
            f"cp -rL {quote(str(path.parent))} {quote(f'{path.parent}-copy')}",
        )
    if path.exists() and not path.is_file():  # reading a pipe would wait forever
        raise ModelError(f"{path} is not a regular file", DAMAGED)
    if path.exists() and path.stat().st_size > LARGEST.get(path.name, math.inf):
        raise ModelError(f"{path} is too large: {path.stat().st_size:,} bytes", DAMAGED)
    return path


def _blobs(home: Path) -> Path | None:
    """Return the folder that links in the cache of the hub lead to; None of other directories."""
    repository = home.parent.parent
    is_cached = home.parent.name == "snapshots" and repository.name.startswith("models--")
    return repository / "blobs" if is_cached else None


def require_digest(path: Path, digest: str | None) -> Path:
    """Check that a file has the SHA-256 in the description of the model, and return its path.

    Raises:
        ModelError: it has another, as where a model is copied while it is replaced.

    """
    if digest is not None and path.exists() and sha256(path) != digest:
        raise ModelError(
            f"{path} is not the file that config.json describes: it was changed, or is of "
            "another model",
            "copy the whole model directory again, or train it again",
        )
    return path
