"""The progress of training on stderr."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rnncli.cli.console import Messenger, is_terminal
from rnncli.messages import format_duration
from rnncli.text.unicode import escape_controls
from rnncli.training.time_left import TimeLeft

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from torch import Tensor

    from rnncli.training.contract import Phase, Progress

# Samples a text with some weights; None where a model writes none.
Preview: TypeAlias = "Callable[[Mapping[str, Tensor]], str | None]"

PREVIEW_SHARE = 0.005  # of the time, at most, that previews may take
LEGEND = (
    "an evaluation a line (epoch: once through the data; loss: the lower the better; held out: "
    "data not trained on; best: saved)"
)
_LINE_SYMBOLS = str.maketrans("\n\t", "\u240a\u2409")


class Display(AbstractContextManager["Display"]):
    """Draw a bar for each phase on a terminal, and print a line for each evaluation."""

    def __init__(self, messenger: Messenger, preview: Preview) -> None:
        self._messenger = messenger
        self._preview = preview
        self._console = messenger.console()
        self._is_live = not messenger.quiet and is_terminal()
        self._live = ExitStack()
        self._bar: Bar | None = None  # of the phase that runs
        self._best = math.nan  # loss
        self._is_legend_shown = False
        self._time_left: TimeLeft | None = None  # of that phase
        self._preview_seconds = 0.0

    def __exit__(self, *error: object) -> None:
        """Remove the bar from the terminal."""
        self._live.close()

    def show(self, phase: "Phase", progress: "Progress") -> None:
        """Draw the progress of a step, and print its notices and its evaluation."""
        bar = self._bar or self._begin()
        if self._time_left is None:
            self._time_left = TimeLeft(phase.settings, progress.seconds)
        self._time_left.note(progress)
        left = self._time_left.seconds
        for notice in progress.notices:
            self._print(notice)
        if progress.evaluation is not None:
            self._show_evaluation(progress)
        best = "" if math.isnan(self._best) else f"  best {format_scores({'loss': self._best})}"
        status = (
            f"loss {progress.loss:.3f}{best}  {progress.throughput:,.0f} {phase.unit}/s, "
            f"{progress.way}  " + ("" if math.isinf(left) else f"{format_duration(left)} left")
        )
        bar.update(bar.task_ids[0], completed=progress.fraction, status=status)
        if progress.last:
            self._bar, self._best, self._time_left = None, math.nan, None
            self._leave()

    def draw_curves(self, metrics: Sequence[Mapping[str, float]]) -> None:
        """Draw the losses of a training that has ended, on a terminal."""
        from rnncli.cli.views import curves

        losses = curves.curves(metrics)
        if losses is not None and self._is_live:
            options = self._console.options
            drawn = curves.lines(losses, options.max_width, ascii_only=options.ascii_only)
            self._messenger.announce("\n".join(drawn))

    def _begin(self) -> "Bar":
        from rich.progress import BarColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn("[bold]{task.percentage:>3.0f}%"),
            BarColumn(bar_width=None, style="dim"),  # rich's is dark, also on white
            TextColumn("{task.fields[status]}"),
            console=self._console,
            transient=True,
            refresh_per_second=4,
            expand=True,
        )
        self._bar.add_task("", total=1.0, status="")
        if self._is_live:
            self._show_legend()
            self._enter(self._bar)
        return self._bar

    def _enter(self, bar: "Bar") -> None:
        """Show the bar."""
        self._live.enter_context(bar)

    def _leave(self) -> None:
        """Remove the bar."""
        self._live.close()

    def _show_evaluation(self, progress: "Progress") -> None:
        assert progress.evaluation is not None
        scores = dict(progress.evaluation.scores)
        loss = scores.pop("loss")
        for name in ("macro_f1", "mean_absolute_error", "network_weight"):  # to fit in a line
            scores.pop(name, None)
        if progress.best:
            self._best = loss
        self._print(
            f"{format_duration(progress.seconds):>7}  epoch {progress.epoch:5.1f}  "
            f"loss {progress.loss:.3f}, held out {loss:.3f}, "
            f"{format_scores(scores)}{'  best' if progress.best else ''}"
        )
        if self._is_live and math.isfinite(loss):
            self._show_preview(progress)

    def _show_legend(self) -> None:
        """Explain the words of the lines to come, once."""
        if not self._is_legend_shown:
            self._is_legend_shown = True
            self._messenger.announce(LEGEND)

    def _show_preview(self, progress: "Progress") -> None:
        """Print a text of the evaluated weights, unless previews have taken too long so far."""
        if progress.weights is None or not self._has_time(progress):
            return
        start = time.monotonic()
        preview = self._preview(progress.weights)
        if preview is not None:
            line = f"{'':>7}  {single_line(preview)}"
            self._console.print(
                line, style="dim", soft_wrap=False, no_wrap=True, overflow="ellipsis"
            )
        self._preview_seconds += time.monotonic() - start

    def _has_time(self, progress: "Progress") -> bool:
        """Return whether previews have not taken too long so far."""
        return self._preview_seconds <= PREVIEW_SHARE * progress.seconds

    def _print(self, line: str) -> None:
        if not self._messenger.quiet:
            self._console.print(line, soft_wrap=not self._is_live)  # on a terminal between words


def write_curves(metrics: Sequence[Mapping[str, float]], model: Path) -> None:
    """Draw the losses of a training into the folder of the model."""
    from rnncli.cli.views import curves
    from rnncli.cli.views.figure import Figure
    from rnncli.cli.views.svg import svg
    from rnncli.storage.layout import Layout

    losses, file = curves.curves(metrics), Layout(model).curve
    file.unlink(missing_ok=True)  # of a model that was replaced, or a link that leads elsewhere
    if losses is not None:
        file.write_text(svg([Figure("", losses)]), encoding="utf-8")


def single_line(text: str) -> str:
    """Return a text with symbols for its line ends, tabs and control characters."""
    return escape_controls(text).translate(_LINE_SYMBOLS)


def format_scores(scores: Mapping[str, float]) -> str:
    """Return scores in words, shares in percent."""
    parts = []
    for name, value in scores.items():
        if name in ("accuracy", "macro_f1"):
            parts.append(f"{name.replace('_', ' ')} {100 * value:.1f} %")
        else:
            parts.append(f"{name.replace('_', ' ')} {value:.3f}")
    return ", ".join(parts)
