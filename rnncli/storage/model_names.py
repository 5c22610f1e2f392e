"""The names of models: a directory, ``bundled:NAME``, or ``hf:org/name`` of the hub."""

from pathlib import Path

from rnncli.errors import ModelError
from rnncli.messages import Announce, did_you_mean
from rnncli.storage.bundled import PREFIX, bundled_models
from rnncli.storage.hub_cache import PREFIX as HUB_PREFIX
from rnncli.storage.hub_cache import hub_name

PREFIXES = (PREFIX, HUB_PREFIX)


def model_directory(name: str | Path, announce: Announce | None = None) -> Path:
    """Return the directory of a model, which is downloaded if it is one of the hub.

    Raises:
        ModelError: no model of that name comes with rnncli, or the hub has none.

    """
    if str(name).startswith(HUB_PREFIX):
        from rnncli.storage.hub import hub_model  # which few commands need

        return hub_model(str(name), announce)
    return _bundled_model(str(name)) if str(name).startswith(PREFIX) else Path(name)


def model_name(path: Path) -> str:
    """Return the name of a bundled model or of one of the hub, of others their path."""
    names = {directory: name for name, directory in bundled_models().items()}
    return names.get(path) or hub_name(path) or str(path)


def _bundled_model(name: str) -> Path:
    models = bundled_models()
    if (path := models.get(name)) is None:
        look = "see which there are: rnncli models"
        meant = did_you_mean(name, models, PREFIX)
        hint = look if meant is None else f"{meant}\nor {look}"
        raise ModelError(f"{name} does not come with rnncli", hint)
    return path
