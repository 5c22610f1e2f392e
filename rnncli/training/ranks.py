"""Workers that are processes on one machine or several: started by ``torchrun``, joined by gloo.

Rank 0 trains as if it were alone: it keeps the clock, evaluates, saves and speaks. In each step it
sends the weights to all ranks, and to each a part of the batch; their gradients are added up in the
order of the ranks. So the weights are those of as many workers in one process, and a rank keeps
nothing that would be lost with it.
"""

import atexit
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from torch import Tensor

from rnncli.errors import RnncliError
from rnncli.networks.random_torch import draw_from
from rnncli.storage.atomic_files import ENDING_SIGNALS
from rnncli.training.device import start_torch
from rnncli.training.gradients import Gradient, Loss, PartGradients
from rnncli.training.parallel import Item, Result, Workers
from rnncli.training.signals import note_signal
from rnncli.training.torchrun import name_interface, rank

# Rank 0 waits this long for a part of a step, which takes a second at most; torchrun takes another
# 30 seconds to end a process that hangs.
LOST = timedelta(seconds=25)
JOINING = timedelta(minutes=5)  # until all processes have imported PyTorch, on all machines
IDLE = timedelta(days=100)  # the others wait for rank 0, which reads, evaluates and saves


@dataclass(frozen=True)
class Part:
    """The part of a step that a rank computes."""

    function: PartGradients[Any] | None  # None: the one that was sent before
    pieces: int
    rows: Any  # of the batch, and the state of these rows; None where there are fewer than ranks
    random_state: Tensor


@dataclass(frozen=True)
class Outcome:
    """What a rank has computed, beside the gradients."""

    loss: Loss | None
    unused: tuple[int, ...]  # parameters on which the loss does not depend
    error: Exception | None
    random_state: Tensor
    signal: int  # that came, or 0


