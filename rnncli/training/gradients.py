"""The gradients of a batch: added up from parts, by workers and where memory is short."""

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias

import torch
from torch import Tensor, nn

from rnncli.errors import RnncliError, is_out_of_memory
from rnncli.training.contract import BatchT, Carry, StateDict, Trainable
from rnncli.training.optimizer import Optimizer
from rnncli.training.parallel import Workers

# Of each parameter; None where the loss does not depend on it.
Gradient: TypeAlias = tuple[Tensor | None, ...]


@dataclass(frozen=True)
class Loss:
    """The summed loss of a batch, or of a part of it."""

    total: float  # nats
    targets: int
    carry: Carry  # for the next batch

    @property
    def mean(self) -> float:
        """Return the loss in nats a target."""
        return self.total / self.targets


class PartGradients(Generic[BatchT]):
    """Compute the gradients of a part of a batch, in pieces where memory is short.

    Other processes can be sent it: with the network, and without the data.
    """

    def __init__(
        self, trainable: Trainable[BatchT], parameters: Sequence[nn.Parameter], bfloat16: bool
    ) -> None:
        self._trainable = trainable
        self._bfloat16 = bfloat16
        self.parameters = [p for p in parameters if p.requires_grad]
        self.pieces = 1
        # That of one thread would be emptied by another.
        self.caches_casts = False

    def __call__(self, part: tuple[BatchT, Carry]) -> tuple[Gradient, Loss]:
        """Return the gradients of a part of a batch, and its loss."""
        gradients: Gradient | None = None
        losses = []
        for piece, carry in split(*part, self.pieces):
            with self.autocast(cache_enabled=self.caches_casts):
                loss, targets, next_carry = self._trainable.loss(piece, carry)
            new = torch.autograd.grad(loss, self.parameters, allow_unused=True)
            gradients = new if gradients is None else _add([gradients, new])
            losses.append(Loss(loss.item(), targets, next_carry))
        assert gradients is not None  # no part is empty
        return gradients, _join(losses)

    def autocast(self, cache_enabled: bool = True) -> torch.autocast:
        """Compute in the precision of the training."""
        return torch.autocast(
            self.parameters[0].device.type,
            torch.bfloat16,
            enabled=self._bfloat16,
            cache_enabled=cache_enabled,
        )


class Gradients(Generic[BatchT]):
    """Compute the gradients of a batch: each worker those of a part, in pieces if memory is short.

    Losses are sums, so gradients of parts add up to those of the batch.
    """

    def __init__(self, trainable: Trainable[BatchT], optimizer: Optimizer, bfloat16: bool) -> None:
        self._optimizer = optimizer
        self._of_part = PartGradients(trainable, optimizer.parameters, bfloat16)

    def compute(
        self, batch: BatchT, carry: Carry, step: int, workers: Workers, notices: list[str]
    ) -> Loss:
        """Set the gradients of a batch's summed loss; add to ``notices`` if it has to be cut.

        Raises:
            RnncliError: there is no memory for a single row.

        """
        while True:
            try:
                return self._sum(batch, carry, workers)
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
            if self._of_part.pieces >= len(batch):
                raise RnncliError(
                    f"there is not enough memory for a single row of step {step}",
                    "take a smaller model, --hidden-size, or shorter texts",
                )
            self._of_part.pieces *= 2
            self._free_memory()
            notices.append(
                f"step {step}: out of memory; from here on each batch is computed in "
                f"{self._of_part.pieces * len(workers)} parts, and still learned from as one"
            )

    def _sum(self, batch: BatchT, carry: Carry, workers: Workers) -> Loss:
        """Set the gradients of a batch to the sum of those of its parts."""
        self._optimizer.zero_grad()  # frees their memory
        parts = split(batch, carry, len(workers))
        self._of_part.caches_casts = len(workers) == 1
        results = workers.map_parts(self._of_part, parts)
        gradients = _add([gradients for gradients, _ in results])
        for parameter, gradient in zip(self._of_part.parameters, gradients, strict=True):
            parameter.grad = gradient
        return _join([loss for _, loss in results])

    def autocast(self) -> torch.autocast:
        """Compute in the precision of the training."""
        return self._of_part.autocast()

    def _free_memory(self) -> None:
        gc.collect()
        if self._optimizer.device.type == "cuda":
            torch.cuda.empty_cache()

    def state_dict(self) -> StateDict:
        """Return the numbers to be saved."""
        return {"pieces": self._of_part.pieces}

    def load_state_dict(self, state: StateDict) -> None:
        """Take over saved numbers."""
        self._of_part.pieces = int(state["pieces"])


def split(batch: BatchT, carry: Carry, parts: int) -> Iterator[tuple[BatchT, Carry]]:
    """Yield a batch in parts with as much to compute each, with the state of their rows."""
    if parts == 1:
        yield batch, carry
        return
    for rows in batch.slices(parts):
        yield batch.part(rows), tuple(tuple(x[rows] for x in layer) for layer in carry)


def _join(losses: Sequence[Loss]) -> Loss:
    """Return the loss of a batch from those of its parts."""
    carries = [loss.carry for loss in losses]
    carry = (
        carries[0]
        if len(carries) == 1
        else tuple(
            tuple(torch.cat(tensors) for tensors in zip(*layers, strict=True))
            for layers in zip(*carries, strict=True)
        )
    )
    return Loss(sum(loss.total for loss in losses), sum(loss.targets for loss in losses), carry)


def _add(gradients: Sequence[Gradient]) -> Gradient:
    """Return the sum of gradients, in the memory of the first ones."""
    total = gradients[0]
    for other in gradients[1:]:
        total = tuple(
            b if a is None else a if b is None else a.add_(b)
            for a, b in zip(total, other, strict=True)
        )
    return total
