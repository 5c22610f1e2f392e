"""The progress of training, drawn on stderr."""

import math
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from rnncli.cli.card import format_scores
from rnncli.cli.console import Screen, is_terminal
from rnncli.config import format_duration

if TYPE_CHECKING:
    from rnncli.tasks.base import Training
    from rnncli.training import Progress


class Display(AbstractContextManager["Display"]):
    """Draw a bar on a terminal, and print a line an evaluation everywhere."""

    def __init__(self, screen: Screen, task: "Training") -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._screen = screen
        self._goal = task.goal
        self._unit = "texts" if task.config.task == "classify" else "tokens"
        self._drawn = screen.console()
        live = not screen.quiet and is_terminal()
        self._progress = Progress(
            TextColumn("[bold]{task.percentage:>3.0f}%"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[status]}"),
            console=self._drawn,
            transient=True,
            refresh_per_second=4,
            expand=True,
        )
        self._live: AbstractContextManager[Any] = self._progress if live else nullcontext()
        self._bar = self._progress.add_task("", total=1.0, status="")
        self._score = math.nan

    def __enter__(self) -> "Display":
        """Start to draw."""
        self._live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the terminal as it was."""
        self._live.__exit__(*error)  # type: ignore[arg-type]

    def show(self, progress: "Progress") -> None:
        """Draw one step, and print a line where the model was evaluated."""
        left = progress.seconds * (1 / max(progress.fraction, 1e-9) - 1)
        status = f"loss {progress.loss:.3f}"
        for notice in progress.notices:
            if not self._screen.quiet:
                self._drawn.print(notice)
        if progress.scores is not None:
            if progress.best:
                self._score = progress.scores[self._goal]
            mark = "  best" if progress.best else ""
            held_out = progress.scores["loss"]
            shown = {k: v for k, v in progress.scores.items() if k not in ("loss", "macro_f1")}
            if not self._screen.quiet:
                self._drawn.print(
                    f"{format_duration(progress.seconds):>7}  epoch {progress.epoch:5.1f}  "
                    f"loss {progress.loss:.3f}, held out {held_out:.3f}, "
                    f"{format_scores(shown)}{mark}"
                )
        if not math.isnan(self._score):
            status += f"  best {format_scores({self._goal: self._score})}"
        status += f"  {progress.rate:,.0f} {self._unit}/s  {format_duration(left)} left"
        self._progress.update(self._bar, completed=progress.fraction, status=status)
