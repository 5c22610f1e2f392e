"""A page of live pictures of a training, on a terminal: ``rnncli train --watch``.

::

    1.07 ┤●                              4.2 ┤·
         │·●●                                │··
    0.39 ┤  ···●●●●                      0.1 ┤  ●●●●
         └─────────                          └─────────
          loss: · training ● held out         gradient norm: · raw  ● clipped
    input gate   closed ███░░░░░░░ 31 %   open ░░░░░░░░░░  2 %
    ...
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from rnncli.cli.console import Messenger
from rnncli.cli.progress import Display, single_line
from rnncli.cli.views import curves
from rnncli.cli.views.curves import Curves

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live
    from rich.progress import Progress as Bar

    from rnncli.tasks.trainer import Trainer
    from rnncli.training.contract import Phase, Progress

PAGE_SHARE = 0.01  # of the time, at most, that drawing may take
BAR_CELLS = 10  # of a share
ASCII_BAR, BAR = ("#", "."), ("█", "░")  # full and empty cells
ANSWERS = 4  # of the watched text: the latest

Metrics: TypeAlias = Sequence[Mapping[str, float]]


class WatchDisplay(Display):
    """Draw curves, gates, a sample and the answer to a text instead of a line an evaluation."""

    def __init__(self, messenger: Messenger, trainer: "Trainer", text: str | None) -> None:
        """Watch a training and its answers to a text; without one, to a text that is held out."""
        super().__init__(messenger, trainer.preview)
        self._trainer, self._text = trainer, text
        self._page: Live | None = None
        self._clip = math.inf
        self._sample = ""
        self._answers: list[str] = []
        self._drawing_seconds = 0.0

    def show(self, phase: "Phase", progress: "Progress") -> None:
        """Draw the page anew after an evaluation, and else as often as time allows."""
        self._clip = phase.settings.clip
        super().show(phase, progress)
        if not progress.last and self._drawing_seconds <= PAGE_SHARE * progress.seconds:
            self._draw()

    def draw_curves(self, metrics: Metrics) -> None:
        """Draw nothing, since the page stays, which shows the losses."""
        if self._page is None:
            super().draw_curves(metrics)

    def _enter(self, bar: "Bar") -> None:
        from rich.live import Live

        del bar  # it is the last line of the page
        self._page = self._live.enter_context(
            Live(self._page_content(), console=self._console, auto_refresh=False)
        )

    def _leave(self) -> None:
        """Leave the page without the bar."""
        self._draw()
        super()._leave()

    def _show_legend(self) -> None:
        """Leave the legend of the lines out."""

    def _show_evaluation(self, progress: "Progress") -> None:
        assert progress.evaluation is not None
        if progress.best:
            self._best = progress.evaluation.scores["loss"]
        if progress.weights is not None and self._has_time(progress):
            began = time.monotonic()
            self._sample = self._preview(progress.weights) or ""
            self._text = self._text or self._trainer.example
            if self._text is not None:
                answer = self._trainer.preview(progress.weights, self._text)
                self._answers = [f"step {progress.step:,}: {answer}", *self._answers][:ANSWERS]
            self._preview_seconds += time.monotonic() - began
        self._draw()

    def _draw(self) -> None:
        if self._page is None:
            return
        began = time.monotonic()
        self._page.update(self._page_content(), refresh=True)
        self._drawing_seconds += time.monotonic() - began

    def _page_content(self) -> "RenderableType":
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        options = self._console.options
        width, is_ascii = options.max_width, options.ascii_only
        grid = Table.grid(padding=(0, 2))
        blocks = [
            Text("\n".join(curves.lines(each, width // 2 - 2, ascii_only=is_ascii)), no_wrap=True)
            for each in _curves(self._trainer.metrics, self._clip)
        ]
        if blocks:
            grid.add_row(*blocks)
        lines = [*_gates(self._trainer.metrics, is_ascii=is_ascii)]
        if self._sample:
            lines.append(f"sample: {single_line(self._sample)}")
        if self._text is not None and self._answers:
            lines.append(f"watched text: {single_line(self._text)}")
            lines += [f"  {single_line(answer)}" for answer in self._answers]
        texts = [Text(line, no_wrap=True, overflow="ellipsis") for line in lines]
        bar = [] if self._bar is None else [self._bar.get_renderable()]
        return Group(grid, *texts, *bar)


def _curves(metrics: Metrics, clip: float) -> list[Curves]:
    """Return the curves of the losses and of the largest gradient norms, if there are some."""
    losses = curves.curves(metrics)
    if losses is None:
        return []
    name = "largest_gradient_norm"
    norms = [(line["step"], line[name]) for line in metrics if name in line]
    if not norms:  # of a training that an older rnncli began
        return [losses]
    clipped = [(step, min(norm, clip)) for step, norm in norms]
    series = {"raw": norms, "clipped": clipped}  # short, for half of 80 columns
    return [losses, Curves(series, "step", "gradient norm", log_y=True)]


def _gates(metrics: Metrics, *, is_ascii: bool) -> Iterator[str]:
    """Yield a line for each kind of gate: the shares that are closed and open, as bars."""
    latest = metrics[-1] if metrics else {}
    full, empty = ASCII_BAR if is_ascii else BAR
    for name, closed in latest.items():
        gate, is_closed, _ = name.partition("_gate_closed")
        if is_closed:
            shares = (("closed", closed), ("open", latest[f"{gate}_gate_open"]))
            parts = [
                f"{state} {(full * round(BAR_CELLS * share)).ljust(BAR_CELLS, empty)} {share:4.0%}"
                for state, share in shares
            ]
            yield f"{gate + ' gate':<12}  {'   '.join(parts)}"
