"""What the training loop keeps an eye on: its budget, its scores, its loss, its speed.

Their attributes are numbers, so that a run that goes on later can set them as they were.
"""

import math
import time

import torch

from rnncli.config import Settings

FIRST_LOSS_SPAN = 50  # steps over which the displayed training loss is smoothed


class Budget:
    """Measure how much of the budget is used: the largest share of time, epochs and steps."""

    def __init__(self, settings: Settings, steps_per_epoch: int, spent: float) -> None:
        self._began = time.monotonic()
        self.spent = spent  # seconds before this run began
        self.reserve = 0.0  # seconds kept back for what comes after the last step
        self._max_time = settings.max_time or math.inf
        limits = [settings.steps or math.inf, (settings.epochs or math.inf) * steps_per_epoch]
        self._max_steps = max(min(limits), 1)

    def elapsed(self) -> float:
        """Return the seconds since training began."""
        return self.spent + time.monotonic() - self._began

    def fraction(self, step: int) -> float:
        """Return the share that is used after so many steps; 1 and more: all of it."""
        return max(step / self._max_steps, (self.elapsed() + self.reserve) / self._max_time)


class Watch:
    """Remember the best score and how long ago it was."""

    def __init__(self, maximise: bool, patience: int) -> None:
        self._sign = 1 if maximise else -1
        self._patience = patience
        self.best = -math.inf  # signed, so that larger is better
        self.since = 0  # evaluations

    def improves(self, score: float) -> bool:
        """Note a score and return whether it is the best so far."""
        signed = self._sign * score
        self.since = 0 if signed > self.best else self.since + 1
        if signed < self.best:
            return False
        self.best = signed  # an equal one too: the later of two has been annealed further
        return True

    @property
    def exhausted(self) -> bool:
        """Return whether it is too long ago."""
        return self.since >= self._patience


class Smoothed:
    """Smooth the training loss: an exact mean at first, then exponential."""

    def __init__(self) -> None:
        self.value = 0.0
        self.count = 0
        self.lowest = math.inf  # since the mean is over a whole span

    def add(self, value: float) -> None:
        """Note the loss of a step."""
        self.count = min(self.count + 1, FIRST_LOSS_SPAN)
        self.value += (value - self.value) / self.count
        if self.count == FIRST_LOSS_SPAN:
            self.lowest = min(self.lowest, self.value)

    @property
    def exploded(self) -> bool:
        """Return whether it is far above where it was: by more than any corpus changes itself."""
        return self.value > 2 * self.lowest + 1


class Rate:
    """Measure targets a second, time for evaluation left out."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.targets = 0

    def add(self, targets: int) -> None:
        """Note the targets of a step."""
        self.targets += targets

    def pause(self, seconds: float) -> None:
        """Leave some seconds out."""
        self._began += seconds

    @property
    def value(self) -> float:
        """Return the targets a second."""
        return self.targets / max(time.monotonic() - self._began, 1e-9)


class Threads:
    """Compute with as many threads as is fastest at the moment.

    Threads that wait for one another at every time step lose more than they gain where other
    programs need the cores, or where the layers are small. So the choices are tried, a few steps
    each, and tried again from time to time.
    """

    TRIAL = 6  # steps; the first of them, in which threads wake up, does not count
    FIRST_PAUSE, LONGEST_PAUSE = 10.0, 60.0  # seconds between two rounds of trials

    def __init__(self, adapt: bool) -> None:
        most = torch.get_num_threads()
        self._choices = [most // 2**i for i in range(most.bit_length())] if adapt else [most]
        self._pause = self.FIRST_PAUSE
        self._next_round = time.monotonic()
        self._trials: list[int] = []  # choices still to be tried in this round
        self._speeds: dict[int, float] = {}  # targets a second
        self._steps, self._targets, self._seconds = 0, 0, 0.0
        self._began = 0.0

    def begin_step(self) -> None:
        """Start the clock, and a round of trials where it is time for one."""
        if not self._trials and len(self._choices) > 1 and time.monotonic() >= self._next_round:
            self._trials = list(self._choices)
            self._speeds = {}
            torch.set_num_threads(self._trials[0])
        self._began = time.monotonic()

    def end_step(self, targets: int) -> None:
        """Note how long a step took; after the last trial, choose."""
        if not self._trials:
            return
        if self._steps:
            self._targets += targets
            self._seconds += time.monotonic() - self._began
        self._steps += 1
        if self._steps == self.TRIAL:
            self._speeds[self._trials.pop(0)] = self._targets / self._seconds
            self._steps, self._targets, self._seconds = 0, 0, 0.0
            if self._trials:
                torch.set_num_threads(self._trials[0])
            else:
                torch.set_num_threads(max(self._speeds, key=lambda n: self._speeds[n]))
                self._next_round = time.monotonic() + self._pause
                self._pause = min(2 * self._pause, self.LONGEST_PAUSE)
