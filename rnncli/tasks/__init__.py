"""The tasks, one folder each, and the functions that load and train a model of any task."""

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from rnncli.config import Task
from rnncli.errors import ConfigError
from rnncli.messages import Announce, parse_duration
from rnncli.tasks.training_settings import parse_settings

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnncli.tasks.classify.predict import TextClassifier
    from rnncli.tasks.forecast.predict import Forecaster
    from rnncli.tasks.generate.predict import TextGenerator
    from rnncli.tasks.loggers import LoggerName
    from rnncli.tasks.training_result import TrainingResult
    from rnncli.tasks.training_settings import TrainingSettings
    from rnncli.tasks.transcribe.predict import Transcriber
    from rnncli.tasks.translate.predict import Translator


def load(
    path: str | Path, *, threads: int = 1
) -> "TextClassifier | TextGenerator | Transcriber | Translator | Forecaster":
    """Load a model of any task; call the result with a list of texts, or of series of numbers.

    Batches of texts are processed by ``threads`` threads.

    Raises:
        ModelError: there is no such model, or it is damaged.

    """
    from rnncli.storage.model_names import model_directory
    from rnncli.storage.reading import load as read_model
    from rnncli.storage.reading import read_whole

    path = model_directory(path)

    def read() -> "TextClassifier | TextGenerator | Transcriber | Translator | Forecaster":
        model = read_model(path)
        return _predictor(model.description.task)(model, threads)

    return read_whole(path, read)


def _predictor(
    task: Task,
) -> "type[TextClassifier | TextGenerator | Transcriber | Translator | Forecaster]":
    """Return the class that uses models of a task; the others are not imported."""
    match task:
        case "classify":
            from rnncli.tasks.classify.predict import TextClassifier

            return TextClassifier
        case "generate":
            from rnncli.tasks.generate.predict import TextGenerator

            return TextGenerator
        case "translate":
            from rnncli.tasks.translate.predict import Translator

            return Translator
        case "transcribe":
            from rnncli.tasks.transcribe.predict import Transcriber

            return Transcriber
        case "forecast":
            from rnncli.tasks.forecast.predict import Forecaster

            return Forecaster


def train(
    data: str | Path | Sequence[str | Path] = (),
    *,
    output: str | Path | None = None,
    force: bool = False,
    task: Task | None = None,
    text: str | None = None,
    label: str | None = None,
    source: str | None = None,
    target: str | None = None,
    control: str | None = None,
    time: str | None = None,
    value: str | None = None,
    series: str | None = None,
    known: str | None = None,
    revision: str | None = None,
    unlabelled: str | Path | Sequence[str | Path] = (),
    init_from: str | Path | None = None,
    checkpoint_every: str | float | None = None,
    log: "LoggerName | None" = None,
    announce: Announce | None = None,
    **settings: "Unpack[TrainingSettings]",
) -> "TrainingResult":
    """Train a model as ``rnncli train`` does, also under ``torchrun``.

    The options are those of the command; ``announce`` is called with each of its messages::

        rnncli.train("tickets.csv", max_time="2m").model(["the printer is on fire"])

    Raises:
        DataError, ConfigError, ModelError: data, a setting or the output cannot be used.
        TrainingInterrupted: on Ctrl-C, a KeyboardInterrupt; the same call resumes the training.
    """
    from rnncli.data.columns import Columns
    from rnncli.tasks.trainer import Trainer, TrainingRequest

    request = TrainingRequest(
        data=names_of(data),
        output=None if output is None else Path(output),
        force=force,
        task=task,
        columns=Columns(text, label, source, target, control, time, value, series, known),
        revision=revision,
        unlabelled=names_of(unlabelled),
        init_from=None if init_from is None else Path(init_from),
        checkpoint_every=_interval(checkpoint_every),
        log=log,
        settings=parse_settings(settings),
    )
    return Trainer(request, announce or ignore).run()


def _interval(duration: str | float | None) -> float | None:
    return None if duration is None else parse_duration(duration, "--checkpoint-every")


def ignore(message: str) -> None:
    """Discard a notice."""
    del message


def names_of(data: str | PathLike[str] | Sequence[str | PathLike[str]]) -> list[str]:
    """Convert the name of data, or a list of names, to a list of strings.

    Raises:
        ConfigError: it is the data itself.

    """
    try:
        return [fspath(name) for name in ([data] if isinstance(data, str | PathLike) else data)]
    except TypeError:
        raise ConfigError(
            f"data is named, not handed over as {type(data).__name__}", 'name a file: "texts.csv"'
        ) from None
