"""The state of an interrupted training: captured from a run, kept on disk, and restored.

On disk it is one file of tensors and JSON, without pickle.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from rnncli.config import Settings
from rnncli.errors import ModelError, RnncliError
from rnncli.storage.atomic_files import write_bytes
from rnncli.storage.description import ModelDescription, parse
from rnncli.storage.layout import require_regular_file
from rnncli.training.contract import PhaseName, StateDict, Stateful, TrainingState
from rnncli.training.optimizer import named_weights


def capture(parts: Mapping[str, Stateful]) -> TrainingState:
    """Return the state of all parts of a run; tensors are those in use, not copies."""
    tensors, numbers = {}, {}
    for part, stateful in parts.items():
        for name, value in stateful.state_dict().items():
            if isinstance(value, Tensor):
                tensors[f"{part}.{name}"] = value
            else:
                numbers[f"{part}.{name}"] = value
    return TrainingState(tensors, numbers)


def restore(parts: Mapping[str, Stateful], state: TrainingState) -> None:
    """Set all parts of a run as they were.

    Raises:
        RnncliError: the state is not one of such a run.

    """
    values: StateDict = {**state.numbers, **state.tensors}
    try:
        for part, stateful in parts.items():
            prefix = f"{part}."
            stateful.load_state_dict(
                {n.removeprefix(prefix): v for n, v in values.items() if n.startswith(prefix)}
            )
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise RnncliError(
            f"the saved training does not fit this one: {error}",
            "start over: --force",
        ) from error


class RandomNumbers:
    """The state of PyTorch's random number generators."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def state_dict(self) -> StateDict:
        """Return the state of the generators that training draws from."""
        state: StateDict = {"cpu": torch.get_rng_state()}
        if self._device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self._device)
        return state

    def load_state_dict(self, state: StateDict) -> None:
        """Let the generators go on from there."""
        if isinstance(cpu := state["cpu"], Tensor):
            torch.set_rng_state(cpu)
        if self._device.type == "cuda" and isinstance(cuda := state.get("cuda"), Tensor):
            torch.cuda.set_rng_state(cuda, self._device)


def evaluated_weights(
    model: nn.Module, state: TrainingState, settings: Settings
) -> dict[str, Tensor]:
    """Return the weights that a run evaluates in this state, under the model's names."""
    kind = "average" if settings.average else "weights"
    count = len(list(model.parameters()))
    return named_weights(model, [state.tensors[f"optimizer.{kind}.{i}"] for i in range(count)])


@dataclass(frozen=True)
class SavedRun:
    """A saved run: its identity, its progress, and its state."""

    identity: dict[str, Any]  # settings and data; another training differs in something
    description: ModelDescription  # of the model so far
    metrics: list[dict[str, Any]]
    best: bool  # the state was just found to be the best; perhaps it is not on disk yet
    phase: PhaseName  # which the state is of
    state: TrainingState

    @classmethod
    def read(cls, path: Path) -> "SavedRun":
        """Read what was written there.

        Raises:
            ModelError: it is damaged.

        """
        from safetensors import safe_open

        try:
            with safe_open(require_regular_file(path), framework="pt") as file:
                run = json.loads(file.metadata()["run"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            state = TrainingState(tensors, run["numbers"])
            return cls(
                run["identity"],
                parse(run["description"]),
                run["metrics"],
                run["best"],
                run["phase"],
                state,
            )
        except (
            SafetensorError,
            OSError,
            ValueError,
            LookupError,
            TypeError,
            RecursionError,
        ) as error:
            raise ModelError(
                f"{path} cannot be read: {error}", f"start over: rm {shlex.quote(str(path))}"
            ) from None

    def write(self, path: Path) -> None:
        """Write it; what was there before stays until then."""
        from safetensors.torch import save

        run = {
            "identity": self.identity,
            "description": self.description.to_json(),
            "metrics": self.metrics,
            "best": self.best,
            "phase": self.phase,
            "numbers": self.state.numbers,
        }
        tensors = {name: tensor.contiguous() for name, tensor in self.state.tensors.items()}
        write_bytes(path, save(tensors, metadata={"run": json.dumps(run)}))
