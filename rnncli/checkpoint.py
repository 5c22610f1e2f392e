"""The model directory: atomic writes, careful reading, no pickle.

Every file is written beside and renamed into place. A new model appears as a whole; one that was
there before gives way only when the new one is complete.
"""

import json
import math
import os
import reprlib
import shlex
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any, BinaryIO

from safetensors import SafetensorError, safe_open

from rnncli.config import (
    FORMAT_VERSION,
    LEVELS,
    MAX_SEED,
    TASKS,
    InferenceDevice,
    ModelConfig,
    Task,
)
from rnncli.errors import ConfigError, ModelError
from rnncli.runtime import Floats, Network
from rnncli.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch import Tensor

    from rnncli.gpu import TorchNetwork
    from rnncli.training import State

CONFIG, WEIGHTS, CARD, METRICS = "config.json", "model.safetensors", "README.md", "metrics.jsonl"
TOKENIZER, TARGET_TOKENIZER = "tokenizer.json", "target_tokenizer.json"
FILES = (TOKENIZER, TARGET_TOKENIZER, WEIGHTS, CARD, METRICS, CONFIG)
CHECKPOINT, STATE, LOCK = "checkpoint", "state.safetensors", "lock"
UNFINISHED = tuple(f".{name}.new" for name in FILES)  # left behind by a process that was killed
ELSEWHERE = "name another place: -o DIR"
DAMAGED = "copy the model again, or train it again"

# Far above what a model needs. JSON may take 30 times its text in memory.
LARGEST = {CONFIG: 16 << 20, TOKENIZER: 64 << 20, TARGET_TOKENIZER: 64 << 20}
LARGEST_HEADER = 1 << 20  # of the weights: their names and places in the file
LARGEST_WEIGHT = 1e4  # a hundred times what is learned; far beyond it, products overflow


@dataclass(frozen=True)
class SavedModel:
    """A model as it lies on disk: description, tokenizers and network."""

    path: Path
    info: dict[str, Any]  # the whole config.json
    config: ModelConfig
    tokenizer: Tokenizer
    target_tokenizer: Tokenizer  # of what the decoder writes; the same one where there is but one
    weights: Mapping[str, Floats]
    network: "Network | TorchNetwork"


def load(path: Path, task: Task | None = None, device: InferenceDevice = "cpu") -> SavedModel:
    """Read a model directory and check that its parts fit together.

    On a CPU the network is NumPy's, which starts at once; on a GPU it is PyTorch's.

    Raises:
        ModelError: something is missing, damaged, of another task or of a newer format.
        ConfigError: there is no such device.

    """
    info = _read_description(path)
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
    if config.task != info["task"] or level not in LEVELS:
        raise ModelError(f"{path / CONFIG} is damaged: task or level is wrong", DAMAGED)
    if config.task == "classify" and not _are_labels(info.get("labels"), config.num_classes):
        raise ModelError(f"{path / CONFIG} is damaged: labels and classes differ", DAMAGED)
    weights = _read_weights(path / WEIGHTS, config, info.get("shapes"))
    tokenizer = Tokenizer.load(_harmless(path / TOKENIZER), level)
    target_tokenizer = tokenizer
    if config.target_vocab_size:
        target_tokenizer = Tokenizer.load(_harmless(path / TARGET_TOKENIZER), level)
    _check_vocabulary(path, tokenizer, config.vocab_size)
    _check_vocabulary(path, target_tokenizer, config.target_vocab_size or config.vocab_size)
    network = _network(config, weights, device)
    return SavedModel(path, info, config, tokenizer, target_tokenizer, weights, network)


def _network(
    config: ModelConfig, weights: Mapping[str, Floats], device: InferenceDevice
) -> "Network | TorchNetwork":
    if device == "cpu":
        return Network(config, weights)
    from rnncli.gpu import TorchNetwork  # imports torch

    return TorchNetwork(config, weights, device)


