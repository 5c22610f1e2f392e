"""Writing a model directory while training runs.

A new model appears as a whole; one that was there before gives way only when the new one is
complete. Beside it, in a folder of its own, lies what an interrupted training needs to go on.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
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

ELSEWHERE = "name another place: -o DIR"


class ModelWriter:
    """Write a model directory while training runs; it always holds the best model so far."""

    def __init__(self, path: Path, force: bool) -> None:
        """Refuse to write where something else lies.

        Raises:
            ModelError: the directory holds a finished model and ``force`` is off, or it holds other
                things, or nothing can be written there.

        """
        self.path = path
        self.written = False
        self.force = force
        layout = self._layout = Layout(path)
        self.replaced = layout.replaced
        if path.exists() and not path.is_dir():
            raise ModelError(f"{path} is a file", ELSEWHERE)
        unfinished = {layout.checkpoint, *map(temporary_path, layout.files)}
        if path.is_dir() and set(path.iterdir()) - unfinished:
            if not _is_model(layout):
                raise ModelError(f"{path} holds other files, and no model", ELSEWHERE)
            if not force and (_is_finished(layout) or not layout.state.exists()):
                raise ModelError(f"{path} holds a model already", f"{ELSEWHERE}, or add --force")
        ancestor = path.absolute()
        while not ancestor.exists():
            ancestor = ancestor.parent
        if not ancestor.is_dir() or not os.access(ancestor, os.W_OK):
            raise ModelError(f"nothing can be written in {ancestor}", ELSEWHERE)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other trainings out of the directory, and leave no empty one behind.

        Raises:
            ModelError: another training runs there.

        """
        layout, is_new = self._layout, not self.path.exists()
        layout.checkpoint.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(layout.lock) as is_ours:
            if not is_ours:
                raise ModelError(f"another training writes to {self.path}", f"wait, or {ELSEWHERE}")
            for file in layout.files:
                temporary_path(file).unlink(missing_ok=True)  # of a process that was killed
            try:
                yield
            finally:
                self._clear(is_new)
        if os.name == "nt":  # where a locked file cannot be removed
            self._clear(is_new)

    def _clear(self, is_new: bool) -> None:
        """Remove the checkpoint where there is no state to go on from, and a new, empty model."""
        if self._layout.state.exists():
            return
        shutil.rmtree(self._layout.checkpoint, ignore_errors=True)
        if is_new and self.path.exists() and not any(self.path.iterdir()):
            self.path.rmdir()

    @property
    def state(self) -> Path | None:
        """Return where the state of an interrupted training lies, if there is one."""
        return self._layout.state if self._layout.state.exists() else None

    def discard_state(self) -> None:
        """Forget the training that was interrupted here."""
        self._layout.state.unlink(missing_ok=True)

    def save_state(self, write: Callable[[Path], None]) -> None:
        """Let ``write`` put the state of a training in place; what was there stays until then.

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
        """Write the description of a finished model and forget how it was trained.

        Raises:
            ModelError: it cannot be written.

        """
        try:
            with defer_interrupts():
                _write_task_files(self._layout, snapshot)
                _write_description(self._layout, snapshot)
                self._layout.state.unlink(missing_ok=True)
        except OSError as error:
            raise self._cannot_be_written(error) from error

    def _cannot_be_written(self, error: OSError) -> ModelError:
        return ModelError(
            f"{self.path} cannot be written: {error.strerror}",
            f"make room there and run the same command again, or {ELSEWHERE}",
        )

    def save(self, snapshot: "Snapshot", weights: Mapping[str, "Tensor"]) -> None:
        """Write the model, as a whole the first time and file by file afterwards.

        Raises:
            ModelError: the model cannot be written; what was there before is as it was.

        """
        try:
            with defer_interrupts():
                if self.written:
                    _write_weights(self._layout, weights)
                    _write_description(self._layout, snapshot)
                else:
                    self._save_whole(snapshot, weights)
                self.written = True
        except OSError as error:
            raise self._cannot_be_written(error) from error

    def _save_whole(self, snapshot: "Snapshot", weights: Mapping[str, "Tensor"]) -> None:
        """Write all files into a directory of their own, then put them in place."""
        old = Layout(self.path.resolve())  # a link stays a link
        is_there = old.root.is_dir()
        parent = old.root if is_there else old.root.parent
        if old.checkpoint.is_dir():  # removed in the end, whatever happens
            parent = old.checkpoint
        parent.mkdir(parents=True, exist_ok=True)
        new = Layout(Path(tempfile.mkdtemp(prefix=f".{old.root.name}-", dir=parent)))
        try:
            snapshot.tokenizer.save(new.tokenizer)
            if snapshot.target_tokenizer is not None:
                snapshot.target_tokenizer.save(new.target_tokenizer)
            _write_task_files(new, snapshot)
            _write_weights(new, weights)
            _write_description(new, snapshot)
            if not is_there:
                new.root.chmod(0o777 & ~umask())  # mkdtemp makes it private
                new.root.rename(old.root)
                return
            self._keep_replaced(old)
            # Without its description there is no model: never one of old and new files.
            old.config.unlink(missing_ok=True)
            for source, target in zip(new.files, old.files, strict=True):
                if source.exists():
                    source.replace(target)
                else:
                    target.unlink(missing_ok=True)  # files that are none of a model stay
        finally:
            shutil.rmtree(new.root, ignore_errors=True)

    def _keep_replaced(self, layout: Layout) -> None:
        """Copy a finished model, to be kept until the one that replaces it is finished, too."""
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
    """The files of a model beside its weights."""

    description: ModelDescription
    card: str
    metrics: list[dict[str, Any]]
    tokenizer: Tokenizer
    target_tokenizer: Tokenizer | None
    task_files: dict[str, Callable[[Path], None]] = field(default_factory=dict)


def _write_task_files(layout: Layout, snapshot: Snapshot) -> None:
    for name, write in snapshot.task_files.items():
        write(layout.root / name)


def _write_weights(layout: Layout, weights: Mapping[str, "Tensor"]) -> None:
    from safetensors.torch import save

    write_bytes(layout.weights, save(_without_tied(weights), metadata={"format": "pt"}))


def _write_description(layout: Layout, snapshot: Snapshot) -> None:
    """Write all that is text, the description last: with it the model is there."""
    description = replace(snapshot.description, task_files=tuple(snapshot.task_files))
    config = json.dumps(description.to_json(), indent=2, ensure_ascii=False)
    metrics = "".join(json.dumps(line) + "\n" for line in snapshot.metrics)
    write_bytes(layout.metrics, metrics.encode())
    write_bytes(layout.card, snapshot.card.encode())
    write_bytes(layout.config, f"{config}\n".encode())


def _without_tied(weights: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """Leave out what is stored under another name, the decoder's if it has one; halve the rest.

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
    """Return whether a directory holds a model of rnncli, of whatever version."""
    values = _config(layout)
    return "format_version" in values and values.get("task") in TASKS


def _is_finished(layout: Layout) -> bool:
    """Return whether the training of a model has ended, as far as it says."""
    training = _config(layout).get("training")
    return not isinstance(training, dict) or training.get("finished") is not False


def _config(layout: Layout) -> dict[str, Any]:
    """Return what config.json holds, unchecked; nothing where it cannot be read."""
    try:
        values = json.loads(require_regular_file(layout.config).read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError, ModelError):
        return {}
    return values if isinstance(values, dict) else {}
