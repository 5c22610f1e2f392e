"""The models that come with rnncli, each by its name: ``bundled:sentiment``."""

from pathlib import Path

from rnncli.errors import ModelError
from rnncli.messages import did_you_mean, nearest

PREFIX = "bundled:"
PACKAGE = Path(__file__).resolve().parent.parent
# An installed rnncli carries its models inside the package, a source checkout beside it.
PLACES = (PACKAGE / "bundled" / "models", PACKAGE.parent / "data" / "models")


def bundled_models() -> dict[str, Path]:
    """Return the directory of each model that comes with rnncli, by its name."""
    configs = (config for place in PLACES for config in sorted(place.glob("*/config.json")))
    return {f"{PREFIX}{config.parent.name}": config.parent for config in configs}


def bundled_translators() -> dict[str, str]:
    """Return the names of the bundled translators, as bundled:en-fr, by the language they write."""
    pairs = {name: name.removeprefix(PREFIX).split("-") for name in bundled_models()}
    return {languages[1]: name for name, languages in pairs.items() if len(languages) == 2}


def model_name(path: Path) -> str:
    """Return the name of a bundled model, of others their path."""
    names = {directory: name for name, directory in bundled_models().items()}
    return names.get(path, str(path))


def model_directory(name: str | Path) -> Path:
    """Return the directory of a model: the path itself, or that of a name such as bundled:NAME.

    Raises:
        ModelError: no model of that name comes with rnncli.

    """
    if not str(name).startswith(PREFIX):
        return Path(name)
    models = bundled_models()
    if (path := models.get(str(name))) is None:
        short_name = str(name).removeprefix(PREFIX)
        short_names = [model.removeprefix(PREFIX) for model in models]
        hint = "see which there are: rnncli models"
        if did_you_mean(short_name, short_names) is not None:
            hint = f"did you mean {PREFIX}{nearest(short_name, short_names)}?\nor {hint}"
        raise ModelError(f"{name} does not come with rnncli", hint)
    return path
