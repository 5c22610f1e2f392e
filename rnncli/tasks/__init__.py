"""The three tasks: what each does differently with the one encoder-decoder."""

from pathlib import Path
from typing import TYPE_CHECKING

from rnncli.config import InferenceDevice

if TYPE_CHECKING:
    from rnncli.tasks.classify.predict import TextClassifier
    from rnncli.tasks.generate.predict import TextGenerator
    from rnncli.tasks.translate.predict import Translator


def load(
    path: str | Path, *, device: InferenceDevice = "cpu", threads: int = 1
) -> "TextClassifier | TextGenerator | Translator":
    """Read a model directory, whatever its task; call the result with a list of texts.

    Batches of texts are answered by so many ``threads`` side by side, on a CPU.

    Raises:
        ModelError: there is no such model, or it is damaged.
        ConfigError: there is no such device.

    """
    from rnncli.storage.reading import load as read_model
    from rnncli.tasks.classify.predict import TextClassifier
    from rnncli.tasks.generate.predict import TextGenerator
    from rnncli.tasks.translate.predict import Translator

    classes: dict[str, type[TextClassifier | TextGenerator | Translator]] = {
        cls.task: cls for cls in (TextClassifier, TextGenerator, Translator)
    }
    model = read_model(Path(path), device=device)
    return classes[model.config.task](model, threads)
