"""Which way to compute a step is the fastest at the moment: measured, and left when it slows down.

Threads inside operations wait for one another at each time step: the fastest way where all cores
are free, by far the slowest where other programs need one. Workers with a part of the batch each
wait once a step, and a single thread never does.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

import torch

TRIAL_STEPS = 4  # of which the first, in which threads wake up, does not count
WINDOW_SECONDS, WINDOW_STEPS = 0.3, 3  # over which a speed is measured, the longer of both
MARGIN = 1.1  # by which another way has to be faster to be tried
SLOW = 3.0  # times what a step should take: no reason to wait for a second one
TRIAL_COST = 0.005  # share of the time that trials of a way may cost
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between two trials of a way; doubled if in vain
PROBE_SECONDS = 0.03  # of operations, to see whether one has to wait for a core
LONGEST_WAIT = 0.001  # seconds: an operation takes far less, another program on its core more


@dataclass(frozen=True)
class Way:
    """A way to compute a step: threads inside each operation, or workers with one each."""

    threads: int
    workers: int = 1

    def __str__(self) -> str:
        if self.workers > 1:
            return f"{self.workers} workers"
        return "1 thread" if self.threads == 1 else f"{self.threads} threads"


def ways(threads: int) -> list[Way]:
    """Return the ways to use so many threads, the one that is fastest on an idle machine first."""
    halvings = [threads // 2**i for i in range(threads.bit_length() - 1)]
    return [*(Way(n) for n in halvings), *(Way(1, n) for n in halvings), Way(1)]


def cores_are_free(threads: int) -> bool:
    """Return whether so many threads can work at once without waiting for a core."""
    if threads == 1:
        return True
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    numbers = torch.zeros(threads << 16)  # enough for each thread to get a part
    numbers.add_(1.0)  # in which threads wake up
    began, longest = time.perf_counter(), 0.0
    end = began + PROBE_SECONDS
    while began < end and longest < LONGEST_WAIT:
        numbers.add_(1.0)
        now = time.perf_counter()
        longest, began = max(longest, now - began), now
    torch.set_num_threads(before)
    return longest < LONGEST_WAIT


@dataclass
class _Record:
    """How fast a way is, in numbers a second of the batches that it computes with."""

    speed: float = math.inf  # when last used; a way that was never tried may be the fastest
    pause: float = SHORTEST_PAUSE  # seconds, after the next trial in vain
    next_trial: float = 0.0  # in seconds of steps
    steps: deque[tuple[float, float]] = field(default_factory=deque)  # work and seconds of each

    def add(self, work: float, seconds: float) -> None:
        """Note a step."""
        self.steps.append((work, seconds))
        while len(self.steps) > WINDOW_STEPS and self._seconds(1) >= WINDOW_SECONDS:
            self.steps.popleft()
        self.speed = sum(work for work, _ in self.steps) / self._seconds()

    def _seconds(self, start: int = 0) -> float:
        return sum(seconds for _, seconds in islice(self.steps, start, None))


class Controller:
    """Choose, before each step, the way to compute it.

    The present way is left as soon as it is slower than another one was when last used. Others are
    tried from time to time, so seldom that it costs next to nothing.
    """

    def __init__(
        self,
        choices: Sequence[Way],
        clock: Callable[[], float] = time.monotonic,
        is_free: Callable[[int], bool] = cores_are_free,
    ) -> None:
        self._clock = clock
        self._is_free = is_free
        self.choices = tuple(choices)
        self._records = {way: _Record() for way in choices}
        self.way = choices[0]
        self._incumbent: Way | None = None  # during a trial, the way to beat
        self._is_first = True
        self._step = 0  # of the present way
        self._lost = 0.0  # seconds in this trial, against the incumbent
        self._began = 0.0
        self._elapsed = 0.0  # seconds of all steps, evaluations left out

    def begin_step(self) -> Way:
        """Start the clock and return the way to compute this step."""
        if self._is_first:
            self._is_first = False
            self.way = next((w for w in self.choices if self._is_possible(w)), self.way)
        self._began = self._clock()
        return self.way

    def end_step(self, work: int) -> None:
        """Note the end of a step with so many numbers in its batch, and choose the next way."""
        if len(self._records) == 1:
            return
        seconds = max(self._clock() - self._began, 1e-9)
        self._elapsed += seconds
        record = self._records[self.way]
        self._step += 1
        if self._step == 2:  # the first step after a change says nothing of the later ones
            record.steps.clear()
        record.add(work, seconds)
        if self._incumbent is not None:
            self._end_trial(work, seconds, self._incumbent)
        else:
            self._begin_trial(work / seconds)

    def _begin_trial(self, speed: float) -> None:
        """Try another way where one may be faster than the present one."""
        record = self._records[self.way]
        others = {way: other for way, other in self._records.items() if way != self.way}
        way = max(others, key=lambda way: others[way].speed)
        known = others[way].speed  # infinite until all were tried
        if self._step < WINDOW_STEPS and not SLOW * speed < known < math.inf:
            return
        if known <= MARGIN * record.speed:
            due = [way for way, other in others.items() if other.next_trial <= self._elapsed]
            if not due:
                return
            way, known = due[0], math.inf
        if math.isinf(known) and not self._is_possible(way):
            return
        self._incumbent, self._lost = self.way, 0.0
        self._change(way)

    def _is_possible(self, way: Way) -> bool:
        """Return whether a way may be the fastest; if it cannot be, put off its next trial."""
        if way.threads == 1 or len(self.choices) == 1:
            return True
        began, record = self._clock(), self._records[way]
        if self._is_free(way.threads):
            return True
        record.speed = 0.0
        self._put_off(record, self._clock() - began)
        return False

    def _end_trial(self, work: int, seconds: float, incumbent: Way) -> None:
        """Go on with the faster of two ways, once it is clear which one it is."""
        record, other = self._records[self.way], self._records[incumbent]
        self._lost += max(seconds - work / other.speed, 0)
        hopeless = self._lost > SLOW * work / other.speed
        if self._step < TRIAL_STEPS and not hopeless:
            return
        self._incumbent = None
        if record.speed > other.speed:
            record.pause = other.pause = SHORTEST_PAUSE
            self._put_off(other, 0.0)
        else:
            self._put_off(record, self._lost)
            record.pause = min(2 * record.pause, LONGEST_PAUSE)
            self._change(incumbent)

    def _put_off(self, record: _Record, lost: float) -> None:
        record.next_trial = self._elapsed + max(lost / TRIAL_COST, record.pause)

    def _change(self, way: Way) -> None:
        self.way, self._step = way, 0
        self._records[way].steps.clear()
