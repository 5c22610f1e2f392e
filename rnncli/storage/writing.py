"""Write a model directory while training runs.

A new model appears as a whole; one that it replaces is kept until it is finished. The state of an
interrupted training lies in a folder in it.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from rnncli.config import TASKS
from rnncli.errors import ModelError
from rnncli.storage.atomic_files import (
    defer_interrupts,
    exclusive_lock,
    free_path,
    temporary_path,
    write_bytes,
)
from rnncli.storage.description import ModelDescription
from rnncli.storage.layout import Layout, require_regular_file
from rnncli.storage.replacement import complete, remove, replacement, require_folder
from rnncli.text.files import sha256
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.unicode import replace_surrogates

if TYPE_CHECKING:
    from torch import Tensor


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
        self._layout = Layout(path)
        self._digests: dict[str, str] = {}  # of the files that are saved
        self._is_finished = False
        self._check()

    def _check(self) -> None:
        layout, path = self._layout, self.path
        if os.path.lexists(path) and not path.is_dir():
            raise ModelError(f"{path} is a file, or a link to nothing", self._other_output)
        require_folder(layout.checkpoint)
        # A state is there: the training goes on if it is the same, and else is told apart later.
        if path.is_dir() and not layout.state.exists():
            unfinished = {layout.checkpoint, layout.removed, *map(temporary_path, layout.files)}
            is_model = _is_model(layout)
            if not is_model and set(path.iterdir()) - unfinished:
                raise ModelError(f"{path} holds other files, and no model", self._other_output)
            if is_model and (_is_finished(layout) or self.replaced) and not self.force:
                raise ModelError(
                    f"{path} holds a model already{self._kept_model}",
                    f"{self._other_output}\nor replace it: --force",
                )
        ancestor = next(each for each in (path, *path.absolute().parents) if each.exists())
        if not ancestor.is_dir() or not os.access(ancestor, os.W_OK):
            raise ModelError(
                f"nothing can be written in {ancestor}",
                f"-o {quote(str(Path(tempfile.gettempdir(), path.name)))}",
            )

    @property
    def replaced(self) -> Path | None:
        """The path of the finished model that is being replaced, if there was one."""
        return path if _is_model(Layout(path := self._layout.replaced)) else None

    @property
    def _other_output(self) -> str:
        return f"-o {quote(str(free_path(self.path)))}"

    @property
    def _kept_model(self) -> str:
        return f"; the model before it is kept: {self.replaced}" if self.replaced else ""

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the directory against other trainings; what stays empty is removed afterwards.

        Raises:
            ModelError: another training runs there, or a model has appeared that is not to be
                overwritten.

        """
        layout = self._layout
        created = [each for each in (self.path, *self.path.parents) if not each.exists()]
        require_folder(layout.checkpoint)
        layout.checkpoint.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(layout.lock) as is_locked:
            if not is_locked:
                raise ModelError(f"another training writes to {self.path}", self._other_output)
            try:
                self._check()  # another training may have ended since
                leftovers = map(temporary_path, layout.files)
                for file in (layout.removed, *layout.checkpoint.glob(".*"), *leftovers):
                    remove(file)  # of a process that was killed
                complete(layout)
                yield
            finally:
                self._clear(created)
        if os.name == "nt":  # where a locked file cannot be removed
            self._clear(created)

    def _clear(self, created: Sequence[Path]) -> None:
        """Remove a checkpoint that is not needed any more, and new directories that are empty."""
        layout = self._layout
        with suppress(OSError, ModelError):
            complete(layout)
        if layout.is_being_replaced or (layout.state.exists() and not self._is_finished):
            return
        if self.replaced is not None and not _is_finished(layout):
            remove(layout.lock)  # the training failed after its first evaluation
            return
        with suppress(OSError):  # at once: a part of a checkpoint would be another state
            layout.checkpoint.rename(layout.removed)
        remove(layout.removed)
        with suppress(OSError):  # one is not empty
            for folder in created:
                folder.rmdir()

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

    def finish(self, snapshot: "Snapshot", tuned: Collection[str] = ()) -> None:
        """Write the final description, with the ``tuned`` task files, and let the state go.

        Raises:
            ModelError: it cannot be written.

        """
        self._write(snapshot, None, tuned)
        self._is_finished = True  # the state goes with the checkpoint; so far it could be resumed

    def _cannot_be_written(self, error: OSError) -> ModelError:
        return ModelError(
            f"{self.path} cannot be written: {error.strerror}",
            f"make room there and run the same command again: df -h {quote(str(self.path.parent))}",
        )

    def save(self, snapshot: "Snapshot", weights: Mapping[str, "Tensor"]) -> None:
        """Write the model as a whole: files of a model before, if there was one, go.

        Raises:
            ModelError: the model cannot be written; the one before is unchanged.

        """
        self._write(snapshot, weights)

    def _write(
        self,
        snapshot: "Snapshot",
        weights: "Mapping[str, Tensor] | None",
        tuned: Collection[str] = (),
    ) -> None:
        """Write what has not been saved yet, and what changes: weights, scores, description."""
        layout = Layout(self.path.resolve())
        folders = [layout.checkpoint] if layout.root.exists() else [layout.checkpoint, layout.root]
        try:
            with defer_interrupts(), replacement(layout) as new:
                if weights is None and not self._digests:  # resumed after the best evaluation
                    self._digests = {f.name: sha256(f) for f in layout.model_files if f.exists()}
                elif not self._digests:
                    self._keep_replaced(layout)
                for name, write in _writers(snapshot).items():
                    if name not in self._digests or name in tuned:
                        write(new.root / name)
                if weights is not None:
                    _write_weights(new, weights)
                self._digests |= {file.name: sha256(file) for file in new.root.iterdir()}
                _write_description(new, snapshot, self._digests)
        except OSError as error:
            raise self._cannot_be_written(error) from error
        finally:
            for folder in folders:
                with suppress(OSError):  # only where it is empty
                    folder.rmdir()

    def _keep_replaced(self, layout: Layout) -> None:
        """Copy a finished model, which is kept until its replacement is finished."""
        if not (_is_model(layout) and _is_finished(layout)):
            return
        copy = Path(tempfile.mkdtemp(prefix=".", dir=layout.checkpoint))
        with suppress(ModelError):  # a file that no model can have: nothing that could be used
            for file in filter(Path.exists, layout.files):
                shutil.copy(require_regular_file(file), copy)
            remove(layout.replaced)
            copy.rename(layout.replaced)
        remove(copy)


