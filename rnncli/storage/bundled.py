"""The models that come with rnncli, each by its name: ``bundled:sentiment``."""

from pathlib import Path

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
