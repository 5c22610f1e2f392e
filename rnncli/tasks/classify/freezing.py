"""Whether a classifier that starts from a model keeps its encoder; imports no PyTorch."""

from collections.abc import Mapping
from typing import Any

from rnncli.errors import ConfigError

USUAL_TEXTS = 500  # up to so many, the encoder is kept; of more, fine-tuning makes more
MAX_TEXTS = 1_000  # for which it can be kept: this bounds the matrices of all pairs of texts
# Where one of these is given, all weights are trained.
TRAINING_SETTINGS = {"epochs", "steps", "learning_rate"}


def keeps_encoder(
    texts: int, overrides: Mapping[str, Any], *, has_model: bool, pretrains: bool
) -> bool:
    """Return whether the encoder of a model is kept: where it is asked for, or texts are few.

    Raises:
        ConfigError: it is asked for where it cannot be.

    """
    freeze = overrides.get("freeze")
    number = min(texts, overrides.get("max_rows") or texts)
    if freeze is None:
        is_trained = pretrains or TRAINING_SETTINGS & overrides.keys()
        return has_model and number <= USUAL_TEXTS and not is_trained
    if freeze and not has_model:
        raise ConfigError("--freeze keeps the encoder of a model", "name it: --init-from DIR")
    if freeze and pretrains:
        raise ConfigError("--freeze goes without pretraining", "leave --unlabelled out")
    if freeze and number > MAX_TEXTS:
        raise ConfigError(
            f"--freeze is for up to {MAX_TEXTS:,} texts, and there are {number:,}",
            f"leave it out, or learn from some of them: --max-rows {MAX_TEXTS}",
        )
    return bool(freeze)
