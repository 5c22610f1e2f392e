"""How long a phase of training will still take: by its budget, its pace and its patience."""

import math
from collections import deque
from typing import TYPE_CHECKING

from rnncli.config import Settings

if TYPE_CHECKING:
    from rnncli.training.contract import Progress


class TimeLeft:
    """Estimate the seconds that are left, from the progress of each step."""

    def __init__(self, settings: Settings, began: float) -> None:
        """Begin with the first step, which came when ``began`` seconds of the budget were gone."""
        self._settings = settings
        self._began = began
        self._steps: deque[tuple[float, float]] = deque()  # seconds, and share of all, after each
        # Seconds at the evaluation with the lowest loss, and at those after it.
        self._evaluations = [began]

    def note(self, progress: "Progress") -> None:
        """Note a step."""
        self._steps.append((progress.seconds, _share_of_steps(self._settings, progress)))
        if progress.evaluation is not None:
            if progress.best:
                self._evaluations.clear()
            self._evaluations.append(progress.seconds)

    @property
    def seconds(self) -> float:
        """The seconds left after the last step that was noted; infinite where no one can know.

        The more of the patience is used up, the likelier it is that training stops early: between
        the time left without and with that is the geometric mean, weighted by the patience used.
        """
        budget, stop = self._by_pace(), self._by_patience()
        if stop >= budget or math.isinf(budget):
            return budget
        used = (len(self._evaluations) - 1) / self._settings.patience
        return float(budget ** (1 - used) * stop**used)

    def _by_pace(self) -> float:
        """Return the time left of the budget, or less where all steps take less.

        Their pace is that of the later half so far: the first ones are slow, and what went before
        them tells nothing.
        """
        steps, middle = self._steps, (self._began + self._steps[-1][0]) / 2
        while len(steps) > 1 and steps[1][0] <= middle:
            steps.popleft()
        (before, share_before), (now, share) = steps[0], steps[-1]
        left = (self._settings.max_time or math.inf) - now
        if share > share_before:
            left = min(left, (now - before) / (share - share_before) * (1 - share))
        return max(left, 0.0)

    def _by_patience(self) -> float:
        """Return the time left if no evaluation is the best any more."""
        best, *others = self._evaluations
        if not others:
            return math.inf
        interval = (others[-1] - best) / len(others)
        return max(best + self._settings.patience * interval - self._steps[-1][0], 0.0)


def _share_of_steps(settings: Settings, progress: "Progress") -> float:
    """Return the share of all steps that are taken; 0 where only the time budget ends them."""
    return max(
        progress.step / (settings.steps or math.inf), progress.epoch / (settings.epochs or math.inf)
    )
