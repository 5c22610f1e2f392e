"""The gradients of a batch, computed in parts where memory is short for the whole."""

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic

import torch

from rnncli.errors import RnncliError
from rnncli.training.contract import BatchT, Carry, StateDict, Trainable
from rnncli.training.optimizer import Optimizer


@dataclass(frozen=True)
class Loss:
    """The loss of one batch, whose gradients have been computed."""

    mean: float  # nats a target
    targets: int
    carry: Carry  # for the next batch


class Gradients(Generic[BatchT]):
    """Compute the gradients of a batch, in parts where memory is short for the whole."""

    def __init__(
        self, trainable: Trainable[BatchT], optimizer: Optimizer, autocast: torch.autocast
    ) -> None:
        self._trainable = trainable
        self._optimizer = optimizer
        self._autocast = autocast
        self._parts = 1  # into which each batch is cut

    def compute(self, batch: BatchT, carry: Carry, step: int, notices: list[str]) -> Loss:
        """Compute the gradients of a batch's summed loss; add to ``notices`` if it has to be cut.

        Raises:
            RnncliError: there is no memory for a single row.

        """
        while True:
            try:
                return self._sum(batch, carry)
            except (MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
            if self._parts >= len(batch):
                raise RnncliError(
                    f"there is not enough memory for a single row of step {step}",
                    "take a smaller model, --hidden-size, or shorter texts",
                )
            self._parts *= 2
            self._free_memory()
            notices.append(
                f"step {step}: out of memory; from here on each batch is computed in "
                f"{self._parts} parts, and still learned from as one"
            )

    def _sum(self, batch: BatchT, carry: Carry) -> Loss:
        """Add up the gradients of all parts of a batch."""
        self._optimizer.zero_grad()
        total, targets = 0.0, 0
        carries = []
        for part, part_carry in split(batch, carry, self._parts):
            with self._autocast:
                loss, part_targets, next_carry = self._trainable.loss(part, part_carry)
            loss.backward()  # type: ignore[no-untyped-call]
            total, targets = total + loss.item(), targets + part_targets
            carries.append(next_carry)
        return Loss(total / targets, targets, join(carries))

    def _free_memory(self) -> None:
        gc.collect()
        if self._optimizer.device.type == "cuda":
            torch.cuda.empty_cache()

    def state_dict(self) -> StateDict:
        """Return the numbers to be saved."""
        return {"parts": self._parts}

    def load_state_dict(self, state: StateDict) -> None:
        """Take over saved numbers."""
        self._parts = int(state["parts"])


def split(batch: BatchT, carry: Carry, parts: int) -> Iterator[tuple[BatchT, Carry]]:
    """Yield a batch in parts of nearly as many rows each, with the state of these rows."""
    if parts == 1:
        yield batch, carry
        return
    for part in range(parts):
        rows = slice(part * len(batch) // parts, (part + 1) * len(batch) // parts)
        if rows.start < rows.stop:
            yield batch.part(rows), tuple(tuple(x[rows] for x in layer) for layer in carry)


def join(carries: Sequence[Carry]) -> Carry:
    """Return the state of all rows from that of the parts of a batch."""
    if len(carries) == 1:
        return carries[0]
    return tuple(
        tuple(torch.cat(tensors) for tensors in zip(*layers, strict=True))
        for layers in zip(*carries, strict=True)
    )


def _is_out_of_memory(error: Exception) -> bool:
    """Return whether memory ran out; PyTorch's allocator on a CPU raises a bare RuntimeError."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "not enough memory" in str(error) or "Cannot allocate memory" in str(error)
