"""Write a classifier in formats that run without rnncli."""

from os import PathLike, fspath
from pathlib import Path

from rnncli.messages import Announce
from rnncli.storage.model_names import model_name
from rnncli.tasks.classify.predict import TextClassifier


def export(
    model: str | PathLike[str],
    *,
    onnx: str | PathLike[str] | None = None,
    html: str | PathLike[str] | None = None,
    announce: Announce | None = None,
) -> list[Path]:
    """Write a classifier as a folder with an ONNX model, as one HTML page, or both.

    The paths that were written are returned.

    Raises:
        ModelError: there is no such model, it is no classifier, or the folder holds other files.
        ConfigError: the model has a cell or a level that the format cannot have.

    """
    classifier = TextClassifier.load(fspath(model), announce=announce)
    written = []
    if onnx is not None:
        from rnncli.tasks.classify.onnx_export import write_onnx

        written.append(Path(onnx))
        write_onnx(classifier, written[-1])
    if html is not None:
        from rnncli.tasks.classify.html_export import write_html

        written.append(Path(html))
        write_html(classifier, written[-1], model_name(classifier.path))
    return written
