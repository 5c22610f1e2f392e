"""The controller on simulated machines: how fast each way is follows from the time."""

import random
from collections.abc import Callable

import pytest

from rnncli.training.controller import Controller, Way, cores_are_free, ways

THREADS, WORKERS, SINGLE = ways(2)
IDLE = {THREADS: 45_000, WORKERS: 38_000, SINGLE: 28_000}  # targets a second, as measured
BUSY = {THREADS: 1_500, WORKERS: 30_000, SINGLE: 27_000}
LOADED = {THREADS: 500, WORKERS: 11_000, SINGLE: 18_000}
WORK = 1_024  # targets of a step
SECONDS = 120.0
SLICE = 0.005  # seconds, in which the speed is taken to be constant

Machine = Callable[[float], dict[Way, int]]


class Simulation:
    """A machine on which steps are computed and nothing else takes time."""

    def __init__(self, machine: Machine, choices: list[Way]) -> None:
        self.seconds = 0.0
        self.used: dict[Way, float] = dict.fromkeys(choices, 0.0)
        self.changes = 0
        self._machine = machine
        self._random = random.Random(0)
        self._controller = Controller(choices, lambda: self.seconds, self._is_free)

    def share_of_best(self) -> float:
        """Train for some time; return the targets as a share of what the best ways would do."""
        targets, before = 0, None
        while self.seconds < SECONDS:
            way = self._controller.begin_step()
            began = self.seconds
            self._compute(way)
            self._controller.end_step(WORK)
            self.used[way] += self.seconds - began
            self.changes += before not in (None, way)
            targets, before = targets + WORK, way
        times = [i * SLICE for i in range(int(self.seconds / SLICE))]
        return targets / sum(max(self._machine(time).values()) * SLICE for time in times)

    def _compute(self, way: Way) -> None:
        left = float(WORK)
        while left > 1e-6:
            speed = self._machine(self.seconds)[way] * self._random.uniform(0.9, 1.1)
            seconds = min(SLICE, left / speed)
            self.seconds += seconds
            left -= seconds * speed

    def _is_free(self, _: int) -> bool:
        is_idle = self._machine(self.seconds) is IDLE
        self.seconds += 0.002 if is_idle else 0.02
        return is_idle


def every_five_seconds(first: dict[Way, int], second: dict[Way, int]) -> Machine:
    return lambda seconds: first if int(seconds / 5) % 2 == 0 else second


@pytest.mark.parametrize(
    ("machine", "least"),
    [
        (lambda _: IDLE, 0.98),
        (lambda _: BUSY, 0.95),
        (lambda _: LOADED, 0.95),
        (lambda seconds: IDLE if seconds < 60 else BUSY, 0.95),
        (lambda seconds: LOADED if seconds < 60 else IDLE, 0.95),
        (every_five_seconds(IDLE, BUSY), 0.8),
        (every_five_seconds(LOADED, IDLE), 0.8),
    ],
    ids=["idle", "busy", "loaded", "idle, then busy", "loaded, then idle", "busy", "loaded"],
)
def test_little_is_lost_against_the_best_way_at_each_moment(machine, least):
    assert Simulation(machine, ways(2)).share_of_best() >= least


def test_threads_are_used_on_an_idle_machine_and_left_on_a_busy_one():
    simulation = Simulation(lambda seconds: IDLE if seconds < 60 else BUSY, ways(2))
    simulation.share_of_best()
    assert simulation.used[THREADS] > 55
    assert simulation.used[WORKERS] > 55


def test_a_single_choice_is_never_left():
    simulation = Simulation(every_five_seconds(IDLE, LOADED), [THREADS])
    simulation.share_of_best()
    assert simulation.changes == 0


@pytest.mark.parametrize(
    ("threads", "names"),
    [
        (1, ["1 thread"]),
        (2, ["2 threads", "2 workers", "1 thread"]),
        (8, ["8 threads", "4 threads", "2 threads", "8 workers", "4 workers", "2 workers"]),
    ],
)
def test_all_ways_to_use_some_threads(threads, names):
    assert [str(way) for way in ways(threads)][: len(names)] == names
    assert ways(threads)[-1] == Way(1)


def test_a_single_thread_never_waits_for_a_core():
    assert cores_are_free(1)
