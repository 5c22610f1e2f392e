"""Upgrade models of format version 1 to the current format, as they are read.

Version 1 kept the weights of a classifier's n-gram model in the file of its network's, the profile
and the control codes in the description of the data, and did not list the files of the task.
"""

import json
from collections.abc import Mapping
from typing import Any

from rnncli.storage.layout import MEMORY, NGRAMS, Layout
from rnncli.storage.tensors import TensorFile

# The features of the n-gram model, by their names in version 1, among the sizes of the network.
FEATURES = {
    "word_orders": "word_ngrams",
    "character_orders": "character_ngrams",
    "max_skip": "words_apart",
    "normalised": "scaled_ngrams",
}
BUCKETS = 1 << 24
NGRAM_TENSORS = {"bag.places": "buckets", "bag.weight": "weight", "bag.bias": "bias"}
TUNED = {"bag": "ngrams"}
NETWORK_TENSORS = {
    "decoder.lexical.weight": "decoder.lexical_projection.weight",
    "decoder.shortcut.weight": "decoder.previous_token_projection.weight",
}


def upgrade(values: Mapping[str, Any], layout: Layout) -> dict[str, Any]:
    """Return the content of config.json in the current format, to be checked by `parse`."""
    model, tuned, data, settings = (
        value if isinstance(value := values.get(name), dict) else {}
        for name in ("model", "calibration", "data", "settings")
    )
    split = {name: settings.get(name) for name in ("validation", "seed")}
    files = {NGRAMS: bool(model.get("known_ngrams")), MEMORY: (layout.root / MEMORY).exists()}
    return {
        **values,
        "architecture": architecture(model),
        "tuned": {TUNED.get(name, name): value for name, value in tuned.items()},
        "data": {**data, **split},
        "profile": data,
        "task_values": {"controls": data["controls"]} if "controls" in data else {},
        "task_files": [name for name, exists in files.items() if exists],
    }


def architecture(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return the architecture of a network that was described by one table of sizes."""
    layers = {name: model.get(name) for name in ("cell", "num_layers")}
    decoder = {**layers, "hidden_size": model.get("hidden_size"), "bidirectional": False}
    encoder = {
        **layers,
        "hidden_size": model.get("encoder_size") or model.get("hidden_size"),
        "bidirectional": model.get("bidirectional"),
    }
    classes, target_size = model.get("num_classes"), model.get("target_vocab_size")
    vocabulary = {
        "size": target_size or model.get("vocab_size"),
        "tied": model.get("tie_embeddings"),
    }
    return {
        "front": {name: model.get(name) for name in ("vocab_size", "embedding_dim")},
        "encoder": encoder if classes or target_size else None,
        "decoder": None if classes else decoder,
        "head": {"count": classes} if classes else vocabulary,
    }


def tensor_files(layout: Layout, values: Mapping[str, Any]) -> dict[str, TensorFile]:
    """Return the tensor files by their names in the current format."""
    features = {name: values["model"].get(name_1) for name, name_1 in FEATURES.items()}
    metadata = {"features": json.dumps({**features, "buckets": BUCKETS})}
    return {
        layout.weights.name: TensorFile(layout.weights, _network_tensor),
        NGRAMS: TensorFile(layout.weights, NGRAM_TENSORS.get, metadata),
        MEMORY: TensorFile(layout.root / MEMORY),
    }


def _network_tensor(name: str) -> str | None:
    return None if name in NGRAM_TENSORS else NETWORK_TENSORS.get(name, name)
