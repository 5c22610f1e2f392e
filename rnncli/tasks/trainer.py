"""Train a model of the task that follows from the data: what ``rnncli train`` does.

PyTorch is imported only once the data is read, so that errors before it appear at once.
"""

import shlex
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncli.config import DEFAULTS, MODELS, Task, choose_threads
from rnncli.data.values import column_values
from rnncli.messages import Announce, stage
from rnncli.storage.layout import Layout
from rnncli.storage.model_names import model_directory
from rnncli.storage.reading import SavedModel, read_whole, require_task
from rnncli.storage.reading import load as read_model
from rnncli.storage.writing import ModelWriter
from rnncli.tasks.examples import example, input_column
from rnncli.tasks.loggers import LoggerName, open_logger, require_logger
from rnncli.tasks.training_result import KeptState, TrainingResult
from rnncli.tasks.training_settings import require_settings_of
from rnncli.training.initial_model import FROM_NOTHING
from rnncli.training.torchrun import world_size

if TYPE_CHECKING:
    from torch import Tensor

    from rnncli.data.columns import Columns
    from rnncli.data.corpus import Corpus
    from rnncli.training.contract import Phase, Progress, Recipe
    from rnncli.training.session import Session


@dataclass(frozen=True)
class TrainingRequest:
    """The options of a training; those left out follow from the data."""

    data: Sequence[str] = ()  # names of a corpus; none: the bundled reviews
    command: str | None = None  # as it was typed
    output: Path | None = None  # a directory; None: models/TASK
    force: bool = False  # replace an existing model
    task: Task | None = None
    columns: "Columns | None" = None
    revision: str | None = None
    unlabelled: Sequence[str] = ()
    init_from: Path | None = None  # `FROM_NOTHING`: none; None: what suits the data
    checkpoint_every: float | None = None  # seconds
    log: LoggerName | None = None  # another tool that gets the numbers of each evaluation
    began: float | None = None  # the time budget, as ``time.monotonic`` tells it; None: now
    settings: Mapping[str, Any] = field(default_factory=dict)  # some of ``Settings``

    def as_command(self) -> str:
        """Format the command with the same options."""
        columns = {} if self.columns is None else self.columns.as_dict()
        options: dict[str, Any] = {
            "output": self.output,
            "task": self.task,
            **columns,
            "revision": self.revision,
            "init_from": self.init_from,
            "log": self.log,
            **self.settings,
        }
        words = ["rnncli", "train", *self.data]
        for name in self.unlabelled:
            words += ["--unlabelled", name]
        for name, value in options.items():
            option = name.replace("_", "-")
            if isinstance(value, bool):
                words.append(f"--{option}" if value else f"--no-{option}")
            elif value is not None:
                words += [f"--{option}", f"{value:g}" if isinstance(value, float) else str(value)]
        return shlex.join(words)


