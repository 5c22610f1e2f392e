"""Write a model directory while training runs.

A new model appears as a whole, and a model that it replaces is removed only once the new one is
complete. The state from which an interrupted training resumes lies in a folder in it.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from rnncli.config import TASKS
from rnncli.errors import ModelError
from rnncli.storage.atomic_files import (
    defer_interrupts,
    exclusive_lock,
    temporary_path,
    umask,
    write_bytes,
)
from rnncli.storage.description import ModelDescription
from rnncli.storage.layout import Layout, require_regular_file
from rnncli.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch import Tensor


def _other_output(path: Path) -> str:
    """Return the option that names a directory beside ``path`` that is not there yet."""
    others = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return f"-o {quote(str(next(other for other in others if not other.exists())))}"


class ModelWriter:
    """Write a model directory while training runs; it always holds the best model so far."""

    def __init__(self, path: Path, force: bool) -> None:
        """Check that the model can be written to the path.

        Raises:
            ModelError: the directory holds a finished model and ``force`` is off, it holds other
                files, or it is not writable.

        """
        self.path = path
        self.force = force
        layout = self._layout = Layout(path)
        self.replaced = layout.replaced
        self._is_saved = False
        self._saved_task_files: set[str] = set()
        if path.exists() and not path.is_dir():
            raise ModelError(f"{path} is a file", _other_output(path))
        unfinished = {layout.checkpoint, *map(temporary_path, layout.files)}
        if path.is_dir() and set(path.iterdir()) - unfinished:
            if not _is_model(layout):
                raise ModelError(f"{path} holds other files, and no model", _other_output(path))
            if not force and (_is_finished(layout) or not layout.state.exists()):
                raise ModelError(
                    f"{path} holds a model already",
                    f"{_other_output(path)}\nor replace it: --force",
                )
        ancestor = path.absolute()
        while not ancestor.exists():
            ancestor = ancestor.parent
        if not ancestor.is_dir() or not os.access(ancestor, os.W_OK):
            raise ModelError(
                f"nothing can be written in {ancestor}",
                f"-o {quote(str(Path(tempfile.gettempdir(), path.name)))}",
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the directory against other trainings; remove it afterwards if it stayed empty.

        Raises:
            ModelError: another training runs there.

        """
        layout, is_new = self._layout, not self.path.exists()
        layout.checkpoint.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(layout.lock) as is_locked:
            if not is_locked:
                raise ModelError(
                    f"another training writes to {self.path}", _other_output(self.path)
                )
            for file in layout.files:
                temporary_path(file).unlink(missing_ok=True)  # of a process that was killed
            try:
                yield
            finally:
                self._clear(is_new)
        if os.name == "nt":  # where a locked file cannot be removed
            self._clear(is_new)

    def _clear(self, is_new: bool) -> None:
        """Remove a checkpoint without a state, and a new directory that is empty."""
        if self._layout.state.exists():
            return
        shutil.rmtree(self._layout.checkpoint, ignore_errors=True)
        if is_new and self.path.exists() and not any(self.path.iterdir()):
            self.path.rmdir()

    @property
    def state(self) -> Path | None:
        """The path of the state of an interrupted training, if there is one."""
        return self._layout.state if self._layout.state.exists() else None

    def discard_state(self) -> None:
        """Delete the state of an interrupted training."""
        self._layout.state.unlink(missing_ok=True)

    def save_state(self, write: Callable[[Path], None]) -> None:
        """Replace the state of the training atomically by what ``write`` writes.

        Raises:
            ModelError: it cannot be written.

        """
        try:
            with defer_interrupts():
                self._layout.state.parent.mkdir(parents=True, exist_ok=True)
                write(self._layout.state)
        except OSError as error:
            raise self._cannot_be_written(error) from error

    def finish(self, snapshot: "Snapshot") -> None:
        """Write the final description, with task files added since `save`, and delete the state.

        Raises:
            ModelError: it cannot be written.

        """
        try:
            with defer_interrupts():
                for name in snapshot.task_files.keys() - self._saved_task_files:
                    snapshot.task_files[name](self.path / name)
                _write_description(self._layout, snapshot)
                self._layout.state.unlink(missing_ok=True)
        except OSError as error:
            raise self._cannot_be_written(error) from error

    def _cannot_be_written(self, error: OSError) -> ModelError:
        return ModelError(
            f"{self.path} cannot be written: {error.strerror}",
            f"make room there and run the same command again: df -h {quote(str(self.path.parent))}",
        )

    def save(self, snapshot: "Snapshot", weights: Mapping[str, "Tensor"]) -> None:
        """Write the model, as a whole the first time and file by file afterwards.

        Raises:
            ModelError: the model cannot be written; the one before is unchanged.

        """
        try:
            with defer_interrupts():
                if self._is_saved:
                    _write_weights(self._layout, weights)
                    _write_description(self._layout, snapshot)
                else:
                    self._save_whole(snapshot, weights)
                    self._is_saved = True
                    self._saved_task_files = set(snapshot.task_files)
        except OSError as error:
            raise self._cannot_be_written(error) from error

    def _save_whole(self, snapshot: "Snapshot", weights: Mapping[str, "Tensor"]) -> None:
        """Write all files into a temporary directory, then move them into place."""
        old = Layout(self.path.resolve())  # a link stays a link
        is_new = not old.root.is_dir()
        parent = old.root.parent if is_new else old.root
        if old.checkpoint.is_dir():  # removed in the end, whatever happens
            parent = old.checkpoint
        parent.mkdir(parents=True, exist_ok=True)
        new = Layout(Path(tempfile.mkdtemp(prefix=f".{old.root.name}-", dir=parent)))
        try:
            snapshot.tokenizer.save(new.tokenizer)
            if snapshot.target_tokenizer is not None:
                snapshot.target_tokenizer.save(new.target_tokenizer)
            for name, write in snapshot.task_files.items():
                write(new.root / name)
            _write_weights(new, weights)
            _write_description(new, snapshot)
            if is_new:
                new.root.chmod(0o777 & ~umask())  # mkdtemp makes it private
                new.root.rename(old.root)
                return
            self._keep_replaced(old)
            # No reader sees a mixture of two models: without its description there is none.
            old.config.unlink(missing_ok=True)
            for source, target in zip(new.files, old.files, strict=True):
                if source.exists():
                    source.replace(target)
                else:
                    target.unlink(missing_ok=True)  # other files stay
        finally:
            shutil.rmtree(new.root, ignore_errors=True)

    def _keep_replaced(self, layout: Layout) -> None:
        """Copy a finished model, which is kept until its replacement is finished."""
        if not (_is_model(layout) and _is_finished(layout)):
            return
        self.replaced.parent.mkdir(exist_ok=True)
        shutil.rmtree(self.replaced, ignore_errors=True)
        copy = Path(tempfile.mkdtemp(prefix=".", dir=self.replaced.parent))
        for file in layout.files:
            if file.exists():
                shutil.copy(file, copy)
        copy.rename(self.replaced)


