"""The model directory: atomic writes, careful reading, no pickle.

Every file is written beside and renamed into place. A new model appears as a whole; one that was
there before gives way only when the new one is complete.
"""

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from rnncli.config import FORMAT_VERSION, TASKS, InferenceDevice, ModelConfig, Task
from rnncli.errors import ConfigError, ModelError
from rnncli.runtime import Floats, Network
from rnncli.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch import Tensor

    from rnncli.gpu import TorchNetwork

CONFIG, WEIGHTS, CARD, METRICS = "config.json", "model.safetensors", "README.md", "metrics.jsonl"
TOKENIZER, TARGET_TOKENIZER = "tokenizer.json", "target_tokenizer.json"
FILES = (TOKENIZER, TARGET_TOKENIZER, WEIGHTS, CARD, METRICS, CONFIG)
ELSEWHERE = "name another place: -o DIR"
DAMAGED = "copy the model again, or train it again"


@dataclass(frozen=True)
class SavedModel:
    """A model as it lies on disk: description, tokenizers and network."""

    path: Path
    info: dict[str, Any]  # the whole config.json
    config: ModelConfig
    tokenizer: Tokenizer
    target_tokenizer: Tokenizer  # of what the decoder writes; the same one where there is but one
    network: "Network | TorchNetwork"


def load(path: Path, task: Task | None = None, device: InferenceDevice = "cpu") -> SavedModel:
    """Read a model directory and check that its parts fit together.

    On a CPU the network is NumPy's, which starts at once; on a GPU it is PyTorch's.

    Raises:
        ModelError: something is missing, damaged, of another task or of a newer format.
        ConfigError: there is no such device.

    """
    info = read_info(path)
    if task is not None and info["task"] != task:
        raise ModelError(
            f"{path} is a model to {info['task']} with, not to {task}",
            f"rnncli {info['task']} -m {path}",
        )
    try:
        names = [field.name for field in fields(ModelConfig)]
        config = ModelConfig(**{name: info["model"][name] for name in names})
        level = info["level"]
    except (KeyError, TypeError, ConfigError) as error:
        raise ModelError(f"{path / CONFIG} is damaged: {error}", DAMAGED) from None
    tokenizer = Tokenizer.load(path / TOKENIZER, level)
    target_tokenizer = tokenizer
    if config.target_vocab_size:
        target_tokenizer = Tokenizer.load(path / TARGET_TOKENIZER, level)
    _check_vocabulary(path, tokenizer, config.vocab_size)
    _check_vocabulary(path, target_tokenizer, config.target_vocab_size or config.vocab_size)
    if config.task == "classify" and len(info.get("labels", ())) != config.num_classes:
        raise ModelError(f"{path / CONFIG} is damaged: labels and classes differ", DAMAGED)
    weights = _read_weights(path / WEIGHTS, info)
    if device == "cuda":
        from rnncli import gpu  # imports torch

        accelerated = gpu.TorchNetwork(config, weights, device)
        return SavedModel(path, info, config, tokenizer, target_tokenizer, accelerated)
    return SavedModel(path, info, config, tokenizer, target_tokenizer, Network(config, weights))


def read_info(path: Path) -> dict[str, Any]:
    """Return the description in a model directory.

    Raises:
        ModelError: there is no model, or it is damaged or of a newer format.

    """
    if not path.is_dir():
        what = "is a file, not a model directory" if path.exists() else "does not exist"
        raise ModelError(f"{path} {what}", "train a model first: rnncli train, or name one: -m DIR")
    try:
        info = json.loads((path / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"{path} holds no model: {CONFIG} is missing",
            "train one: rnncli train, or name one: -m DIR",
        ) from None
    except (ValueError, OSError) as error:
        raise ModelError(f"{path / CONFIG} cannot be read: {error}", DAMAGED) from None
    if not isinstance(info, dict) or not isinstance(info.get("format_version"), int):
        raise ModelError(f"{path / CONFIG} does not describe a model of rnncli", DAMAGED)
    if info["format_version"] > FORMAT_VERSION:
        raise ModelError(
            f"{path} has format {info['format_version']}, newer than this rnncli can read",
            "pip install --upgrade rnncli",
        )
    if info.get("task") not in TASKS:
        raise ModelError(f"{path / CONFIG} names no known task: {info.get('task')!r}", DAMAGED)
    return info


def _check_vocabulary(path: Path, tokenizer: Tokenizer, size: int) -> None:
    if tokenizer.vocab_size != size:
        raise ModelError(
            f"the tokenizer in {path} has {tokenizer.vocab_size} tokens, the model {size}", DAMAGED
        )


def _read_weights(path: Path, info: Mapping[str, Any]) -> dict[str, Floats]:
    try:
        weights = load_file(path)
    except FileNotFoundError:
        raise ModelError(f"{path} is missing", "copy the whole model directory") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}", DAMAGED) from None
    shapes = {name: list(array.shape) for name, array in weights.items()}
    expected = info.get("shapes")
    if shapes != expected:
        missing = sorted(set(expected or {}) - set(shapes))
        odd = sorted(n for n, shape in shapes.items() if (expected or {}).get(n) != shape)
        raise ModelError(f"{path} does not fit {CONFIG}: {', '.join((missing + odd)[:3])}", DAMAGED)
    return {name: array.astype(np.float32, copy=False) for name, array in weights.items()}


