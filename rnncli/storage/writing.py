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
from typing import TYPE_CHECKING, Any, BinaryIO

from rnncli.config import TASKS
from rnncli.errors import ModelError
from rnncli.storage.atomic_files import temporary, umask, undisturbed, write_bytes
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
        self._layout = Layout(path)
        self.replaced = self._layout.replaced
        self.force = force
        self._state = self._layout.state
        if path.exists() and not path.is_dir():
            raise ModelError(f"{path} is a file", ELSEWHERE)
        ignored = {self._layout.checkpoint, *map(temporary, self._layout.files)}
        if path.is_dir() and set(path.iterdir()) - ignored:
            info = _model_there(path)
            if info is None:
                raise ModelError(f"{path} holds other files, and no model", ELSEWHERE)
            if not force and (_is_finished(info) or not self._state.exists()):
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
        folder = self._layout.checkpoint
        made = not self.path.exists()
        folder.mkdir(parents=True, exist_ok=True)
        with self._layout.lock.open("wb") as file:
            if not _lock(file):
                raise ModelError(f"another training writes to {self.path}", f"wait, or {ELSEWHERE}")
            for path in self._layout.files:
                temporary(path).unlink(missing_ok=True)  # of a process that was killed
            try:
                yield
            finally:
                if not self._state.exists():  # nothing to go on from
                    shutil.rmtree(folder, ignore_errors=True)
                    if made and not any(self.path.iterdir()):
                        self.path.rmdir()

    @property
    def state(self) -> Path | None:
        """Return where the state of an interrupted training lies, if there is one."""
        return self._state if self._state.exists() else None

    def discard_state(self) -> None:
        """Forget the training that was interrupted here."""
        self._state.unlink(missing_ok=True)

    def save_state(self, write: Callable[[Path], None]) -> None:
        """Let ``write`` put the state of a training in place; what was there stays until then.

        Raises:
            ModelError: it cannot be written.

        """
        try:
            with undisturbed():
                self._state.parent.mkdir(parents=True, exist_ok=True)
                write(self._state)
        except OSError as error:
            raise self._cannot_be_written(error) from error

    def finish(self, snapshot: "Snapshot") -> None:
        """Write the description of a finished model and forget how it was trained.

        Raises:
            ModelError: it cannot be written.

        """
        try:
            with undisturbed():
                _write_task_files(self.path, snapshot)
                _write_description(self.path, snapshot)
                self._state.unlink(missing_ok=True)
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
            with undisturbed():
                if self.written:
                    _write_weights(self.path, weights)
                    _write_description(self.path, snapshot)
                else:
                    self._save_whole(snapshot, weights)
                self.written = True
        except OSError as error:
            raise self._cannot_be_written(error) from error

    def _save_whole(self, snapshot: "Snapshot", weights: Mapping[str, "Tensor"]) -> None:
        """Write all files into a folder of their own, then put them in place."""
        place = self.path.resolve()  # a link stays a link
        there = place.is_dir()
        home = place if there else place.parent
        if Layout(place).checkpoint.is_dir():  # cleared away in the end, whatever happens
            home = Layout(place).checkpoint
        home.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=home))
        try:
            layout = Layout(folder)
            snapshot.tokenizer.save(layout.tokenizer)
            if snapshot.target_tokenizer is not None:
                snapshot.target_tokenizer.save(layout.target_tokenizer)
            _write_task_files(folder, snapshot)
            _write_weights(folder, weights)
            _write_description(folder, snapshot)
            if there:  # other files that a person keeps there stay
                self._set_aside(place)
                # Without its description there is no model: never one of old and new files.
                Layout(place).config.unlink(missing_ok=True)
                for new, old in zip(layout.files, Layout(place).files, strict=True):
                    if new.exists():
                        new.replace(old)
                    else:
                        old.unlink(missing_ok=True)
            else:
                folder.chmod(0o777 & ~umask())  # mkdtemp makes it private
                folder.rename(place)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _set_aside(self, place: Path) -> None:
        """Keep a copy of a finished model until the one that replaces it is finished, too."""
        info = _model_there(place)
        if info is None or not _is_finished(info):
            return
        self.replaced.parent.mkdir(exist_ok=True)
        shutil.rmtree(self.replaced, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=".", dir=self.replaced.parent))
        for file in Layout(place).files:
            if file.exists():
                shutil.copy(file, folder)
        folder.rename(self.replaced)


@dataclass
class Snapshot:
    """What is written of a model beside its weights."""

    description: ModelDescription
    card: str
    metrics: list[dict[str, Any]]
    tokenizer: Tokenizer
    target_tokenizer: Tokenizer | None
    task_files: dict[str, Callable[[Path], None]] = field(default_factory=dict)


def _write_task_files(folder: Path, snapshot: Snapshot) -> None:
    for name, write in snapshot.task_files.items():
        write(folder / name)


def _write_weights(folder: Path, weights: Mapping[str, "Tensor"]) -> None:
    from safetensors.torch import save

    data = save(_without_tied(weights), metadata={"format": "pt"})
    write_bytes(Layout(folder).weights, data)


def _write_description(folder: Path, snapshot: Snapshot) -> None:
    lines = "".join(json.dumps(line) + "\n" for line in snapshot.metrics)
    layout = Layout(folder)
    write_bytes(layout.metrics, lines.encode())
    write_bytes(layout.card, snapshot.card.encode())
    described = replace(snapshot.description, task_files=tuple(snapshot.task_files))
    text = json.dumps(described.to_json(), indent=2, ensure_ascii=False)
    write_bytes(layout.config, f"{text}\n".encode())


def _without_tied(weights: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """Leave out what is stored under another name, the decoder's if it has one; halve the rest.

    Half precision changes no score by more than its last digits, and models are half as large.
    """
    names = sorted(weights, key=lambda name: name != "decoder.embedding.weight")
    first: dict[int, str] = {}
    for name in names:
        first.setdefault(id(weights[name]), name)
    return {
        name: _halved(tensor.detach()).cpu().contiguous()
        for name, tensor in weights.items()
        if first[id(tensor)] == name
    }


def _halved(tensor: "Tensor") -> "Tensor":
    return tensor.half() if tensor.is_floating_point() else tensor


def _model_there(path: Path) -> dict[str, Any] | None:
    """Return a directory's config.json, if it is one of rnncli, of whatever version."""
    try:
        info = json.loads(require_regular_file(Layout(path).config).read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError, ModelError):
        return None
    known = isinstance(info, dict) and "format_version" in info and info.get("task") in TASKS
    return info if known else None


def _is_finished(info: dict[str, Any]) -> bool:
    """Return whether a model is one whose training has ended, as far as it says."""
    training = info.get("training")
    return not isinstance(training, dict) or training.get("finished") is not False


def _lock(file: BinaryIO) -> bool:
    """Lock a file until it is closed or the process ends, and return whether that went well."""
    try:
        import fcntl
    except ImportError:  # Windows: there is no guard
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    # Not if it is one that another training has just cleared away.
    return Path(file.name).exists() and os.path.samestat(
        os.fstat(file.fileno()), Path(file.name).stat()
    )
