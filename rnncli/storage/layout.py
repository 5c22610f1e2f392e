"""The files of a model directory: what they are called, and how large they may be."""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rnncli.errors import ModelError

DAMAGED = "copy the model again, or train it again"  # the hint where a file is not as written

TaskFiles = Mapping[str, Callable[[Path], None]]  # names, and what writes each file to a path

# Files that only one task has; what is in them, that task alone knows.
NGRAMS = "ngrams.safetensors"  # the linear n-gram model of a classifier
MEMORY = "memory.safetensors"  # the retrieval memory of a translator
TASK_FILES = (NGRAMS, MEMORY)

# Far above what a model needs. JSON may take 30 times its text in memory.
LARGEST = {
    "config.json": 16 << 20,
    "tokenizer.json": 64 << 20,
    "target_tokenizer.json": 64 << 20,
    "model.safetensors": 2 << 30,
    NGRAMS: 512 << 20,
    MEMORY: 512 << 20,
}


@dataclass(frozen=True)
class Layout:
    """Name every file of a model directory, once."""

    root: Path

    @property
    def config(self) -> Path:
        """Return where the description of the model lies; without it, there is no model."""
        return self.root / "config.json"

    @property
    def weights(self) -> Path:
        """Return where the weights of the network lie."""
        return self.root / "model.safetensors"

    @property
    def tokenizer(self) -> Path:
        """Return where the tokenizer lies: of what the network reads."""
        return self.root / "tokenizer.json"

    @property
    def target_tokenizer(self) -> Path:
        """Return where the tokenizer of what the network writes lies, if that is another one."""
        return self.root / "target_tokenizer.json"

    @property
    def task_files(self) -> tuple[Path, ...]:
        """Return where the files lie that only one task has."""
        return tuple(self.root / name for name in TASK_FILES)

    @property
    def card(self) -> Path:
        """Return where the model card lies."""
        return self.root / "README.md"

    @property
    def metrics(self) -> Path:
        """Return where the scores of all evaluations lie, a line each."""
        return self.root / "metrics.jsonl"

    @property
    def checkpoint(self) -> Path:
        """Return the folder of what only an unfinished training needs."""
        return self.root / "checkpoint"

    @property
    def state(self) -> Path:
        """Return where the state of an unfinished training lies."""
        return self.checkpoint / "state.safetensors"

    @property
    def lock(self) -> Path:
        """Return the file that a running training locks."""
        return self.checkpoint / "lock"

    @property
    def replaced(self) -> Path:
        """Return the folder that keeps a finished model until the one replacing it is finished."""
        return self.checkpoint / "replaced"

    @property
    def files(self) -> tuple[Path, ...]:
        """Return every file that a model may have, its description last."""
        return (
            self.tokenizer,
            self.target_tokenizer,
            *self.task_files,
            self.weights,
            self.card,
            self.metrics,
            self.config,
        )


def require_regular_file(path: Path) -> Path:
    """Return the path of a file of a model, which may be untrusted.

    Raises:
        ModelError: it is a link out of the directory, no regular file, or far too large.

    """
    home, real = os.path.realpath(path.parent), os.path.realpath(path)
    if not Path(real).is_relative_to(home):
        raise ModelError(
            f"{path} is a link that leads out of the model directory",
            "copy the model with what its links lead to: cp -rL",
        )
    if path.exists() and not path.is_file():  # reading a pipe would wait forever
        raise ModelError(f"{path} is not a regular file", DAMAGED)
    if path.exists() and path.stat().st_size > LARGEST.get(path.name, math.inf):
        raise ModelError(f"{path} is too large: {path.stat().st_size:,} bytes", DAMAGED)
    return path
