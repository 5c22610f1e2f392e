"""Score trained models of every task: what ``rnncli evaluate`` does."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from rnncli.analysis.requirements import Requirement, flatten, resolve
from rnncli.config import SearchConfig, Task, choose_threads
from rnncli.data.columns import ANY_COLUMNS, Columns
from rnncli.errors import ConfigError
from rnncli.messages import Announce, plural, stage
from rnncli.storage.card import format_agreement
from rnncli.storage.model_names import model_directory, model_name
from rnncli.storage.reading import read_description
from rnncli.tasks import ignore, names_of
from rnncli.tasks.evaluation_data import (
    HELD_OUT,
    DataRequest,
    EvaluationData,
    read_held_out,
    read_named,
    read_train,
    require_harmless,
    training_data_of,
    with_control,
)

BATCH_SIZE = 1_024  # texts in a call of a model: bounds memory

Cell: TypeAlias = str | float


@dataclass(frozen=True)
class ScoringSettings:
    """How to score a model; which settings a task has is checked by `load_scorer`."""

    against: Path | None = None  # a second model to compare with (classify, translate)
    baselines: bool = True  # train them, which needs the training data (classify)
    search: SearchConfig = field(default_factory=SearchConfig)  # (translate)
    tokenize: str | None = None  # sacreBLEU's tokenizer; None: by the language (translate)
    window: int | None = None  # tokens after which the state is reset; None: never (generate)
    mistakes: bool = False  # whether they will be written (classify, translate)
    probe: bool = False  # what is expected, case by case, takes the place of data (classify)
    threads: int = 1


@dataclass(frozen=True)
class Mistakes:
    """The examples that a model gets wrong; iterating over them reads their texts."""

    columns: tuple[str, ...]
    count: int
    rows: Callable[[], Iterator[tuple[Cell, ...]]]

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[dict[str, Cell]]:
        for row in self.rows():
            yield dict(zip(self.columns, row, strict=True))


class Report(Protocol):
    """The scores of a model on some data."""

    @property
    def mistakes(self) -> Mistakes | None:
        """The examples that the model gets wrong; None where the task has no such notion."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return all scores by their names, as values for JSON."""
        ...


class Scorer(Protocol):
    """A model to be scored; it is loaded before any data is read."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the scores, for ``--require``."""
        ...

    @property
    def needs_training_data(self) -> bool:
        """Whether scoring needs the training data even where other data is named."""
        ...

    def score(self, data: EvaluationData) -> Report:
        """Score the model."""
        ...


@dataclass(frozen=True)
class EvaluationResult:
    """The scores of a model, and the examples that it gets wrong."""

    model: str
    data: str  # the name of the data
    report: Report

    @cached_property
    def scores(self) -> dict[str, Any]:
        """All scores by their names, as in the output of ``--json``."""
        return self.report.to_dict()

    def to_dict(self) -> dict[str, Any]:
        """Return the output of ``--json``."""
        return {"model": self.model, "data": self.data, **self.scores}

    @property
    def mistakes(self) -> Mistakes | None:
        """The examples that a classifier or a translator gets wrong, as dictionaries."""
        return self.report.mistakes

    def __repr__(self) -> str:
        """Show the scores of all examples together."""
        totals = {n: value for n, value in flatten(self.scores).items() if "." not in n}
        numbers = [f"{name}={value:.6g}" for name, value in totals.items()]
        return f"EvaluationResult({', '.join([repr(self.model), repr(self.data), *numbers])})"


def evaluate(
    model: str | PathLike[str],
    data: "str | PathLike[str] | Sequence[str | PathLike[str]] | None" = None,
    *,
    split: str | None = None,
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
    against: str | PathLike[str] | None = None,
    baselines: bool = True,
    beam: int = SearchConfig().beam,
    memory: bool = SearchConfig().memory,
    tokenize: str | None = None,
    window: int | None = None,
    probe: bool = False,
    threads: int | None = None,
    announce: Announce | None = None,
) -> EvaluationResult:
    """Score a model directory on data, or on the held-out part of its training data.

    Settings are those of ``rnncli evaluate``, which explains them; ``data`` is a file, two files
    aligned line by line, or a dataset of the Hugging Face hub; with ``probe`` a file of cases.
    ``announce`` is given each notice.

    Raises:
        ModelError: there is no such model, or it is damaged.
        ConfigError: a setting does not go with the model.
        DataError: the data cannot be read.
    """
    announce = announce or ignore
    settings = ScoringSettings(
        against=None if against is None else model_directory(fspath(against), announce),
        baselines=baselines,
        search=SearchConfig(beam=beam, memory=memory),
        tokenize=tokenize,
        window=window,
        probe=probe,
        threads=choose_threads(threads),
    )
    path = model_directory(fspath(model), announce)
    names = [] if data is None else names_of(data)
    columns = Columns(text, label, source, target, control, time, value, series, known)
    return run(path, settings, DataRequest(names, columns, split, revision), (), announce)


