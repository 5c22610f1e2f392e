"""When training ends, when it is evaluated, and how fast it is."""

import math
import time

from rnncli.config import Settings
from rnncli.training.contract import StateDict

EVALUATION_SHARE = 0.05  # of the time at most that goes into evaluation on the way


class Budget:
    """Measure how much of the budget is used: the largest share of time, epochs and steps.

    ``reserve`` is how many seconds of it are kept back for what follows training.
    """

    def __init__(
        self, settings: Settings, steps_per_epoch: int, spent: float, reserve: float = 0.0
    ) -> None:
        self._began = time.monotonic()
        self._spent = spent  # seconds before this run began
        self._evaluation = 0.0  # seconds kept back for the last one
        self._max_time = (settings.max_time or math.inf) - reserve
        limits = [settings.steps or math.inf, (settings.epochs or math.inf) * steps_per_epoch]
        self._max_steps = max(min(limits), 1)
        self._interval = 1 / settings.evaluations  # share of the budget between evaluations
        # Share that was gone before the first step; the schedule is spread over what was left.
        self._start = min(self.fraction(0), 0.99)  # below 1, so that something always is
        self._next_evaluation = self._start + self._interval

    def elapsed(self) -> float:
        """Return the seconds since training began."""
        return self._spent + time.monotonic() - self._began

    def fraction(self, step: int) -> float:
        """Return the share that is used after so many steps; 1 and more: all of it."""
        return max(step / self._max_steps, (self.elapsed() + self._evaluation) / self._max_time)

    def training_fraction(self, step: int) -> float:
        """Return the same of what was left of the budget before the first step."""
        return (self.fraction(step) - self._start) / (1 - self._start)

    def evaluation_is_due(self, fraction: float) -> bool:
        """Return whether the model is to be evaluated when this share is used."""
        return fraction >= min(self._next_evaluation, 1.0)

    def note_evaluation(self, fraction: float, seconds: float) -> None:
        """Plan the next evaluation after one that took so many seconds."""
        self._evaluation = seconds
        interval = max(self._interval, seconds / EVALUATION_SHARE / self._max_time)
        self._next_evaluation = fraction + interval

    def state_dict(self) -> StateDict:
        """Return the state by which a later run resumes with the same budget."""
        return {
            "seconds": self.elapsed(),
            "evaluation": self._evaluation,
            "start": self._start,
            "next_evaluation": self._next_evaluation,
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Go on with the budget of an earlier run, beside what this one has spent already."""
        self._spent += float(state["seconds"])
        self._evaluation = float(state["evaluation"])
        self._start = float(state["start"])
        self._next_evaluation = float(state["next_evaluation"])


class EarlyStopping:
    """Stop after some evaluations without a lower held-out loss than the lowest before.

    An equal loss counts as the best, too, since the later of two models has been annealed further,
    but not as progress.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self.best = math.inf
        self._evaluations = 0  # since the loss was last lower

    def is_best(self, loss: float) -> bool:
        """Note a held-out loss and return whether it is the lowest so far."""
        self._evaluations = 0 if loss < self.best else self._evaluations + 1
        if loss > self.best:
            return False
        self.best = loss
        return True

    @property
    def exhausted(self) -> bool:
        """Return whether the patience is used up."""
        return self._evaluations >= self._patience

    def state_dict(self) -> StateDict:
        """Return the numbers to be saved."""
        return {"best": self.best, "evaluations": self._evaluations}

    def load_state_dict(self, state: StateDict) -> None:
        """Take over saved numbers."""
        self.best, self._evaluations = float(state["best"]), int(state["evaluations"])


class Throughput:
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
