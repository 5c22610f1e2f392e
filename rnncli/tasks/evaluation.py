"""Score a trained model, whatever its task: what ``rnncli evaluate`` does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

from rnncli.analysis.requirements import flatten
from rnncli.config import SearchConfig, choose_threads
from rnncli.data.columns import Columns
from rnncli.errors import ConfigError
from rnncli.messages import Announce
from rnncli.storage.reading import read_description
from rnncli.tasks import ignore, names_of
from rnncli.tasks.evaluation_data import (
    read_held_out,
    read_named,
    read_train,
    training_data_of,
    with_control,
)
from rnncli.tasks.scoring import Mistakes, Report, Scorer, ScoringSettings


@dataclass(frozen=True)
class EvaluationResult:
    """The scores of a model, and the examples that it gets wrong."""

    model: str
    data: str  # the name of what it was scored on
    report: Report

    @cached_property
    def scores(self) -> dict[str, Any]:
        """All scores by their names, as ``--json`` has them."""
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
    revision: str | None = None,
    against: str | PathLike[str] | None = None,
    baselines: bool = True,
    beam: int = SearchConfig().beam,
    memory: bool = SearchConfig().memory,
    tokenize: str | None = None,
    window: int | None = None,
    threads: int | None = None,
    announce: Announce | None = None,
) -> EvaluationResult:
    """Score a model directory on data, or on the held-out part of its training data.

    Settings are those of ``rnncli evaluate``, which explains them; ``data`` is a file, two files
    aligned line by line, or a dataset of the Hugging Face hub. ``announce`` is given each notice.

    Raises:
        ModelError: there is no such model, or it is damaged.
        ConfigError: a setting does not go with the model.
        DataError: the data cannot be read.

    """
    settings = ScoringSettings(
        against=None if against is None else Path(against),
        baselines=baselines,
        search=SearchConfig(beam=beam, memory=memory),
        tokenize=tokenize,
        window=window,
        threads=choose_threads(threads),
    )
    announce = announce or ignore
    path = Path(model)
    scorer = load_scorer(path, settings, announce)
    columns = Columns(text, label, source, target, control)
    names = [] if data is None else names_of(data)
    return score(path, scorer, names, columns, split, revision, announce)


def load_scorer(path: Path, settings: ScoringSettings, announce: Announce) -> Scorer:
    """Read the model to score, and the one to compare it with.

    Raises:
        ModelError: there is no such model, it is damaged, or the two cannot be compared.
        ConfigError: a setting does not go with the model.

    """
    task = read_description(path).task
    _require_task(task, "--no-baselines", not settings.baselines, ("classify",))
    _require_task(task, "--errors", settings.mistakes, ("classify", "translate"))
    _require_task(task, "--against", settings.against is not None, ("classify", "translate"))
    match task:
        case "classify":
            from rnncli.tasks.classify.evaluate import ClassifierScorer

            return ClassifierScorer(path, settings, announce)
        case "translate":
            from rnncli.tasks.translate.evaluate import TranslatorScorer

            return TranslatorScorer(path, settings, announce)
        case _:
            from rnncli.tasks.generate.evaluate import GeneratorScorer

            return GeneratorScorer(path, settings, announce)


def score(
    path: Path,
    scorer: Scorer,
    data: Sequence[str],
    columns: Columns,
    split: str | None,
    revision: str | None,
    announce: Announce,
) -> EvaluationResult:
    """Read the data, or without any the held-out part of the training data, and score a model.

    Raises:
        ConfigError: the model was trained without control codes, and a column of them is named.
        DataError: the data cannot be read.

    """
    task, trained_on = read_description(path).task, training_data_of(path)
    columns = with_control(columns, trained_on)
    if data:
        rows = read_named(task, data, columns, split, revision, announce)
        if scorer.needs_training_data:
            rows = replace(rows, train=read_train(task, trained_on, data, announce))
    else:
        rows = read_held_out(task, trained_on, revision, announce)
    announce(f"scoring {path} on {rows.name}")
    return EvaluationResult(str(path), rows.name, scorer.score(rows))


def _require_task(task: str, option: str, is_given: bool, tasks: Sequence[str]) -> None:
    if is_given and task not in tasks:
        raise ConfigError(
            f"{option} is for the task {' or '.join(tasks)}; this model's task is {task}",
            f"leave {option} out",
        )
