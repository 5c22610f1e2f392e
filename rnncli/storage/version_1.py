"""Format version 1: what a model of it says and holds, as today's format has it.

There the weights of a classifier's n-gram model lay beside those of its network, and the
description did not name the files that only one task has.
"""

import json
from collections.abc import Mapping
from typing import Any

from rnncli.storage.layout import MEMORY, NGRAMS, Layout
from rnncli.storage.tensors import TensorFile

NGRAM_TENSORS = {"bag.places": "buckets", "bag.weight": "weight", "bag.bias": "bias"}
NGRAM_FEATURES = {
    "word_orders": "word_ngrams",
    "character_orders": "character_ngrams",
    "max_skip": "words_apart",
    "normalised": "scaled_ngrams",
}
BUCKETS = 1 << 24
LARGEST_NGRAMS = 512 << 20  # bytes


def upgrade(description: Mapping[str, Any], layout: Layout) -> dict[str, Any]:
    """Return the description of a model as today's format has it."""
    model, calibration = description.get("model"), description.get("calibration")
    files = []
    if isinstance(model, dict) and model.get("known_ngrams"):
        files.append(NGRAMS)
    if (layout.root / MEMORY).exists():
        files.append(MEMORY)
    if isinstance(calibration, dict):
        names = {"bag": "ngrams"}
        calibration = {names.get(name, name): value for name, value in calibration.items()}
    return {**description, "calibration": calibration, "task_files": files}


def weight_name(name: str) -> str | None:
    """Return the name of a tensor of the network; None for one of the n-gram model."""
    return None if name in NGRAM_TENSORS else name


def ngrams(layout: Layout, model: Mapping[str, Any]) -> TensorFile:
    """Return where the n-gram model lies, from what the description says of the network."""
    features = {name: model.get(old) for name, old in NGRAM_FEATURES.items()}
    metadata = {"features": json.dumps({**features, "buckets": BUCKETS})}
    return TensorFile(layout.weights, None, NGRAM_TENSORS.get, metadata)
