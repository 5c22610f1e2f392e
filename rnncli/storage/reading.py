"""Reading a model directory, which may come from a stranger: careful, and no pickle.

Nothing is built, and no weight read, before the description, the shapes and the sizes fit.
"""

import json
import math
import reprlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from rnncli.config import (
    FORMAT_VERSION,
    LEVELS,
    MAX_PARAMETERS,
    MAX_SEED,
    TASKS,
    ModelConfig,
    Task,
)
from rnncli.errors import ConfigError, ModelError
from rnncli.networks.model_numpy import Network
from rnncli.networks.numerics import Floats
from rnncli.storage import version_1
from rnncli.storage.layout import DAMAGED, NGRAMS, Layout, require_regular_file
from rnncli.storage.tensors import LARGEST_HEADER, LARGEST_NUMBER, TensorFile, TensorSpec
from rnncli.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class SavedModel:
    """A model as it lies on disk: description, tokenizers and network."""

    layout: Layout
    info: dict[str, Any]  # the whole config.json
    config: ModelConfig
    tokenizer: Tokenizer
    target_tokenizer: Tokenizer  # of what the decoder writes; the same one where there is but one
    weights: Mapping[str, Floats]
    network: Network
    task_files: Mapping[str, TensorFile] = field(default_factory=dict)  # by their names

    @property
    def path(self) -> Path:
        """Return the directory."""
        return self.layout.root


def load(path: Path, task: Task | None = None) -> SavedModel:
    """Read a model directory and check that its parts fit together.

    Raises:
        ModelError: something is missing, damaged, of another task or of a newer format.

    """
    layout = Layout(path)
    info, version = _read_description(path)
    if task is not None and info["task"] != task:
        raise ModelError(
            f"{path} is a model to {info['task']} with, not to {task}",
            f"rnncli {info['task']} -m {path}",
        )
    try:
        told = info["model"]
        # A model does not say what there was not yet when it was made.
        names = [f.name for f in fields(ModelConfig) if f.name in told or f.default is MISSING]
        config = ModelConfig(**{name: told[name] for name in names})
        level = info["level"]
    except (KeyError, TypeError, ConfigError) as error:
        raise ModelError(f"{Layout(path).config} is damaged: {error}", DAMAGED) from None
    if config.task != info["task"] or level not in LEVELS:
        raise ModelError(f"{Layout(path).config} is damaged: task or level is wrong", DAMAGED)
    if config.task == "classify" and not _are_labels(info.get("labels"), config.num_classes):
        raise ModelError(f"{Layout(path).config} is damaged: labels and classes differ", DAMAGED)
    weights = _read_weights(layout, config, version)
    tokenizer = Tokenizer.load(require_regular_file(layout.tokenizer), level)
    target_tokenizer = tokenizer
    if config.target_vocab_size:
        target_tokenizer = Tokenizer.load(require_regular_file(layout.target_tokenizer), level)
        _check_vocabulary(path, target_tokenizer, config.target_vocab_size)
    _check_vocabulary(path, tokenizer, config.vocab_size)
    network = Network(config, weights)
    files = _task_files(layout, info, version)
    return SavedModel(layout, info, config, tokenizer, target_tokenizer, weights, network, files)


def read_info(path: Path) -> dict[str, Any]:
    """Return the description in a model directory, with the data that it was trained on.

    Raises:
        ModelError: there is no model, or it is damaged or of a newer format.

    """
    info, _ = _read_description(path)
    if not _tells_its_data(info):
        raise ModelError(f"{Layout(path).config} is damaged: data or settings are wrong", DAMAGED)
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


def calibration_of(
    model: SavedModel, required: set[str], optional: frozenset[str] = frozenset()
) -> dict[str, float]:
    """Return the numbers that held-out data gave a model; empty where it has none.

    Raises:
        ModelError: there are other numbers than a model of its task has.

    """
    calibration = model.info.get("calibration")
    if not calibration:
        return {}
    if not (
        isinstance(calibration, dict)
        and calibration.keys() - optional == required
        and all(isinstance(w, float) and 0 < w < LARGEST_NUMBER for w in calibration.values())
    ):
        raise ModelError(f"{model.layout.config} is damaged: the calibration is wrong", DAMAGED)
    return calibration


def _read_description(path: Path) -> tuple[dict[str, Any], int]:
    """Return what config.json says, as today's format has it, and its format's version."""
    if not path.is_dir():
        what = "is a file, not a model directory" if path.exists() else "does not exist"
        raise ModelError(f"{path} {what}", "train a model first: rnncli train, or name one: -m DIR")
    try:
        info = json.loads(require_regular_file(Layout(path).config).read_text(encoding="utf-8"))
        json.dumps(info, ensure_ascii=False).encode()  # fails at what could not be printed either
    except FileNotFoundError:
        raise ModelError(
            f"{path} holds no model: config.json is missing",
            "train one: rnncli train, or name one: -m DIR",
        ) from None
    except (ValueError, OSError, RecursionError) as error:
        raise ModelError(f"{Layout(path).config} cannot be read: {error}", DAMAGED) from None
    version = info.get("format_version") if isinstance(info, dict) else None
    if type(version) is not int or version < 1:  # true is an int, too
        raise ModelError(f"{Layout(path).config} does not describe a model of rnncli", DAMAGED)
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{path} has format {reprlib.repr(version)}, newer than this rnncli can read",
            "pip install --upgrade rnncli",
        )
    if info.get("task") not in TASKS:
        shown = reprlib.repr(info.get("task"))
        raise ModelError(f"{Layout(path).config} names no known task: {shown}", DAMAGED)
    return version_1.upgrade(info, Layout(path)) if version == 1 else info, version


def _check_vocabulary(path: Path, tokenizer: Tokenizer, size: int) -> None:
    if tokenizer.vocab_size != size:
        raise ModelError(
            f"the tokenizer in {path} has {tokenizer.vocab_size} tokens, the model {size}", DAMAGED
        )


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


def _read_weights(layout: Layout, config: ModelConfig, version: int) -> dict[str, Floats]:
    """Read the weights, once the file is known to hold what the network needs and no more."""
    shapes = expected_shapes(config)
    parameters = sum(map(math.prod, shapes.values()))
    if parameters > MAX_PARAMETERS:
        raise ModelError(f"{layout.weights} is too large: {parameters:,} parameters", DAMAGED)
    largest = 2 * parameters + LARGEST_HEADER  # bytes, in half precision
    file = TensorFile(layout.weights, largest)
    if version == 1:
        largest += version_1.LARGEST_NGRAMS
        file = TensorFile(layout.weights, largest, version_1.weight_name)
    tensors = file.read({name: TensorSpec(tuple(shape)) for name, shape in shapes.items()})
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


def _task_files(layout: Layout, info: Mapping[str, Any], version: int) -> dict[str, TensorFile]:
    """Return the files that only the task of the model has, by their names."""
    names = info.get("task_files", [])
    known = {path.name: path for path in layout.task_files}
    if not isinstance(names, list) or not all(isinstance(n, str) and n in known for n in names):
        raise ModelError(f"{layout.config} is damaged: it names unknown files", DAMAGED)
    files = {name: TensorFile(known[name]) for name in names}
    if version == 1 and NGRAMS in files:
        files[NGRAMS] = version_1.ngrams(layout, info["model"])
    return files
