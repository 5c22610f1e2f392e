"""Steps computed in parallel: by threads inside operations, or by workers that share the weights.

Workers compute with a part of the batch each (data parallelism). What they return is added up in
the order of the parts, so that the same seed and number of workers give the same weights to the
bit; the sums could as well come over a network.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TypeVar

import torch
from torch import Tensor

from rnncli.config import Settings, choose_threads
from rnncli.errors import ConfigError
from rnncli.networks.random_torch import draw_from
from rnncli.training.contract import StateDict, TrainingState
from rnncli.training.controller import Controller, Way, ways
from rnncli.training.torchrun import world_size

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """A number of threads, each with one processor thread and random numbers of its own.

    A single worker computes in the calling thread, with PyTorch's own random numbers.
    """

    def __init__(self, count: int = 1, seed: int = 0) -> None:
        self._count = count
        self._generators = [torch.Generator().manual_seed(seed + i) for i in range(1, count + 1)]
        self._pool: ThreadPoolExecutor | None = None

    def __len__(self) -> int:
        return self._count

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Apply a function to all items side by side, and return the results in their order.

        Gradients, inference mode and autocast are on or off as in the calling thread.
        """
        if self._count == 1:
            return [function(item) for item in items]
        inference = torch.is_inference_mode_enabled()
        autocast = torch.is_autocast_enabled("cpu")

        def run(item: Item) -> Result:
            # No cache: another worker that ends first would empty it.
            with (
                torch.inference_mode(inference),
                torch.autocast("cpu", torch.bfloat16, enabled=autocast, cache_enabled=False),
            ):
                return function(item)

        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._count, initializer=_start_thread)
        return list(self._pool.map(run, items))

    def map_parts(self, function: Callable[[Item], Result], parts: Iterable[Item]) -> list[Result]:
        """Apply a function to the parts of a batch, each with the random numbers of its worker."""
        if self._count == 1:
            return [function(part) for part in parts]

        def run(part: tuple[torch.Generator, Item]) -> Result:
            with draw_from(part[0]):
                return function(part[1])

        return self.map(run, zip(self._generators, parts, strict=False))

    def state_dict(self) -> StateDict:
        """Return the states of the random number generators."""
        return {str(i): generator.get_state() for i, generator in enumerate(self._generators)}

    def load_state_dict(self, state: StateDict) -> None:
        """Let the generators go on from there."""
        for name, value in state.items():
            assert isinstance(value, Tensor)
            self._generators[int(name)].set_state(value)

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()


def _start_thread() -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as in the thread that began training


class Parallelism(AbstractContextManager["Parallelism"]):
    """Compute each step in the way that is the fastest at the moment, or always in the same way.

    Where a run is to repeat exactly, the way must not change: the order of sums depends on it.
    """

    def __init__(self, settings: Settings) -> None:
        threads = choose_threads(settings.threads)
        self._controller = Controller(_choices(settings, threads))
        counts = {way.workers for way in self._controller.choices}
        self._workers = {count: _workers(count, settings.seed) for count in sorted(counts)}

    def __exit__(self, *error: object) -> None:
        """End the workers, and compute with one thread again."""
        torch.set_num_threads(1)
        for workers in self._workers.values():
            workers.close()

    @property
    def way(self) -> Way:
        """The present way."""
        return self._controller.way

    @property
    def workers(self) -> Workers:
        """The workers of the present way."""
        return self._workers[self.way.workers]

    def begin_step(self) -> None:
        """Start the clock, and compute with as many threads as the present way has."""
        way = self._controller.begin_step()
        if torch.get_num_threads() != way.threads:
            torch.set_num_threads(way.threads)

    def end_step(self, work: int) -> None:
        """Stop the clock after a step with so many numbers in its batch."""
        self._controller.end_step(work)

    def state_dict(self) -> StateDict:
        """Return the states of all random number generators."""
        return {
            f"{count}.{name}": value
            for count, workers in self._workers.items()
            for name, value in workers.state_dict().items()
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Let the generators go on from there."""
        for count, workers in self._workers.items():
            prefix = f"{count}."
            workers.load_state_dict(
                {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}
            )


def _workers(count: int, seed: int) -> Workers:
    if world_size() == 1:
        return Workers(count, seed)
    from rnncli.training.ranks import Ranks

    return Ranks(count, seed)


def other_count(state: TrainingState, settings: Settings) -> str | None:
    """Say if a saved run had another number of processes than this one."""
    names = [name for name in state.tensors if name.startswith("parallelism.")]
    before, now = {int(name.split(".")[1]) for name in names}, world_size()
    if now in before or settings.workers is not None or not before:
        return None
    return f"by {now} at once in place of {max(before)}: their random numbers begin anew"


def _choices(settings: Settings, threads: int) -> list[Way]:
    if world_size() > 1:
        _require_processors(settings)
        return [Way(1, world_size())]
    if settings.workers is not None:
        return [Way(1, settings.workers)]
    repeats_exactly = settings.max_time is None or settings.threads is not None
    if repeats_exactly or settings.device == "cuda":
        return [Way(threads)]
    return ways(threads)


def _require_processors(settings: Settings) -> None:
    """Refuse what does not go with several processes.

    Raises:
        ConfigError: workers are asked for, or a GPU.
    """
    if settings.workers is not None:
        raise ConfigError("torchrun starts the workers", "leave --workers out")
    if settings.device == "cuda":
        raise ConfigError("torchrun trains on processors, not on a GPU", "--device cpu")