@dataclass
class Snapshot:
    """A model as it is to be saved, without its weights."""

    description: ModelDescription
    card: str
    metrics: list[dict[str, Any]]
    tokenizer: Tokenizer | None
    target_tokenizer: Tokenizer | None
    task_files: dict[str, Callable[[Path], None]] = field(default_factory=dict)


def _writers(snapshot: Snapshot) -> dict[str, Callable[[Path], None]]:
    """Return the functions that write the files that a training writes once."""
    layout = Layout(Path())
    files = layout.tokenizer, layout.target_tokenizer
    tokenizers = zip(files, (snapshot.tokenizer, snapshot.target_tokenizer), strict=True)
    return snapshot.task_files | {file.name: each.save for file, each in tokenizers if each}


def _write_weights(layout: Layout, weights: Mapping[str, "Tensor"]) -> None:
    from safetensors.torch import save

    write_bytes(layout.weights, save(_without_tied(weights), metadata={"format": "pt"}))


def _write_description(layout: Layout, snapshot: Snapshot, digests: Mapping[str, str]) -> None:
    """Write scores, card and description."""
    description = replace(
        snapshot.description, task_files=tuple(snapshot.task_files), files=digests
    )
    config = json.dumps(description.to_json(), indent=2, ensure_ascii=False)
    metrics = "".join(json.dumps(line) + "\n" for line in snapshot.metrics)
    write_bytes(layout.metrics, metrics.encode())
    for file, text in ((layout.card, snapshot.card), (layout.config, f"{config}\n")):
        write_bytes(file, replace_surrogates(text).encode())  # of names that are no UTF-8


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
        path = require_regular_file(layout.current(layout.config))
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError, ModelError):
        return {}
    return values if isinstance(values, dict) else {}
