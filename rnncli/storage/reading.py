"""Reading a model directory, which may come from a stranger: careful, and no pickle.

Nothing is built, and no weight read, before the description, the shapes and the sizes fit.
"""

import json
import math
import os
import reprlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from rnncli.config import (
    FORMAT_VERSION,
    LEVELS,
    MAX_PARAMETERS,
    MAX_SEED,
    TASKS,
    ModelConfig,
    Task,
)
from rnncli.data.batches import EncodedTexts
from rnncli.errors import ConfigError, ModelError
from rnncli.networks.model_numpy import Network
from rnncli.networks.numerics import Floats
from rnncli.tasks.classify.ngrams import PLACES
from rnncli.tasks.generate.control_codes import Controls
from rnncli.tasks.translate.memory import TranslationMemory
from rnncli.tasks.translate.retrieval import SLOTS, SimilarTexts
from rnncli.text.special_tokens import EOS
from rnncli.text.tokenizer import Tokenizer

CONFIG, WEIGHTS, CARD, METRICS = "config.json", "model.safetensors", "README.md", "metrics.jsonl"
TOKENIZER, TARGET_TOKENIZER = "tokenizer.json", "target_tokenizer.json"
MEMORY = "memory.safetensors"  # translate: the pairs that it learned from, if it keeps them
SIDES = ("source", "target")  # of those pairs
DAMAGED = "copy the model again, or train it again"

# Far above what a model needs. JSON may take 30 times its text in memory.
LARGEST = {CONFIG: 16 << 20, TOKENIZER: 64 << 20, TARGET_TOKENIZER: 64 << 20, MEMORY: 512 << 20}
# All that it has but for the keys.
MEMORY_PARTS = (
    *(f"{side}_{what}" for side in SIDES for what in ("tokens", "lengths")),
    *("basis", "rows", "ends", "scale"),
)
DTYPES = ("F16", "F32")  # of weights; the latter in models that were made before they were halved
PLACES_OF_NGRAMS = "bag.places"  # the only whole numbers, I32
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
    network: Network
    memory: TranslationMemory | None = None


def load(path: Path, task: Task | None = None) -> SavedModel:
    """Read a model directory and check that its parts fit together.

    Raises:
        ModelError: something is missing, damaged, of another task or of a newer format.

    """
    info = _read_description(path)
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
        raise ModelError(f"{path / CONFIG} is damaged: {error}", DAMAGED) from None
    if config.task != info["task"] or level not in LEVELS:
        raise ModelError(f"{path / CONFIG} is damaged: task or level is wrong", DAMAGED)
    if config.task == "classify" and not _are_labels(info.get("labels"), config.num_classes):
        raise ModelError(f"{path / CONFIG} is damaged: labels and classes differ", DAMAGED)
    if not _is_calibration(info.get("calibration"), config):
        raise ModelError(f"{path / CONFIG} is damaged: the calibration is wrong", DAMAGED)
    try:
        Controls.of_model(info)
    except ValueError as error:
        raise ModelError(f"{path / CONFIG} is damaged: {error}", DAMAGED) from None
    weights = _read_weights(path / WEIGHTS, config, info.get("shapes"))
    tokenizer = Tokenizer.load(harmless(path / TOKENIZER), level)
    target_tokenizer = tokenizer
    if config.target_vocab_size:
        target_tokenizer = Tokenizer.load(harmless(path / TARGET_TOKENIZER), level)
        _check_vocabulary(path, target_tokenizer, config.target_vocab_size)
    _check_vocabulary(path, tokenizer, config.vocab_size)
    network = Network(config, weights)
    memory = None
    if config.task == "translate" and (path / MEMORY).exists():
        memory = _read_memory(path / MEMORY, config)
    return SavedModel(path, info, config, tokenizer, target_tokenizer, weights, network, memory)


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


def _is_calibration(told: object, config: ModelConfig) -> bool:
    """Return whether it has what a model of its task has; a network alone needs none."""
    if not told:
        return not config.known_ngrams
    optional: set[str] = set()
    match config.task:
        case "generate":
            names = {"share", "twins", "sharpness"}
        case "classify":
            names = {"network", "bag"} if config.known_ngrams else {"network"}
        case "translate":
            names = {"length_penalty"}
            optional = {"length_penalty_alone"}
    return (
        isinstance(told, dict)
        and told.keys() - optional == names
        and all(isinstance(w, float) and 0 < w < LARGEST_WEIGHT for w in told.values())
        and told.get("share", 0) < 1
    )


def harmless(path: Path) -> Path:
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
        info = json.loads(harmless(path / CONFIG).read_text(encoding="utf-8"))
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
        if config.known_ngrams:
            shapes[PLACES_OF_NGRAMS] = [config.known_ngrams]
            shapes["bag.weight"] = [config.known_ngrams, config.num_classes]
            shapes["bag.bias"] = [config.num_classes]
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


