"""Arguments that are a model and a text, of which either may be missing."""

import os
import shlex
from pathlib import Path

from rnncli.cli.bundled_models import bundled_model
from rnncli.config import MODELS
from rnncli.errors import ConfigError, ModelError
from rnncli.messages import Announce
from rnncli.storage.model_names import PREFIXES, model_directory


def model_and_text(
    option: Path | None, arguments: list[str], announce: Announce
) -> tuple[Path, str | None]:
    """Return the model of ``-m`` or of the first argument, else the usual one, and the text.

    Raises:
        ConfigError: there are more arguments than a model and a text.
        ModelError: there is no model.

    """
    takes = 1 if option is not None else 2
    if len(arguments) > takes:
        model = ["-m", str(option)] if option is not None else arguments[:1]
        text = " ".join(arguments[takes - 1 :])
        command = shlex.join(["rnncli", "inspect", *model, text])
        raise ConfigError(
            "there is more than one text", f"put quotation marks around it: {command}"
        )
    if option is not None:
        return model_directory(option, announce), arguments[0] if arguments else None
    if len(arguments) == 2 or (arguments and _names_model(arguments[0])):
        return model_directory(arguments[0], announce), arguments[1] if arguments[1:] else None
    return _usual_model(announce), arguments[0] if arguments else None


def _names_model(argument: str) -> bool:
    """Return whether an argument that stands alone is a model: a directory, or a name of one.

    So is what would lie in models/, which a text is hardly: that it is missing is an error.
    """
    path = Path(argument)
    return argument.startswith(PREFIXES) or path.is_dir() or path.parent == MODELS


def _usual_model(announce: Announce) -> Path:
    """Return the model of $RNNCLI_MODEL, else the newest in models/, else the bundled one."""
    if path := os.environ.get("RNNCLI_MODEL"):
        return model_directory(path, announce)
    configs = [path for path in MODELS.glob("*/config.json") if path.is_file()]
    if configs:
        newest = max(configs, key=lambda path: path.stat().st_mtime).parent
        announce(f"model: {newest}, the newest in {MODELS}")
        return newest
    bundled = bundled_model("classify", announce)
    if bundled is None:
        raise ModelError(f"there is no model in {MODELS}", "train one: rnncli train")
    return bundled
