"""Read a model directory, which may be untrusted: everything is checked, nothing unpickled.

No weight is read before the description, the shapes and the file sizes fit together.
"""

import hashlib
import json
import reprlib
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from rnncli.config import BUNDLED_CORPORA, FORMAT_VERSION, MODELS, TASKS, Task
from rnncli.errors import ModelError
from rnncli.messages import did_you_mean
from rnncli.networks.architecture import VECTORS, Tokens, parameters
from rnncli.networks.heads import Ctc, Vocabulary
from rnncli.networks.model_numpy import Network, build
from rnncli.networks.numerics import Floats
from rnncli.storage.description import ModelDescription, parse
from rnncli.storage.layout import DAMAGED, Layout, require_digest, require_regular_file
from rnncli.storage.quantization import dequantized, quantized_specs
from rnncli.storage.shared_vectors import read_shared, shares_vectors
from rnncli.storage.tensors import TensorFile, TensorSpec
from rnncli.text.tokenizer import Tokenizer

Model = TypeVar("Model")

ATTEMPTS, PAUSE = 50, 0.001  # to read a model while it is replaced; seconds, longer each time


@dataclass(frozen=True)
class SavedModel:
    """A model that was read: description, tokenizers and network."""

    layout: Layout
    description: ModelDescription
    tokenizer: Tokenizer | None  # None where numbers are read and written
    target_tokenizer: (
        Tokenizer | None
    )  # of the output; ``tokenizer`` itself where the model has one only
    weights: Mapping[str, Floats]
    network: Network
    task_files: Mapping[str, TensorFile] = field(default_factory=dict)  # by their names
    is_on_disk: bool = True  # else it is that of a training that goes on

    def require_tokenizer(self) -> Tokenizer:
        """Return the tokenizer of a model that reads text."""
        assert self.tokenizer is not None
        return self.tokenizer

    @property
    def path(self) -> Path:
        """Return the directory."""
        return self.layout.root

    @property
    def digest(self) -> str:
        """Return a SHA-256 that tells the model from others: of what it consists of."""
        content = {name: values.tobytes() for name, values in self.weights.items()}
        digest = hashlib.sha256(repr(self.description).encode())
        for name in sorted(content):
            digest.update(content[name])
        return digest.hexdigest()

    @property
    def fingerprint(self) -> str:
        """Return a SHA-256 of all that the model answers with."""
        if self.description.files:  # their digests, which were checked
            return hashlib.sha256(repr(self.description).encode()).hexdigest()
        return self.digest

    def require_tuned(
        self,
        required: set[str],
        optional: frozenset[str] = frozenset(),
        maximum: Mapping[str, float] | None = None,
    ) -> Mapping[str, float]:
        """Return the tuned hyperparameters: all of ``required``, or none of these.

        Raises:
            ModelError: the names are not those of a model of its task, or a value is above
                its ``maximum``.

        """
        tuned = self.description.tuned
        if tuned.keys() - optional not in (required, set()):
            raise self.damaged("the tuned hyperparameters are those of another model")
        if any(tuned.get(name, value) > value for name, value in (maximum or {}).items()):
            raise self.damaged("the tuned hyperparameters are out of range")
        return tuned

    def damaged(self, reason: str) -> ModelError:
        """Return an error about the description."""
        return ModelError(f"{self.layout.config} is damaged: {reason}", DAMAGED)


def read_whole(path: Path, read: Callable[[], Model]) -> Model:
    """Return what a function reads of a model directory, all of it of one model.

    It reads again where the model is replaced meanwhile.
    """
    layout = Layout(path)
    for attempt in range(1, ATTEMPTS + 1):
        # In this order: a replacement that begins in between changes the version.
        before, was_being_replaced = _version(layout), layout.is_being_replaced
        try:
            model = read()
        except (ModelError, FileNotFoundError):  # a file may be moved after it was looked for
            is_being_replaced = was_being_replaced or layout.is_being_replaced
            is_stable = not is_being_replaced and _version(layout) == before
            if is_stable or attempt == ATTEMPTS:
                raise
        else:
            if _version(layout) == before:
                return model
        time.sleep(PAUSE * attempt)
    return read()


def _version(layout: Layout) -> tuple[int, ...] | None:
    """Return what tells one description from the next."""
    # What waits to be moved may be moved before it is looked at: then it is in its place.
    for path in (layout.current(layout.config), layout.config):
        with suppress(OSError):
            status = path.stat()
            return status.st_ino, status.st_mtime_ns, status.st_size
    return None


