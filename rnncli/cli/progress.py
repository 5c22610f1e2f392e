"""The progress of training, drawn on stderr."""

import math
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncli.cli.console import Screen, is_terminal
from rnncli.config import SamplingConfig, format_duration
from rnncli.storage.card import format_scores
from rnncli.text.unicode import escape_controls

if TYPE_CHECKING:
    from torch import Tensor

    from rnncli.tasks.predictor import Training
    from rnncli.training.loop import Progress

SAMPLE = SamplingConfig(temperature=0.8, length=60, seed=0)  # the same seed, to compare them
SAMPLES_SHARE = 0.005  # of the time may go into samples
_LINE_PICTURES = str.maketrans("\n\t", "\u240a\u2409")


class Display(AbstractContextManager["Display"]):
    """Draw a bar on a terminal, and print a line an evaluation everywhere."""

    def __init__(self, screen: Screen, task: "Training") -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._screen = screen
        self._task = task
        self._goal = task.goal
        self._unit = "texts" if task.labels else "tokens"
        self._drawn = screen.console()
        live = not screen.quiet and is_terminal()
        self._shows_samples = live and task.config.task == "generate"
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
        self._drawing = 0.0  # seconds that samples took

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
            scores = {k: v for k, v in progress.scores.items() if k not in ("loss", "macro_f1")}
            if not self._screen.quiet:
                self._drawn.print(
                    f"{format_duration(progress.seconds):>7}  epoch {progress.epoch:5.1f}  "
                    f"loss {progress.loss:.3f}, held out {held_out:.3f}, "
                    f"{format_scores(scores)}{mark}"
                )
            if self._shows_samples and math.isfinite(held_out):
                self._show_sample(progress)
        if not math.isnan(self._score):
            status += f"  best {format_scores({self._goal: self._score})}"
        status += f"  {progress.rate:,.0f} {self._unit}/s  {format_duration(left)} left"
        self._progress.update(self._bar, completed=progress.fraction, status=status)

    def _show_sample(self, progress: "Progress") -> None:
        """Draw a sample with the weights that were evaluated, unless that took too long so far."""
        if progress.weights is None or self._drawing > SAMPLES_SHARE * progress.seconds:
            return
        from rich.text import Text

        began = time.monotonic()
        text = f"{'':>7}  {drawn_line(self._task, progress.weights)}"
        line = Text(text, "dim", no_wrap=True, overflow="ellipsis")  # cut where the line ends
        self._drawn.print(line, soft_wrap=False)
        self._drawing += time.monotonic() - began


def drawn_line(task: "Training", weights: "Mapping[str, Tensor]") -> str:
    """Return a sample of a text generator with these weights, on one line.

    It is drawn as a finished model would draw it, and leaves the random state of training alone.
    """
    from rnncli.networks.model_numpy import Network
    from rnncli.storage.layout import Layout
    from rnncli.storage.reading import SavedModel
    from rnncli.tasks.generate.predict import TextGenerator

    arrays = {name: tensor.float().cpu().numpy() for name, tensor in weights.items()}
    network = Network(task.config, arrays)
    tokenizer = task.tokenizer
    model = SavedModel(Layout(Path()), {}, task.config, tokenizer, tokenizer, arrays, network)
    (sample,) = TextGenerator(model)([""], SAMPLE)
    return escape_controls(sample.text).translate(_LINE_PICTURES)