class Trainer:
    """Train a model: iterate over ``steps()``, then take the ``result``."""

    def __init__(self, request: TrainingRequest, announce: Announce) -> None:
        """Check the options before any data is read.

        Raises:
            ConfigError: a setting cannot work.
            ModelError: the output is not writable, or the initial model is damaged.

        """
        self._began = request.began or time.monotonic()  # reading, encoding and saving count
        self._request = request
        self._announce = announce
        for defaults in DEFAULTS.values():
            defaults.with_overrides(request.settings)
        self._init_from: SavedModel | None = None
        if request.init_from not in (None, FROM_NOTHING):
            start = model_directory(request.init_from, announce)
            self._init_from = read_whole(start, lambda: read_model(start))
        if (vectors := request.settings.get("vectors")) is not None:
            from rnncli.data.vector_sources import require_vectors

            require_vectors(vectors)
        require_logger(request.log)
        output = request.output or (request.task and MODELS / request.task)
        # Else the task follows from the data.
        self._writer = None if output is None else ModelWriter(output, request.force)
        self._threads = choose_threads(request.settings.get("threads"))
        self._session: Session | None = None
        self._last: Progress | None = None

    def steps(self) -> "Iterator[tuple[Phase, Progress]]":
        """Read the data, train, and yield the progress after each step.

        Raises:
            DataError: the data is missing, malformed, or does not suit the task.
            ConfigError: settings do not go with the task.
            ModelError: the output holds another model, or is not writable.
            TrainingInterrupted: a signal arrived; the same request resumes the training.

        """
        with ExitStack() as stack:
            if self._writer is not None:  # before data is read, perhaps for nothing
                stack.enter_context(self._writer.locked())
            corpus = self._read_corpus()
            if self._writer is None:
                self._writer = ModelWriter(MODELS / corpus.task, self._request.force)
                stack.enter_context(self._writer.locked())
            yield from self._steps(corpus, self._writer)

    def _steps(self, corpus: "Corpus", writer: ModelWriter) -> "Iterator[tuple[Phase, Progress]]":
        """Train on data, and write the model to where other trainings are locked out."""
        request = self._request
        require_settings_of(corpus.task, {**request.settings, "unlabelled": request.unlabelled})
        unlabelled = self._read_unlabelled()
        start = self._init_from
        if start is None:
            self._init_from = self._choose_initial_model(corpus)
        else:
            require_task(start.path, start.description.task, corpus.task, "leave --init-from out")
        with stage("loading PyTorch"):
            from rnncli.training.device import kept_threads

        scratch_folder = tempfile.TemporaryDirectory(prefix="rnncli-")
        logger = open_logger(self._request.log, writer.path, self._announce)
        with scratch_folder as scratch, kept_threads(), logger as self._log:
            self._session = self._open_session(corpus, unlabelled, writer, Path(scratch))
            for phase, progress in self._session.run():
                self._last = progress
                yield phase, progress

    def run(self) -> TrainingResult:
        """Take all steps and return the result, in all processes that torchrun has started."""

        def run() -> TrainingResult:
            for _ in self.steps():
                pass
            return self.result

        if world_size() == 1:
            return run()
        from rnncli.training.ranks import run_together

        return run_together(run)

    @property
    def result(self) -> TrainingResult:
        """The result, once all steps are done."""
        assert self._session is not None and self._last is not None
        description = self._session.snapshot.description
        return TrainingResult(
            path=self._session.writer.path,
            task=description.task,
            scores=dict(description.scores),
            seconds=self._last.seconds,
            epochs=self._last.epoch,
            controls=tuple(description.task_values.get("controls", {}).get("counts", ())),
            metrics=tuple(self._session.snapshot.metrics),
            held_out=self._session.data.validation,
        )

    @property
    def kept(self) -> KeptState:
        """What a training that is interrupted now leaves on disk."""
        if self._session is None:
            return KeptState()
        writer = self._session.writer
        is_saved = self._last is not None and Layout(writer.path).config.exists()
        return KeptState(writer.path if is_saved else None, can_resume=writer.state is not None)

    def preview(self, weights: "Mapping[str, Tensor]", text: str | None = None) -> str | None:
        """Return what these weights make of a text, or write without one; see `Recipe.preview`."""
        return None if self._session is None else self._session.preview(weights, text)

    @property
    def metrics(self) -> "Sequence[Mapping[str, float]]":
        """The numbers of each evaluation so far."""
        return () if self._session is None else self._session.snapshot.metrics

    @property
    def example(self) -> str | None:
        """A text of the held-out part, if there is one that fits on a line."""
        if self._session is None:
            return None
        rows = self._session.data.validation
        column = input_column(rows.column_names)
        return None if column is None else example(column_values(rows, column))

    @stage("reading the data")
    def _read_corpus(self) -> "Corpus":
        from rnncli.data.checks import check
        from rnncli.data.columns import ANY_COLUMNS
        from rnncli.data.corpus import read_corpus
        from rnncli.data.time_limits import max_read

        request = self._request
        corpus = read_corpus(
            request.data,
            task=request.task,
            columns=request.columns or ANY_COLUMNS,
            revision=request.revision,
            limits=max_read(request.settings),
        )
        for notice in corpus.notices:
            self._announce(notice)
        if "label" in corpus.columns:
            for warning in check(corpus):
                self._announce(warning)
        return corpus

    def _read_unlabelled(self) -> "list[Corpus]":
        from rnncli.data.corpus import read_corpus

        return [read_corpus([name], task="generate") for name in self._request.unlabelled]

    def _choose_initial_model(self, corpus: "Corpus") -> SavedModel | None:
        """Return the bundled model that suits the data, unless none is to be chosen."""
        request, rows = self._request, corpus.splits["train"]
        if request.init_from == FROM_NOTHING or request.unlabelled:
            return None
        if corpus.task == "generate" and "control" not in corpus.columns:
            from rnncli.tasks.generate.english_start import english_model

            texts, size = column_values(rows, "text"), rows.data.nbytes
            return english_model(texts, size, request.settings, self._announce)
        if corpus.task == "classify":
            from rnncli.tasks.classify.sentiment_start import draw, sentiment_model

            rows = rows.select(draw(len(rows)))
            samples, labels = (list(column_values(rows, name)) for name in ("text", "label"))
            return sentiment_model(request.data, samples, labels, request.settings, self._announce)
        return None

    def _open_session(
        self, corpus: "Corpus", unlabelled: "list[Corpus]", writer: ModelWriter, scratch: Path
    ) -> "Session":
        from rnncli.training.preparation import SessionRequest, open_session

        recipe, request = recipe_of(corpus.task, self._init_from, self._began), self._request
        session_request = SessionRequest(
            corpus=corpus,
            arguments=request.data,
            command=request.command or request.as_command(),
            overrides=request.settings,
            unlabelled=unlabelled,
            init_from=self._init_from,
            threads=self._threads,
            began=self._began,
            save_interval=request.checkpoint_every,
            log=self._log,
        )
        return open_session(recipe, session_request, writer, scratch, self._announce)


def recipe_of(
    task: Task, init_from: "SavedModel | None" = None, began: float | None = None
) -> "Recipe[Any]":
    """Return the recipe of a task, to start from a model perhaps; imports PyTorch."""
    match task:
        case "classify":
            from rnncli.tasks.classify.recipe import ClassifierRecipe

            return ClassifierRecipe(init_from, began)
        case "translate":
            from rnncli.tasks.translate.recipe import TranslatorRecipe

            return TranslatorRecipe(began)
        case "forecast":
            from rnncli.tasks.forecast.recipe import ForecasterRecipe

            return ForecasterRecipe(began)
        case "generate":
            from rnncli.tasks.generate.recipe import GeneratorRecipe

            return GeneratorRecipe(began)
        case "transcribe":
            from rnncli.tasks.transcribe.recipe import TranscriberRecipe

            return TranscriberRecipe(began)