def load(path: Path, task: Task | None = None) -> SavedModel:
    """Read a model directory and check that its parts fit together.

    Raises:
        ModelError: something is missing, damaged, of another task or of a newer format.

    """
    layout = Layout(path)
    description, files = _read(layout, task)
    if task is not None and description.task != task:
        from shlex import quote  # only for the error

        require_task(
            path, description.task, task, f"rnncli {description.task} -m {quote(str(path))}"
        )
    architecture = description.architecture
    weights = _read_weights(files[layout.weights.name], description)

    def read_tokenizer(path: Path) -> Tokenizer | None:
        if description.level is None:
            return None
        file = require_digest(
            require_regular_file(layout.current(path)), description.files.get(path.name)
        )
        return Tokenizer.load(file, description.level)

    tokenizer = read_tokenizer(layout.tokenizer)
    target_tokenizer = tokenizer
    head = architecture.head
    if architecture.encoder is not None and isinstance(head, Vocabulary):
        target_tokenizer = read_tokenizer(layout.target_tokenizer)
        _check_vocabulary(path, target_tokenizer, head.size)
    if isinstance(head, Ctc):
        _check_vocabulary(path, tokenizer, head.vocab_size)
    elif isinstance(architecture.front, Tokens):
        _check_vocabulary(path, tokenizer, architecture.front.vocab_size)
    task_files = {name: files[name] for name in description.task_files}
    network = build(architecture, weights)
    return SavedModel(
        layout, description, tokenizer, target_tokenizer, weights, network, task_files
    )


def require_task(path: Path, actual: Task, task: Task, hint: str) -> None:
    """Check that a model is for a task.

    Raises:
        ModelError: it is for another one; ``hint`` tells what to do.

    """
    if actual != task:
        raise ModelError(f"{path} is a model for the task {actual}, not {task}", hint)


def read_description(path: Path) -> ModelDescription:
    """Read the description of a model directory.

    Raises:
        ModelError: there is no model, or its description is damaged or of a newer format.

    """
    description, _ = read_whole(path, lambda: _read(Layout(path)))
    return description


def _read(
    layout: Layout, task: Task | None = None
) -> tuple[ModelDescription, dict[str, TensorFile]]:
    """Return the description and the tensor files, by their names."""
    values = _read_json(layout, task)
    try:
        description = parse(values)
    except ValueError as error:
        raise ModelError(f"{layout.config} is damaged: {error}", DAMAGED) from None
    paths, digests = (layout.weights, *layout.task_files), description.files
    return description, {
        path.name: TensorFile(layout.current(path), digest=digests.get(path.name)) for path in paths
    }


def _read_json(layout: Layout, task: Task | None) -> dict[str, Any]:
    """Return the content of config.json."""
    path = layout.root
    if not path.is_dir():
        reason = "is a file, not a model directory" if path.exists() else "does not exist"
        raise ModelError(f"{path} {reason}", _no_model_hint(path, task))
    try:
        file = require_regular_file(layout.current(layout.config))
        values = json.loads(file.read_text(encoding="utf-8"))
        json.dumps(values, ensure_ascii=False).encode()  # fails at lone surrogates
    except FileNotFoundError:
        if layout.lock.exists():
            raise ModelError(
                f"{path} holds no model yet: its training has not saved one",
                "wait for its first evaluation, or see which models there are: rnncli models",
            ) from None
        raise ModelError(
            f"{path} holds no model: config.json is missing",
            _no_model_hint(path, task),
        ) from None
    except (ValueError, OSError, RecursionError) as error:
        raise ModelError(f"{layout.config} cannot be read: {error}", DAMAGED) from None
    version = values.get("format_version") if isinstance(values, dict) else None
    if type(version) is not int or version < 1:  # true is an int, too
        raise ModelError(f"{layout.config} does not describe a model of rnncli", DAMAGED)
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{path} has format {reprlib.repr(version)}, newer than this rnncli can read",
            "pip install --upgrade rnncli",
        )
    if version < FORMAT_VERSION:
        raise ModelError(
            f"{path} has format {version}, which was never released and is not read any more",
            "train it again: its README.md has the command, to which --force is to be added",
        )
    content: dict[str, Any] = values
    return content


def _check_vocabulary(path: Path, tokenizer: Tokenizer | None, size: int) -> None:
    if tokenizer is not None and tokenizer.vocab_size != size:
        raise ModelError(
            f"the tokenizer in {path} has {tokenizer.vocab_size} tokens, the model {size}", DAMAGED
        )


def _read_weights(file: TensorFile, description: ModelDescription) -> dict[str, Floats]:
    """Read the weights from a file that has exactly the parameters of the architecture."""
    shapes = parameters(description.architecture)
    specs = {name: TensorSpec(shape) for name, shape in shapes.items()}
    if VECTORS in shapes:
        specs[VECTORS] = TensorSpec(shapes[VECTORS], ("I8",))
    stored = specs if description.quantization is None else quantized_specs(specs)
    if shares_vectors(description) and VECTORS in shapes:
        weights = read_shared(file, stored, description)
    else:
        weights = file.read(stored, mapped=(VECTORS,) if VECTORS in shapes else ())
    return weights if stored is specs else dequantized(weights, specs, file.path)


def _no_model_hint(path: Path, task: Task | None) -> str:
    """Return which model was perhaps meant, and how to get one: of a task's bundled corpus."""
    from shlex import join

    words = ["rnncli", "train"]
    if task is None and path.parent == MODELS and path.name in TASKS:
        task = path.name
    if task is not None:
        words.append(BUNDLED_CORPORA.get(task, "DATA"))
    if task is None or path != MODELS / task:
        words += ["-o", str(path)]
    models = (str(config.parent) for config in path.parent.glob("*/config.json"))
    meant = did_you_mean(str(path), models, str(path)[: -len(path.name)])
    lines = [f"train one: {join(words)}", "see which there are: rnncli models"]
    return "\nor ".join(lines if meant is None else [meant, *lines])