def read_info(path: Path) -> dict[str, Any]:
    """Return the description in a model directory, with the data that it was trained on.

    Raises:
        ModelError: there is no model, or it is damaged or of a newer format.

    """
    info = _read_description(path)
    if not _tells_its_data(info):
        raise ModelError(f"{path / CONFIG} is damaged: data or settings are wrong", DAMAGED)
    return info


def _tells_its_data(info: dict[str, Any]) -> bool:
    """Return whether a description has all that is needed to score the model again."""
    match info:
        case {
            "data": {
                "name": str(),
                "arguments": [*arguments],
                "columns": dict(columns),
                "fingerprint": str(),
                **more,
            },
            "settings": {"validation": float(validation), "seed": int(seed)},
        }:
            match more.get("languages"):
                case None | [str(), str()]:
                    texts = [*arguments, *columns.values()]
                    are_texts = all(isinstance(text, str) for text in texts)
                    return are_texts and 0 < validation < 1 and 0 <= seed <= MAX_SEED
    return False


def _are_labels(labels: object, number: int) -> bool:
    """Return whether these are so many different labels."""
    return (
        isinstance(labels, list)
        and all(isinstance(label, str) for label in labels)
        and len(set(labels)) == len(labels) == number
    )


def _harmless(path: Path) -> Path:
    """Return the path of a file of a model, which may come from a stranger.

    Raises:
        ModelError: it is a link to another place, no file at all, or far too large.

    """
    home, real = os.path.realpath(path.parent), os.path.realpath(path)
    if not Path(real).is_relative_to(home):
        raise ModelError(
            f"{path} is a link that leads out of the model directory",
            "copy the model with what its links lead to: cp -rL",
        )
    if path.exists() and not path.is_file():  # reading a pipe would wait forever
        raise ModelError(f"{path} is no file", DAMAGED)
    if path.exists() and path.stat().st_size > LARGEST.get(path.name, math.inf):
        raise ModelError(f"{path} is too large: {path.stat().st_size:,} bytes", DAMAGED)
    return path


def _read_description(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        what = "is a file, not a model directory" if path.exists() else "does not exist"
        raise ModelError(f"{path} {what}", "train a model first: rnncli train, or name one: -m DIR")
    try:
        info = json.loads(_harmless(path / CONFIG).read_text(encoding="utf-8"))
        json.dumps(info, ensure_ascii=False).encode()  # fails at what could not be printed either
    except FileNotFoundError:
        raise ModelError(
            f"{path} holds no model: {CONFIG} is missing",
            "train one: rnncli train, or name one: -m DIR",
        ) from None
    except (ValueError, OSError, RecursionError) as error:
        raise ModelError(f"{path / CONFIG} cannot be read: {error}", DAMAGED) from None
    version = info.get("format_version") if isinstance(info, dict) else None
    if type(version) is not int or version < 1:  # true is an int, too
        raise ModelError(f"{path / CONFIG} does not describe a model of rnncli", DAMAGED)
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{path} has format {reprlib.repr(version)}, newer than this rnncli can read",
            "pip install --upgrade rnncli",
        )
    if info.get("task") not in TASKS:
        shown = reprlib.repr(info.get("task"))
        raise ModelError(f"{path / CONFIG} names no known task: {shown}", DAMAGED)
    described: dict[str, Any] = info
    return described


def _check_vocabulary(path: Path, tokenizer: Tokenizer, size: int) -> None:
    if tokenizer.vocab_size != size:
        raise ModelError(
            f"the tokenizer in {path} has {tokenizer.vocab_size} tokens, the model {size}", DAMAGED
        )