@dataclass
class Snapshot:
    """A model as it is to be saved, without its weights."""

    description: ModelDescription
    card: str
    metrics: list[dict[str, Any]]
    tokenizer: Tokenizer
    target_tokenizer: Tokenizer | None
    task_files: dict[str, Callable[[Path], None]] = field(default_factory=dict)


def _write_weights(layout: Layout, weights: Mapping[str, "Tensor"]) -> None:
    from safetensors.torch import save

    write_bytes(layout.weights, save(_without_tied(weights), metadata={"format": "pt"}))


def _write_description(layout: Layout, snapshot: Snapshot) -> None:
    """Write scores, card and description; the description last, with which the model exists."""
    description = replace(snapshot.description, task_files=tuple(snapshot.task_files))
    config = json.dumps(description.to_json(), indent=2, ensure_ascii=False)
    metrics = "".join(json.dumps(line) + "\n" for line in snapshot.metrics)
    write_bytes(layout.metrics, metrics.encode())
    write_bytes(layout.card, snapshot.card.encode())
    write_bytes(layout.config, f"{config}\n".encode())


def _without_tied(weights: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """Keep each tied tensor once, under the decoder's name if it has one, in half precision.

    Half precision changes no score by more than its last digits, and models are half as large.
    """
    names = sorted(weights, key=lambda name: name != "decoder.embedding.weight")
    first: dict[int, str] = {}
    for name in names:
        first.setdefault(id(weights[name]), name)
    return {
        name: (tensor.half() if tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in weights.items()
        if first[id(tensor)] == name
    }


def _is_model(layout: Layout) -> bool:
    """Return whether a directory holds a model of any format version."""
    values = _config(layout)
    return "format_version" in values and values.get("task") in TASKS


def _is_finished(layout: Layout) -> bool:
    """Return whether the training of a model is recorded as finished."""
    training = _config(layout).get("training")
    return not isinstance(training, dict) or training.get("finished") is not False


def _config(layout: Layout) -> dict[str, Any]:
    """Return the unchecked content of config.json; an empty one where it cannot be read."""
    try:
        values = json.loads(require_regular_file(layout.config).read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError, ModelError):
        return {}
    return values if isinstance(values, dict) else {}
