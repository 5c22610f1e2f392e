"""Reading a model directory, which may come from a stranger: careful, and no pickle.

Nothing is built, and no weight read, before the description, the shapes and the sizes fit.
"""

import json
import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rnncli.config import FORMAT_VERSION, MAX_PARAMETERS, ModelConfig, Task
from rnncli.errors import ModelError
from rnncli.networks.model_numpy import Network
from rnncli.networks.numerics import Floats
from rnncli.storage import version_1
from rnncli.storage.description import ModelDescription, parse
from rnncli.storage.layout import DAMAGED, Layout, require_regular_file
from rnncli.storage.tensors import TensorFile, TensorSpec
from rnncli.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class SavedModel:
    """A model as it lies on disk: description, tokenizers and network."""

    layout: Layout
    description: ModelDescription
    tokenizer: Tokenizer
    target_tokenizer: Tokenizer  # of what the decoder writes; the same one where there is but one
    weights: Mapping[str, Floats]
    network: Network
    task_files: Mapping[str, TensorFile] = field(default_factory=dict)  # by their names

    @property
    def path(self) -> Path:
        """Return the directory."""
        return self.layout.root

    @property
    def config(self) -> ModelConfig:
        """Return the architecture of the network."""
        return self.description.architecture

    def require_tuned(
        self, required: set[str], optional: frozenset[str] = frozenset()
    ) -> Mapping[str, float]:
        """Return the hyperparameters that were set on held-out data, or none of them.

        Raises:
            ModelError: there are others than a model of its task has.

        """
        tuned = self.description.tuned
        if tuned and tuned.keys() - optional != required:
            raise self.damaged("the tuned hyperparameters are those of another model")
        return tuned

    def damaged(self, reason: str) -> ModelError:
        """Return an error that explains what is wrong with the description."""
        return ModelError(f"{self.layout.config} is damaged: {reason}", DAMAGED)


def load(path: Path, task: Task | None = None) -> SavedModel:
    """Read a model directory and check that its parts fit together.

    Raises:
        ModelError: something is missing, damaged, of another task or of a newer format.

    """
    layout, (description, files) = Layout(path), _read(Layout(path))
    if task is not None and description.task != task:
        raise ModelError(
            f"{path} is a model to {description.task} with, not to {task}",
            f"rnncli {description.task} -m {path}",
        )
    config, level = description.architecture, description.level
    weights = _read_weights(files[layout.weights.name], config)
    tokenizer = Tokenizer.load(require_regular_file(layout.tokenizer), level)
    target_tokenizer = tokenizer
    if config.target_vocab_size:
        target_tokenizer = Tokenizer.load(require_regular_file(layout.target_tokenizer), level)
        _check_vocabulary(path, target_tokenizer, config.target_vocab_size)
    _check_vocabulary(path, tokenizer, config.vocab_size)
    task_files = {name: files[name] for name in description.task_files}
    network = Network(config, weights)
    return SavedModel(
        layout, description, tokenizer, target_tokenizer, weights, network, task_files
    )


def read_description(path: Path) -> ModelDescription:
    """Return what a model directory says of the model.

    Raises:
        ModelError: there is no model, or its description is damaged or of a newer format.

    """
    description, _ = _read(Layout(path))
    return description


def _read(layout: Layout) -> tuple[ModelDescription, dict[str, TensorFile]]:
    """Return what config.json says, and where tensors lie, by the names of today's files."""
    values = _read_json(layout)
    try:
        if values["format_version"] == 1:
            values = version_1.upgrade(values, layout)
            description = parse(values)
            return description, version_1.tensor_files(layout, values)
        description = parse(values)
    except ValueError as error:
        raise ModelError(f"{layout.config} is damaged: {error}", DAMAGED) from None
    paths = (layout.weights, *layout.task_files)
    return description, {path.name: TensorFile(path) for path in paths}


def _read_json(layout: Layout) -> dict[str, Any]:
    """Return the values in config.json, which are of a format that can be read."""
    path = layout.root
    if not path.is_dir():
        what = "is a file, not a model directory" if path.exists() else "does not exist"
        raise ModelError(f"{path} {what}", "train a model first: rnncli train, or name one: -m DIR")
    try:
        values = json.loads(require_regular_file(layout.config).read_text(encoding="utf-8"))
        json.dumps(values, ensure_ascii=False).encode()  # fails at what cannot be printed either
    except FileNotFoundError:
        raise ModelError(
            f"{path} holds no model: config.json is missing",
            "train one: rnncli train, or name one: -m DIR",
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


def _read_weights(file: TensorFile, config: ModelConfig) -> dict[str, Floats]:
    """Read the weights, once the file is known to hold what the network needs and no more."""
    shapes = expected_shapes(config)
    parameters = sum(map(math.prod, shapes.values()))
    if parameters > MAX_PARAMETERS:
        raise ModelError(f"{file.path} is too large: {parameters:,} parameters", DAMAGED)
    specs = {name: TensorSpec(tuple(shape)) for name, shape in shapes.items()}
    tensors = file.read(specs)
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


def expected_shapes(config: ModelConfig) -> dict[str, list[int]]:
    """Return the shape of every weight that the file of such a model holds, by its name."""
    width, size, layers = config.embedding_dim, config.hidden_size, config.num_layers
    gates = {"lstm": 4, "gru": 3, "rnn": 1, "mingru": 2}[config.cell]
    shapes: dict[str, list[int]] = {}

    def recurrent(prefix: str, inputs: int, size: int) -> None:
        rows = gates * size
        shapes[prefix + "weight_ih"], shapes[prefix + "bias_ih"] = [rows, inputs], [rows]
        if config.cell != "mingru":
            shapes[prefix + "weight_hh"], shapes[prefix + "bias_hh"] = [rows, size], [rows]

    def linear(prefix: str, inputs: int, outputs: int) -> None:
        shapes[prefix + ".weight"], shapes[prefix + ".bias"] = [outputs, inputs], [outputs]

    directions = 2 if config.bidirectional else 1
    memory = directions * config.encoder_units  # of the encoder, for each token
    if config.task != "generate":
        shapes["encoder.embedding.weight"] = [config.vocab_size, width]
        for layer in range(layers):
            for direction in range(directions):
                inputs = memory if layer else width
                recurrent(f"encoder.layers.{layer}.{direction}.", inputs, config.encoder_units)
    if config.task == "classify":
        linear("head.output", 3 * memory, config.num_classes)
        return shapes
    vocabulary = config.target_vocab_size or config.vocab_size
    shapes["decoder.embedding.weight"] = [vocabulary, width]
    for layer in range(layers):
        recurrent(f"decoder.layers.{layer}.", size if layer else width, size)
    if config.task == "translate":
        shapes["decoder.attention.query.weight"] = [memory, size]
        linear("decoder.attention.combine", size + memory, size)
        linear("decoder.bridge", memory, layers * size)
        if config.lexical:
            shapes["decoder.lexical.weight"] = [width, width]
        if config.shortcut:
            shapes["decoder.shortcut.weight"] = [config.output_width, width]
    if config.tie_embeddings and size != width:
        linear("decoder.projection", size, width)
    linear("decoder.output", config.output_width, vocabulary)
    if config.tie_embeddings:
        del shapes["decoder.output.weight"]
    return shapes