def expected_shapes(config: ModelConfig) -> dict[str, list[int]]:
    """Return the shape of every weight that the file of such a model holds, by its name."""
    width, size, layers = config.embedding_dim, config.hidden_size, config.num_layers
    rows = {"lstm": 4, "gru": 3, "rnn": 1, "mingru": 2}[config.cell] * size  # of all gates
    shapes: dict[str, list[int]] = {}

    def recurrent(prefix: str, inputs: int) -> None:
        shapes[prefix + "weight_ih"], shapes[prefix + "bias_ih"] = [rows, inputs], [rows]
        if config.cell != "mingru":
            shapes[prefix + "weight_hh"], shapes[prefix + "bias_hh"] = [rows, size], [rows]

    def linear(prefix: str, inputs: int, outputs: int) -> None:
        shapes[prefix + ".weight"], shapes[prefix + ".bias"] = [outputs, inputs], [outputs]

    directions = 2 if config.bidirectional else 1
    memory = directions * size  # of the encoder, for each token
    joint = config.task == "translate" and not config.target_vocab_size
    if config.task != "generate":
        if not (joint and config.tie_embeddings):
            shapes["encoder.embedding.weight"] = [config.vocab_size, width]
        for layer in range(layers):
            for direction in range(directions):
                inputs = memory if layer else width
                recurrent(f"encoder.layers.{layer}.{direction}.", inputs)
    if config.task == "classify":
        linear("head.output", 3 * memory, config.num_classes)
        return shapes
    vocabulary = config.target_vocab_size or config.vocab_size
    shapes["decoder.embedding.weight"] = [vocabulary, width]
    for layer in range(layers):
        recurrent(f"decoder.layers.{layer}.", size if layer else width)
    if config.task == "translate":
        shapes["decoder.attention.query.weight"] = [memory, size]
        linear("decoder.attention.combine", size + memory, size)
        linear("decoder.bridge", memory, layers * size)
    if config.tie_embeddings and size != width:
        linear("decoder.projection", size, width)
    linear("decoder.output", width if config.tie_embeddings else size, vocabulary)
    if config.tie_embeddings:
        del shapes["decoder.output.weight"]
    return shapes


