"""Read a model directory, which may be untrusted: everything is checked, nothing unpickled.

No weight is read before the description, the shapes and the file sizes fit together.
"""

import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnncli.config import FORMAT_VERSION, Task
from rnncli.errors import ModelError
from rnncli.networks.architecture import Architecture, Vocabulary, parameters
from rnncli.networks.model_numpy import Network, build
from rnncli.networks.numerics import Floats
from rnncli.storage.description import ModelDescription, parse
from rnncli.storage.layout import DAMAGED, Layout, require_regular_file
from rnncli.storage.tensors import TensorFile, TensorSpec
from rnncli.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class SavedModel:
    """A model that was read: description, tokenizers and network."""

    layout: Layout
    description: ModelDescription
    tokenizer: Tokenizer
    target_tokenizer: Tokenizer  # of the output; ``tokenizer`` itself where the model has one only
    weights: Mapping[str, Floats]
    network: Network
    task_files: Mapping[str, TensorFile] = field(default_factory=dict)  # by their names

    @property
    def path(self) -> Path:
        """Return the directory."""
        return self.layout.root

    def require_tuned(
        self, required: set[str], optional: frozenset[str] = frozenset()
    ) -> Mapping[str, float]:
        """Return the tuned hyperparameters: all of ``required``, or none of these.

        Raises:
            ModelError: the names are not those of a model of its task.

        """
        tuned = self.description.tuned
        if tuned.keys() - optional not in (required, set()):
            raise self.damaged("the tuned hyperparameters are those of another model")
        return tuned

    def damaged(self, reason: str) -> ModelError:
        """Return an error about the description."""
        return ModelError(f"{self.layout.config} is damaged: {reason}", DAMAGED)


def load(path: Path, task: Task | None = None) -> SavedModel:
    """Read a model directory and check that its parts fit together.

    Raises:
        ModelError: something is missing, damaged, of another task or of a newer format.

    """
    layout = Layout(path)
    description, files = _read(layout)
    if task is not None and description.task != task:
        from shlex import quote  # only for the error

        raise ModelError(
            f"{path} is a model for the task {description.task}, not {task}",
            f"rnncli {description.task} -m {quote(str(path))}",
        )
    architecture, level = description.architecture, description.level
    weights = _read_weights(files[layout.weights.name], architecture)
    tokenizer = Tokenizer.load(require_regular_file(layout.tokenizer), level)
    target_tokenizer = tokenizer
    head = architecture.head
    if architecture.encoder is not None and isinstance(head, Vocabulary):
        target_tokenizer = Tokenizer.load(require_regular_file(layout.target_tokenizer), level)
        _check_vocabulary(path, target_tokenizer, head.size)
    _check_vocabulary(path, tokenizer, architecture.front.vocab_size)
    task_files = {name: files[name] for name in description.task_files}
    network = build(architecture, weights)
    return SavedModel(
        layout, description, tokenizer, target_tokenizer, weights, network, task_files
    )


def read_description(path: Path) -> ModelDescription:
    """Read the description of a model directory.

    Raises:
        ModelError: there is no model, or its description is damaged or of a newer format.

    """
    description, _ = _read(Layout(path))
    return description


def _read(layout: Layout) -> tuple[ModelDescription, dict[str, TensorFile]]:
    """Return the description and the tensor files, by the names of the current format."""
    values = _read_json(layout)
    try:
        if values["format_version"] == 1:
            from rnncli.storage import version_1

            values = version_1.upgrade(values, layout)
            description = parse(values)
            return description, version_1.tensor_files(layout, values)
        description = parse(values)
    except ValueError as error:
        raise ModelError(f"{layout.config} is damaged: {error}", DAMAGED) from None
    paths = (layout.weights, *layout.task_files)
    return description, {path.name: TensorFile(path) for path in paths}


def _read_json(layout: Layout) -> dict[str, Any]:
    """Return the content of config.json, of any supported format."""
    path = layout.root
    if not path.is_dir():
        reason = "is a file, not a model directory" if path.exists() else "does not exist"
        raise ModelError(f"{path} {reason}", _no_model_hint(path))
    try:
        values = json.loads(require_regular_file(layout.config).read_text(encoding="utf-8"))
        json.dumps(values, ensure_ascii=False).encode()  # fails at lone surrogates
    except FileNotFoundError:
        raise ModelError(
            f"{path} holds no model: config.json is missing",
            _no_model_hint(path),
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
    content: dict[str, Any] = values
    return content


def _check_vocabulary(path: Path, tokenizer: Tokenizer, size: int) -> None:
    if tokenizer.vocab_size != size:
        raise ModelError(
            f"the tokenizer in {path} has {tokenizer.vocab_size} tokens, the model {size}", DAMAGED
        )


def _read_weights(file: TensorFile, architecture: Architecture) -> dict[str, Floats]:
    """Read the weights from a file that has exactly the parameters of the architecture."""
    specs = {name: TensorSpec(shape) for name, shape in parameters(architecture).items()}
    return file.read(specs)


def _no_model_hint(path: Path) -> str:
    from shlex import quote

    return f"train one: rnncli train -o {quote(str(path))}\nor see which there are: rnncli models"
