"""The model from which a training starts, and the settings that the training has from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnncli.data.vector_sources import NONE
from rnncli.errors import ConfigError
from rnncli.storage.description import ModelDescription

FROM_NOTHING = Path("none")  # is typed in place of a model, where none is to be chosen
INHERITED = ("level", "cell", "embedding_dim", "hidden_size", "num_layers", "vectors")


def settings_of(
    description: ModelDescription, path: Path, overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings that a training has from the model in ``path``.

    Raises:
        ConfigError: ``overrides`` differ from them.

    """
    architecture = description.architecture
    stack = architecture.decoder or architecture.encoder
    assert stack is not None
    values = (
        description.level,
        stack.cell,
        architecture.front.embedding_dim,
        stack.hidden_size,
        stack.num_layers,
        description.settings.get("vectors") or NONE,
    )
    settings = {n: value for n, value in zip(INHERITED, values, strict=True) if value is not None}
    for name, value in settings.items():
        if overrides.get(name, value) != value:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(
                f"{option} {overrides[name]} is not that of {path}, which has {value}",
                f"leave {option} out",
            )
    return settings
