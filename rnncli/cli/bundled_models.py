"""The bundled models, which answer where no model is named and none was trained."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rnncli.config import BUNDLED_MODELS, Task
from rnncli.errors import ConfigError
from rnncli.messages import Announce
from rnncli.storage.bundled import PREFIX, bundled_models, bundled_translators

if TYPE_CHECKING:
    from rnncli.tasks.evaluation_data import DataRequest

# What a model of one's own is trained on.
DATA: dict[Task, str] = {
    "generate": "FILE.txt",
    "classify": "FILE.csv",
    "translate": "PAIRS.tsv",
}  # of tasks with a bundled model
LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")  # in the order of POSIX


def bundled_model(task: Task, announce: Announce, language: str | None = None) -> Path | None:
    """Return the path of the bundled model of a task, if any, and announce its name.

    A translator is that into ``language``, see `translator_into`.
    """
    name = BUNDLED_MODELS.get(task)
    if task == "translate":
        name = translator_into(language, announce)
    if (path := bundled_models().get(name or "")) is not None:
        from rnncli.storage.reading import read_description  # what answers needs it anyway

        data = read_description(path).data
        source = "" if data is None else f", trained on {data.name}"
        announce(f"model: {name}{source}; to train on your own texts: rnncli train {DATA[task]}")
    return path


def bundled_model_for(request: "DataRequest", announce: Announce) -> Path | None:
    """Return the path of the bundled model, if any, of the task and the languages of data.

    Raises:
        DataError: the data cannot be read.
        ConfigError: it is of other languages than the bundled translators, or its languages are not
            known, and the locale is of no help.

    """
    if "-" in request.names:  # which is read once
        return bundled_model("classify", announce)
    from rnncli.tasks.evaluation_data import task_of

    task, languages = task_of(request)
    if languages is None:
        return bundled_model(task, announce)
    for source, target in (languages, languages[::-1]):
        if bundled_translators().get(target) == f"{PREFIX}{source}-{target}":
            return bundled_model(task, announce, target)
    raise ConfigError(
        f"no translator from {languages[0]} to {languages[1]} comes with rnncli",
        f"train one: {shlex.join(['rnncli', 'train', *request.names])}",
    )


def translator_into(language: str | None, announce: Announce) -> str | None:
    """Return the name of the bundled translator into a language, else into that of the locale.

    Without any bundled translator, that is None.

    Raises:
        ConfigError: there is none into ``language``; or it is None, and the locale is of no help.

    """
    translators = bundled_translators()
    hint = "\nor: ".join(f"--to {code}" for code in translators)
    if language is None and translators:
        language = _locale_language()
        if language not in translators:
            raise ConfigError("it is not said which language to translate into", hint)
        others = " or ".join(code for code in translators if code != language)
        announce(f"translating into {language}, the language of the locale; else: --to {others}")
    elif language is not None and language not in translators:
        raise ConfigError(
            f"no translator into {language!r} comes with rnncli",
            hint or "see which models do: rnncli models",
        )
    return translators.get(language or "")


def _locale_language() -> str:
    """Return the language of the locale: ``fr`` of ``fr_CA.UTF-8``."""
    locale = next(filter(None, map(os.environ.get, LOCALE)), "")
    return locale.partition(".")[0].partition("_")[0]