def _read_weights(path: Path, config: ModelConfig, described: object) -> dict[str, Floats]:
    """Read the weights, once the file is known to hold what the network needs and no more."""
    expected = expected_shapes(config)
    if described != expected:
        raise ModelError(f"{path} does not fit {CONFIG}: the shapes there are others", DAMAGED)
    most = 4 * sum(map(math.prod, expected.values())) + LARGEST_HEADER
    try:
        if _harmless(path).stat().st_size > most:
            raise ModelError(f"{path} does not fit {CONFIG}: it is too large", DAMAGED)
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            found = {name: [part.get_dtype(), part.get_shape()] for name, part in slices.items()}
            wanted = {name: ["F32", shape] for name, shape in expected.items()}
            names = found.keys() | wanted.keys()
            odd = sorted(name for name in names if found.get(name) != wanted.get(name))
            if odd:
                shown = ", ".join(map(reprlib.repr, odd[:3]))
                raise ModelError(f"{path} does not fit {CONFIG}: {shown}", DAMAGED)
            weights: dict[str, Floats] = {name: file.get_tensor(name) for name in expected}
    except FileNotFoundError:
        raise ModelError(f"{path} is missing", "copy the whole model directory") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {str(error)[:200]}", DAMAGED) from None
    for name, array in weights.items():
        if not -LARGEST_WEIGHT <= array.min() <= array.max() <= LARGEST_WEIGHT:  # nor NaN
            raise ModelError(f"{path} is damaged: {name} has numbers that none learned", DAMAGED)
    return weights


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
        self._state = path / CHECKPOINT / STATE
        self.force = force
        if path.exists() and not path.is_dir():
            raise ModelError(f"{path} is a file", ELSEWHERE)
        if path.is_dir() and {entry.name for entry in path.iterdir()} - {CHECKPOINT, *UNFINISHED}:
            info = _model_there(path)
            if info is None:
                raise ModelError(f"{path} holds other files, and no model", ELSEWHERE)
            training = info.get("training")
            finished = not isinstance(training, dict) or training.get("finished", True)
            if not force and (finished or not self._state.exists()):
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
        folder = self.path / CHECKPOINT
        made = not self.path.exists()
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOCK).open("wb") as file:
            if not _lock(file):
                raise ModelError(f"another training writes to {self.path}", f"wait, or {ELSEWHERE}")
            for name in UNFINISHED:
                (self.path / name).unlink(missing_ok=True)
            try:
                yield
            finally:
                if not self._state.exists():  # nothing to go on from
                    shutil.rmtree(folder, ignore_errors=True)
                    if made and not any(self.path.iterdir()):
                        self.path.rmdir()

    def saved_run(self) -> "SavedRun | None":
        """Return the training that was interrupted here, if there is one.

        Raises:
            ModelError: it is damaged.

        """
        if not self._state.exists():
            return None
        from safetensors import safe_open

        from rnncli.training import State

        try:
            with safe_open(_harmless(self._state), framework="pt") as file:
                told = json.loads(file.metadata()["run"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            state = State(tensors, told["numbers"])
            return SavedRun(told["identity"], told["info"], told["metrics"], told["best"], state)
        except (
            SafetensorError,
            OSError,
            ValueError,
            LookupError,
            TypeError,
            RecursionError,
        ) as error:
            raise ModelError(
                f"{self._state} cannot be read: {error}",
                f"start anew: rm -r {shlex.quote(str(self._state.parent))}",
            ) from None

    def discard_run(self) -> None:
        """Forget the training that was interrupted here."""
        self._state.unlink(missing_ok=True)

    def save_run(self, run: "SavedRun") -> None:
        """Write all that is needed to go on; what was there before stays until then.

        Raises:
            ModelError: it cannot be written.

        """
        from safetensors.torch import save

        told = {
            "identity": run.identity,
            "info": run.info,
            "metrics": run.metrics,
            "best": run.best,
            "numbers": run.state.numbers,
        }
        tensors = {name: tensor.contiguous() for name, tensor in run.state.tensors.items()}
        try:
            with _undisturbed():
                self._state.parent.mkdir(parents=True, exist_ok=True)
                _write_bytes(self._state, save(tensors, metadata={"run": json.dumps(told)}))
        except OSError as error:
            raise self._cannot_be_written(error) from error

    def finish(self, snapshot: "Snapshot") -> None:
        """Write the description of a finished model and forget how it was trained.

        Raises:
            ModelError: it cannot be written.

        """
        try:
            with _undisturbed():
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
            with _undisturbed():
                if self.written:
                    _write_weights(self.path, snapshot, weights)
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
        if (place / CHECKPOINT).is_dir():  # which is cleared away in the end, whatever happens
            home = place / CHECKPOINT
        home.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=home))
        try:
            snapshot.tokenizer.save(folder / TOKENIZER)
            if snapshot.target_tokenizer is not None:
                snapshot.target_tokenizer.save(folder / TARGET_TOKENIZER)
            _write_weights(folder, snapshot, weights)
            _write_description(folder, snapshot)
            if there:  # other files that a person keeps there stay
                # Without its description there is no model: never one of old and new files.
                (place / CONFIG).unlink(missing_ok=True)
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


@dataclass(frozen=True)
class SavedRun:
    """A training that was interrupted: what it was, how far it came, and its state."""

    identity: dict[str, Any]  # settings and data; another training differs in something
    info: dict[str, Any]  # config.json so far
    metrics: list[dict[str, Any]]
    best: bool  # the state was just found to be the best; perhaps it is not on disk yet
    state: "State"


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


def _model_there(path: Path) -> dict[str, Any] | None:
    """Return a directory's config.json, if it is one of rnncli, of whatever version."""
    try:
        info = json.loads(_harmless(path / CONFIG).read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError, ModelError):
        return None
    known = isinstance(info, dict) and "format_version" in info and info.get("task") in TASKS
    return info if known else None


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


def _write_bytes(path: Path, data: bytes) -> None:
    """Write beside, flush to the disk, and rename into place."""
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Have the disk keep the names in a folder, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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
        signal.raise_signal(signal.SIGINT)  # to whoever listens now


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
