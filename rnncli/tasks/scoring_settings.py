"""The settings of an evaluation, and which task has which."""

from dataclasses import dataclass, field
from pathlib import Path

from rnncli.config import SearchConfig, Task
from rnncli.errors import ConfigError


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

    @property
    def are_usual(self) -> bool:
        """Whether the scores are those that a model's card states."""
        return self.search == SearchConfig() and self.tokenize is None and self.window is None


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