class Ranks(Workers):
    """The processes of a training, as rank 0 sees them."""

    group: ClassVar[Any] = None
    is_lost: ClassVar = False  # one of them

    def __init__(self, count: int, seed: int) -> None:
        super().__init__(count, seed)
        self._sent: PartGradients[Any] | None = None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Apply a function to all items in this process: the data is here alone."""
        return [function(item) for item in items]

    def map_parts(self, function: Callable[[Item], Result], parts: Iterable[Item]) -> list[Result]:
        """Compute the gradients of the parts of a batch, each on its rank.

        Raises:
            RnncliError: a process is lost.

        """
        assert isinstance(function, PartGradients)
        rows = list(parts)
        number = len(rows)
        new = None if self._sent is function else function
        work = [
            Part(new, function.pieces, part, generator.get_state())
            for part, generator in zip(
                [*rows, *[None] * (len(self) - number)], self._generators, strict=True
            )
        ]
        outcomes: list[Any] = [None] * len(self)
        weights = _join_tensors(function.parameters)
        gradients = [torch.empty_like(weights) for _ in outcomes]
        try:
            dist.scatter_object_list([None], work, src=0, group=Ranks.group)
            dist.broadcast(weights, src=0, group=Ranks.group)
            outcome, gradient = _compute(work[0], function)
            dist.gather_object(outcome, outcomes, dst=0, group=Ranks.group)
            dist.gather(gradient, gradients, dst=0, group=Ranks.group)
        except RuntimeError as error:
            Ranks.is_lost = True
            raise RnncliError(
                "a process of this training is lost, or does not answer",
                "start all of them as before: training goes on from the state that was saved last",
            ) from error
        self._sent = function
        for outcome, generator in zip(outcomes, self._generators, strict=True):
            generator.set_state(outcome.random_state)
            if outcome.signal:
                note_signal(outcome.signal)
            if outcome.error is not None:
                raise outcome.error
        results: list[Any] = []
        for gradient, outcome in list(zip(gradients, outcomes, strict=True))[:number]:
            tensors = enumerate(_split_tensor(gradient, function.parameters))
            used = [None if i in outcome.unused else tensor for i, tensor in tensors]
            results.append((tuple(used), outcome.loss))
        return results


def run_together(train: Callable[[], Result]) -> Result:
    """Train in rank 0, for which the others compute meanwhile; return its result in all of them.

    Raises:
        RnncliError: another one does not join, or is lost.
        SystemExit: rank 0 has failed, and tells why.

    """
    result: Result | None = None
    if rank() > 0:
        result = serve()
        if result is None:
            raise SystemExit(1)
        return result
    leave = join()
    try:
        result = train()
    finally:
        leave(result)
    return result


def join() -> Callable[..., None]:
    """Let this process be rank 0 of its group; return what tells the others that it has ended.

    It may be called with a result for them.

    Raises:
        RnncliError: another one does not join.

    """
    try:
        Ranks.group = _join(LOST)
    except RuntimeError as error:
        raise RnncliError(
            "not all processes that torchrun has started join this training",
            "start all of them again; to train by this one alone, first: unset WORLD_SIZE",
        ) from error

    def leave(result: object = None) -> None:
        if Ranks.is_lost:  # which has been told, and to tell the others would take as long again
            return
        with suppress(RuntimeError):
            results = [result] * dist.get_world_size()
            dist.scatter_object_list([None], results, src=0, group=Ranks.group)

    return leave


def _join(timeout: timedelta) -> Any:
    """Join all processes; return their group, in which a process waits for others so long."""
    if not dist.is_initialized():  # by a training before
        name_interface()
        dist.init_process_group("gloo", timeout=JOINING)
        atexit.register(_end)
    return dist.new_group(timeout=timeout)


def _end() -> None:
    """End the threads of gloo: those that run when Python has ended may abort the process."""
    if dist.is_initialized() and not Ranks.is_lost:
        dist.destroy_process_group()


def serve() -> Any:
    """Compute for rank 0 until it has ended, and return its result, if there is one.

    Raises:
        SystemExit: it is lost; the launcher tells.

    """
    start_torch(0)
    function: PartGradients[Any] | None = None
    with _noted_signals() as signals:
        try:
            group = _join(IDLE)
            while isinstance(part := _receive(group), Part):
                function = part.function or function
                assert function is not None
                _load(function, group)
                outcome, gradient = _compute(part, function, signals)
                dist.gather_object(outcome, None, dst=0, group=group)
                dist.gather(gradient, None, dst=0, group=group)
        except RuntimeError:
            raise SystemExit(1) from None
    return part


def _receive(group: Any) -> Any:
    """Receive a part of a step, or the result at the end."""
    received: list[Any] = [None]
    dist.scatter_object_list(received, None, src=0, group=group)
    return received[0]


def _compute(
    part: Part, function: PartGradients[Any], signals: Iterable[int] = ()
) -> tuple[Outcome, Tensor]:
    """Compute a part of a step, with the random numbers of its worker; return gradients as one."""
    generator = torch.Generator()
    generator.set_state(part.random_state)
    function.pieces = part.pieces
    gradient: Gradient = (None,) * len(function.parameters)
    loss, error = None, None
    if part.rows is not None:
        try:
            with draw_from(generator):
                gradient, loss = function(part.rows)
        except Exception as raised:  # such as a lack of memory, which rank 0 knows how to treat
            error = raised
    unused = tuple(i for i, tensor in enumerate(gradient) if tensor is None)
    outcome = Outcome(loss, unused, error, generator.get_state(), max(signals, default=0))
    tensors = zip(gradient, function.parameters, strict=True)
    return outcome, _join_tensors([torch.zeros_like(p) if g is None else g for g, p in tensors])


def _join_tensors(tensors: Iterable[Tensor]) -> Tensor:
    """Return tensors end to end: sent so, they take half as long as pickled ones."""
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def _split_tensor(joined: Tensor, shapes: Sequence[Tensor]) -> list[Tensor]:
    """Return the tensors that were joined, which have these shapes."""
    parts = torch.split(joined, [shape.numel() for shape in shapes])
    return [part.view_as(shape) for part, shape in zip(parts, shapes, strict=True)]


def _load(function: PartGradients[Any], group: Any) -> None:
    """Receive the weights of a step."""
    weights = torch.empty_like(_join_tensors(function.parameters))
    dist.broadcast(weights, src=0, group=group)
    values = _split_tensor(weights, function.parameters)
    with torch.no_grad():
        for parameter, value in zip(function.parameters, values, strict=True):
            parameter.copy_(value)


@contextmanager
def _noted_signals() -> Iterator[list[int]]:
    """Note signals, which go to rank 0 with the next part of a step: it saves, and ends all."""
    signals: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        signals.append(number)

    before = {number: signal.signal(number, note) for number in ENDING_SIGNALS}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
