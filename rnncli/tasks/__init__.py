"""The three tasks: what each does differently with the one encoder-decoder."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnncli.tasks.classify.predict import TextClassifier
    from rnncli.tasks.generate.predict import TextGenerator
    from rnncli.tasks.translate.predict import Translator


def load(path: str | Path, *, threads: int = 1) -> "TextClassifier | TextGenerator | Translator":
    """Read a model directory, whatever its task; call the result with a list of texts.

    Batches of texts are answered by so many ``threads`` side by side.

    Raises:
        ModelError: there is no such model, or it is damaged.

    """
    from rnncli.storage.reading import load as read_model
    from rnncli.tasks.classify.predict import TextClassifier
    from rnncli.tasks.generate.predict import TextGenerator
    from rnncli.tasks.translate.predict import Translator

    classes: dict[str, type[TextClassifier | TextGenerator | Translator]] = {
        cls.task: cls for cls in (TextClassifier, TextGenerator, Translator)
    }
    model = read_model(Path(path))
    return classes[model.config.task](model, threads)
