"""The models that are on this machine: trained here, bundled, cached from the Hugging Face hub."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rnncli.config import MODELS
from rnncli.errors import ModelError
from rnncli.storage.bundled import bundled_models
from rnncli.storage.description import ModelDescription
from rnncli.storage.hub_cache import cache_folder, hub_name
from rnncli.storage.layout import Layout
from rnncli.storage.reading import read_description

Origin = Literal["trained", "bundled", "cached"]


@dataclass(frozen=True)
class ModelEntry:
    """A model on this machine, or one that cannot be read."""

    name: str
    origin: Origin
    path: Path
    size: int  # bytes
    modified: float  # seconds since 1970
    description: ModelDescription | None
    problem: str | None = None  # why there is no description

    @property
    def is_finished(self) -> bool:
        """Return whether its training has ended."""
        return self.description is None or self.description.is_finished


def models(folder: str | Path = MODELS) -> list[ModelEntry]:
    """List the models in a folder, that of $RNNCLI_MODEL, the bundled and the cached ones."""
    trained = _in_folder(Path(folder))
    if (name := os.environ.get("RNNCLI_MODEL")) and Path(name).is_dir():
        trained = [path for path in trained if path.resolve() != Path(name).resolve()]
        trained.append(Path(name))
    return [
        *(_entry(path, str(path), "trained") for path in trained),
        *(_entry(path, name, "bundled") for name, path in bundled_models().items()),
        *(_entry(path, name, "cached") for name, path in _cached()),
    ]


def _in_folder(folder: Path) -> list[Path]:
    """Return the model directories in a folder, or the folder itself if it is one."""
    if (folder / "config.json").exists():
        return [folder]
    return sorted(path.parent for path in folder.glob("*/config.json"))


def _cached() -> Iterator[tuple[str, Path]]:
    """Yield the models of rnncli in the cache of the hub, each with its name there."""
    for config in sorted(cache_folder().glob("models--*/snapshots/*/config.json")):
        try:
            values = json.loads(config.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(values, dict) and "rnncli_version" in values:
            yield str(hub_name(config.parent)), config.parent


def _entry(path: Path, name: str, origin: Origin) -> ModelEntry:
    files = [file for file in Layout(path).files if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    modified = max(file.stat().st_mtime for file in files)
    try:
        return ModelEntry(name, origin, path, size, modified, read_description(path))
    except ModelError as error:
        return ModelEntry(name, origin, path, size, modified, None, error.message)
