"""Rewrite the weights of a model that was made here, to publish it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import safe_open

from rnncli.storage.atomic_files import write_bytes
from rnncli.storage.layout import Layout
from rnncli.storage.tensors import write_tensors
from rnncli.text.files import sha256


def read_stored(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the description of a model as JSON, and its weights as they are stored."""
    layout = Layout(path)
    with safe_open(layout.weights, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return json.loads(layout.config.read_text(encoding="utf-8")), tensors


def rewrite(path: Path, description: dict[str, Any], tensors: Mapping[str, NDArray[Any]]) -> None:
    """Replace the weights of a model, and its description, in which their checksum is set."""
    layout = Layout(path)
    write_tensors(layout.weights, tensors)
    description["files"][layout.weights.name] = sha256(layout.weights)
    write_bytes(layout.config, (json.dumps(description, indent=2) + "\n").encode())