def run(
    path: Path,
    settings: ScoringSettings,
    request: DataRequest,
    requirements: Sequence[Requirement],
    announce: Announce,
) -> EvaluationResult:
    """Score or probe a model; that ``requirements`` name its scores is checked before that.

    Raises:
        ModelError, ConfigError, DataError: see `load_scorer`, `score` and `load_probe`.

    """
    if settings.probe:
        from rnncli.tasks.classify.probe import load_probe

        cases = load_probe(path, settings, request, announce)
        for requirement in requirements:
            resolve(requirement, cases.names)
        return cases.run()
    scorer = load_scorer(path, settings, announce)
    for requirement in requirements:
        resolve(requirement, scorer.names)
    result = score(path, scorer, request, announce)
    is_usual = settings.window is None and settings.search == SearchConfig()
    if is_usual and (not request.names or request.split == HELD_OUT):
        measured = flatten(result.scores)
        if agreement := format_agreement(read_description(path).scores, measured):
            announce(agreement)
    return result


def load_scorer(path: Path, settings: ScoringSettings, announce: Announce) -> Scorer:
    """Read the model to score, and the one to compare it with.

    Raises:
        ModelError: there is no such model, it is damaged, or the two cannot be compared.
        ConfigError: a setting does not go with the model.

    """
    task = read_description(path).task
    check_options(task, settings)
    match task:
        case "classify":
            from rnncli.tasks.classify.evaluate import ClassifierScorer

            return ClassifierScorer(path, settings, announce)
        case "translate":
            from rnncli.tasks.translate.evaluate import TranslatorScorer

            return TranslatorScorer(path, settings, announce)
        case "forecast":
            from rnncli.tasks.forecast.evaluate import ForecasterScorer

            return ForecasterScorer(path, settings, announce)
        case "generate":
            from rnncli.tasks.generate.evaluate import GeneratorScorer

            return GeneratorScorer(path, settings, announce)
        case "transcribe":
            from rnncli.tasks.transcribe.evaluate import TranscriberScorer

            return TranscriberScorer(path, settings, announce)


def check_options(task: Task, settings: ScoringSettings) -> None:
    """Refuse the options of other tasks.

    Raises:
        ConfigError: an option is not for the task.

    """
    search, default = settings.search, SearchConfig()
    options: tuple[tuple[str, bool, tuple[Task, ...]], ...] = (
        ("--no-baselines", not settings.baselines, ("classify",)),
        ("--probe", settings.probe, ("classify",)),
        ("--against", settings.against is not None, ("classify", "translate")),
        ("--errors", settings.mistakes, ("classify", "translate", "transcribe")),
        ("--beam", search.beam != default.beam, ("translate",)),
        ("--no-memory", not search.memory, ("translate",)),
        ("--tokenize", settings.tokenize is not None, ("translate",)),
        ("--window", settings.window is not None, ("generate",)),
    )
    for option, is_set, tasks in options:
        if is_set and task not in tasks:
            raise ConfigError(
                f"{option} is for the task {' or '.join(tasks)}; this model's task is {task}",
                f"leave {option} out",
            )


def score(path: Path, scorer: Scorer, request: DataRequest, announce: Announce) -> EvaluationResult:
    """Score a model on the data that is named, else on the held-out part of its training data.

    Raises:
        ConfigError: a column or a split of no data is named, or a column of control codes for a
            model that was trained without them.
        DataError: the data cannot be read.
    """
    task, training_data = read_description(path).task, training_data_of(path)
    data, split, revision = request.names, request.split, request.revision
    columns = with_control(request.columns, training_data)
    if request.columns != ANY_COLUMNS and (split == HELD_OUT or not data):
        raise ConfigError(
            "the held-out part of the training data has the columns that were trained on",
            "name the data, or leave these options out",
        )
    if split == HELD_OUT and data:
        training_data = replace(training_data, arguments=tuple(data))
        rows = read_held_out(task, training_data, revision, announce)
    elif data:
        rows = read_named(task, training_data, replace(request, columns=columns), announce)
        if scorer.needs_training_data:
            train = read_train(task, path, training_data, data, announce)
            rows = replace(rows, train=train)
    elif split in (None, HELD_OUT):
        require_harmless(path, training_data)
        rows = read_held_out(task, training_data, revision, announce)
    else:
        raise ConfigError("--split is of data, and none is named", "name the data, or leave it out")
    announce(f"scoring {model_name(path)} on {rows.name}")
    with stage(f"scoring {plural(len(rows.rows), 'row')}"):
        return EvaluationResult(str(path), rows.name, scorer.score(rows))