class ModelWriter:
    """Write a model directory while training runs; it always holds the best model so far."""

    def __init__(self, path: Path, force: bool) -> None:
        """Refuse to write where something else lies.

        Raises:
            ModelError: the directory holds a model and ``force`` is off, or it holds other things,
                or nothing can be written there.

        """
        self.path = path
        self.written = False
        if path.exists() and not path.is_dir():
            raise ModelError(f"{path} is a file", ELSEWHERE)
        if path.is_dir() and any(path.iterdir()):
            if not _holds_model(path):
                raise ModelError(f"{path} holds other files, and no model", ELSEWHERE)
            if not force:
                raise ModelError(f"{path} holds a model already", f"{ELSEWHERE}, or add --force")
        ancestor = path.absolute()
        while not ancestor.exists():
            ancestor = ancestor.parent
        if not ancestor.is_dir() or not os.access(ancestor, os.W_OK):
            raise ModelError(f"nothing can be written in {ancestor}", ELSEWHERE)

    def save(self, snapshot: "Snapshot", weights: Mapping[str, "Tensor"]) -> None:
        """Write the model, as a whole the first time and file by file afterwards.

        Raises:
            ModelError: the model cannot be written; what was there before is as it was.

        """
        try:
            with _undisturbed():
                if self.written:
                    _write_weights(self.path, snapshot, weights)
                    _write_description(self.path, snapshot)
                else:
                    self._save_whole(snapshot, weights)
                self.written = True
        except OSError as error:
            raise ModelError(
                f"{self.path} cannot be written: {error.strerror}",
                f"make room there, or {ELSEWHERE}",
            ) from error

    def _save_whole(self, snapshot: "Snapshot", weights: Mapping[str, "Tensor"]) -> None:
        """Write all files into a folder of their own, then put them in place."""
        place = self.path.resolve()  # a link stays a link
        there = place.is_dir()
        home = place if there else place.parent
        home.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=home))
        try:
            snapshot.tokenizer.save(folder / TOKENIZER)
            if snapshot.target_tokenizer is not None:
                snapshot.target_tokenizer.save(folder / TARGET_TOKENIZER)
            _write_weights(folder, snapshot, weights)
            _write_description(folder, snapshot)
            if there:  # other files that a person keeps there stay
                for name in FILES:
                    if (folder / name).exists():
                        (folder / name).replace(place / name)
                    else:
                        (place / name).unlink(missing_ok=True)
            else:
                folder.chmod(0o777 & ~_umask())  # mkdtemp makes it private
                folder.rename(place)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def describe(self, snapshot: "Snapshot") -> None:
        """Write all but weights and tokenizers again."""
        with _undisturbed():
            _write_description(self.path, snapshot)


@dataclass
class Snapshot:
    """What is written of a model beside its weights; ``info`` becomes config.json."""

    info: dict[str, Any]
    card: str
    metrics: list[dict[str, Any]]
    tokenizer: Tokenizer
    target_tokenizer: Tokenizer | None


def _write_weights(folder: Path, snapshot: Snapshot, weights: Mapping[str, "Tensor"]) -> None:
    from safetensors.torch import save

    unique = _without_tied(weights)
    snapshot.info["shapes"] = {name: list(tensor.shape) for name, tensor in unique.items()}
    _write_bytes(folder / WEIGHTS, save(unique, metadata={"format": "pt"}))


def _write_description(folder: Path, snapshot: Snapshot) -> None:
    lines = "".join(json.dumps(line) + "\n" for line in snapshot.metrics)
    _write_bytes(folder / METRICS, lines.encode())
    _write_bytes(folder / CARD, snapshot.card.encode())
    description = json.dumps(snapshot.info, indent=2, ensure_ascii=False)
    _write_bytes(folder / CONFIG, (description + "\n").encode())


def _without_tied(weights: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """Leave out weights that are the decoder's embedding under another name."""
    embedding = weights.get("decoder.embedding.weight")
    unique: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        if tensor is embedding and name != "decoder.embedding.weight":
            continue
        unique[name] = tensor.detach().float().cpu().contiguous()
    return unique


def _holds_model(path: Path) -> bool:
    """Return whether a directory's config.json is one of rnncli, of whatever version."""
    try:
        info = json.loads((path / CONFIG).read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return False
    return isinstance(info, dict) and "format_version" in info and info.get("task") in TASKS


def _write_bytes(path: Path, data: bytes) -> None:
    """Write beside, flush to the disk, and rename into place."""
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold Ctrl-C back until files that belong together are all in place."""
    if current_thread() is not main_thread():  # which alone hears of signals
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
