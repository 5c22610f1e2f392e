"""Train small recurrent networks on your own data, and use them in pipes."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnncli.analysis.occlusion import explain as explain
    from rnncli.cli.views.notebook import inspect as inspect
    from rnncli.storage.catalogue import models as models
    from rnncli.tasks import load as load
    from rnncli.tasks import train as train
    from rnncli.tasks.classify.export import export as export
    from rnncli.tasks.classify.predict import TextClassifier as TextClassifier
    from rnncli.tasks.evaluation import evaluate as evaluate
    from rnncli.tasks.forecast.predict import Forecaster as Forecaster
    from rnncli.tasks.generate.predict import TextGenerator as TextGenerator
    from rnncli.tasks.labelling.suggestions import suggest as suggest
    from rnncli.tasks.labelling.suspects import suspects as suspects
    from rnncli.tasks.push import push as push
    from rnncli.tasks.transcribe.predict import Transcriber as Transcriber
    from rnncli.tasks.translate.predict import Translator as Translator

__version__ = "0.1.0"
__all__ = [
    "Forecaster",
    "TextClassifier",
    "TextGenerator",
    "Transcriber",
    "Translator",
    "__version__",
    "evaluate",
    "explain",
    "export",
    "inspect",
    "load",
    "models",
    "push",
    "suggest",
    "suspects",
    "train",
]

# Where the public names are. Each is imported when it is first asked for, so that start-up stays
# quick.
_MODULES = {
    "load": "rnncli.tasks",
    "train": "rnncli.tasks",
    "evaluate": "rnncli.tasks.evaluation",
    "models": "rnncli.storage.catalogue",
    "explain": "rnncli.analysis.occlusion",
    "export": "rnncli.tasks.classify.export",
    "inspect": "rnncli.cli.views.notebook",
    "push": "rnncli.tasks.push",
    "suggest": "rnncli.tasks.labelling.suggestions",
    "suspects": "rnncli.tasks.labelling.suspects",
    "Forecaster": "rnncli.tasks.forecast.predict",
    "TextClassifier": "rnncli.tasks.classify.predict",
    "TextGenerator": "rnncli.tasks.generate.predict",
    "Transcriber": "rnncli.tasks.transcribe.predict",
    "Translator": "rnncli.tasks.translate.predict",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'rnncli' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