def _read_weights(path: Path, config: ModelConfig, described: object) -> dict[str, Floats]:
    """Read the weights, once the file is known to hold what the network needs and no more."""
    expected = expected_shapes(config)
    if described != expected:
        raise ModelError(f"{path} does not fit {CONFIG}: the shapes there are others", DAMAGED)
    parameters = sum(map(math.prod, expected.values()))
    if parameters > MAX_PARAMETERS:
        raise ModelError(f"{path} is too large: {parameters:,} parameters", DAMAGED)
    most = 4 * parameters + LARGEST_HEADER
    try:
        if harmless(path).stat().st_size > most:
            raise ModelError(f"{path} does not fit {CONFIG}: it is too large", DAMAGED)
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            found = {
                name: part.get_shape()
                for name, part in slices.items()
                if part.get_dtype() in (("I32",) if name == PLACES_OF_NGRAMS else DTYPES)
            }
            names = slices.keys() | expected.keys()
            odd = sorted(name for name in names if found.get(name) != expected.get(name))
            if odd:
                shown = ", ".join(map(reprlib.repr, odd[:3]))
                raise ModelError(f"{path} does not fit {CONFIG}: {shown}", DAMAGED)
            weights: dict[str, Floats] = {
                name: file.get_tensor(name).astype(np.float32, copy=False) for name in expected
            }
    except FileNotFoundError:
        raise ModelError(f"{path} is missing", "copy the whole model directory") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {str(error)[:200]}", DAMAGED) from None
    for name, array in weights.items():
        if name == PLACES_OF_NGRAMS:
            fits = array[0] >= 0 and (np.diff(array) > 0).all() and array[-1] < PLACES
        else:
            fits = -LARGEST_WEIGHT <= array.min() <= array.max() <= LARGEST_WEIGHT  # nor NaN
        if not fits:
            raise ModelError(f"{path} is damaged: {name} has numbers that none learned", DAMAGED)
    return weights


def _read_memory(path: Path, config: ModelConfig) -> TranslationMemory:
    """Read what a translator remembers, all of whose tokens must be in its vocabularies.

    The keys, which are most of the file, stay there until some of them are asked for.
    """
    try:
        with safe_open(harmless(path), framework="numpy") as file:
            parts = {name: file.get_tensor(name) for name in MEMORY_PARTS}
        keys = _mapped(path, "keys")
    except (SafetensorError, OSError, ValueError, TypeError, LookupError) as error:
        raise ModelError(f"{path} cannot be read: {str(error)[:200]}", DAMAGED) from None
    sources = _texts(parts, "source", config.vocab_size)
    targets = _texts(parts, "target", config.target_vocab_size)
    if sources is None or targets is None or len(sources) != len(targets):
        raise ModelError(f"{path} is damaged: sources and targets are no pairs", DAMAGED)
    basis, rows, ends, scale = (parts[name] for name in ("basis", "rows", "ends", "scale"))
    are = [basis.dtype, rows.dtype, ends.dtype, scale.dtype]
    fits = are == [np.float32, np.int32, np.int32, np.float32]
    fits = fits and basis.shape == (config.output_width, keys.shape[1])
    fits = fits and len(keys) == len(targets.tokens)
    fits = fits and np.abs(basis).max() <= LARGEST_WEIGHT  # nor NaN
    fits = fits and ends.shape == (SLOTS,) and scale.shape == (len(sources),) and rows.ndim == 1
    fits = fits and bool(len(rows))
    fits = fits and ends[0] >= 0 and bool((np.diff(ends) >= 0).all()) and ends[-1] == len(rows)
    fits = fits and 0 <= rows.min() <= rows.max() < len(sources)
    if not (fits and 0 <= scale.min() <= scale.max() <= LARGEST_WEIGHT):
        raise ModelError(f"{path} is damaged: its parts do not fit together", DAMAGED)
    return TranslationMemory(sources, targets, keys, basis, SimilarTexts(rows, ends, scale))


def _texts(parts: Mapping[str, NDArray[Any]], side: str, size: int) -> EncodedTexts | None:
    """Return the texts of one side, closed, of tokens below a size; None where they are none."""
    tokens, lengths = parts[f"{side}_tokens"], parts[f"{side}_lengths"]
    fits = tokens.ndim == lengths.ndim == 1 and tokens.dtype in (np.uint16, np.int32)
    fits = fits and lengths.dtype == np.uint16 and bool(len(lengths)) and lengths.min() > 0
    fits = fits and int(lengths.sum(dtype=np.int64)) == len(tokens)
    if not (fits and 0 <= int(tokens.min()) <= int(tokens.max()) < size):
        return None
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return EncodedTexts(tokens, offsets) if (tokens[offsets[1:] - 1] == EOS).all() else None


def _mapped(path: Path, name: str) -> NDArray[np.int8]:
    """Map a matrix of bytes in a file that `safetensors` has checked."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        told = json.loads(file.read(size))[name]
    if told["dtype"] != "I8" or len(told["shape"]) != 2 or 0 in told["shape"]:
        raise ValueError(f"{name} is no matrix of bytes")
    offset = 8 + size + told["data_offsets"][0]
    return np.memmap(path, np.int8, "r", offset, tuple(told["shape"]))
