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
from rnncli.errors import ConfigError, ModelError, RnncliError
from rnncli.storage.atomic_files import write_bytes
from rnncli.storage.description import ModelDescription, parse
from rnncli.storage.layout import require_regular_file
from rnncli.training.contract import PhaseName, StateDict, Stateful, TrainingState
from rnncli.training.optimizer import named_weights

# What a state of another version, or an edited one, can raise where it is used.
UNFIT = (LookupError, ValueError, TypeError, RuntimeError, ArithmeticError, AssertionError)
# Parts whose state grows, or differs from machine to machine.
VARIABLE = ("rollback.", "position.carry.", "parallelism.", "random.")


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
        UnfitStateError: the state is not one of such a run.

    """
    values: StateDict = {**state.numbers, **state.tensors}
    try:
        _require_fit(capture(parts), state)
        for part, stateful in parts.items():
            prefix = f"{part}."
            stateful.load_state_dict(
                {n.removeprefix(prefix): v for n, v in values.items() if n.startswith(prefix)}
            )
    except UNFIT as error:
        raise unfit(error) from error


class UnfitStateError(RnncliError):
    """A state is none of this training: of another version, or edited."""


def unfit(error: Exception) -> UnfitStateError:
    """Return an error about a state that is none of this training."""
    return UnfitStateError(f"the saved training does not fit this one: {error}")


def _require_fit(expected: TrainingState, state: TrainingState) -> None:
    """Check a state by that of a run that begins: names, types, shapes.

    Raises:
        ValueError: they differ, or a number is none.

    """
    before = {name: (t.dtype, t.shape) for name, t in expected.tensors.items()}
    types = {name: (t.dtype, t.shape) for name, t in state.tensors.items()}
    parts = tuple(f"{name.partition('.')[0]}." for name in (*before, *expected.numbers))
    for name in sorted((types.keys() | state.numbers) - before.keys() - set(expected.numbers)):
        if not name.startswith(VARIABLE) or not name.startswith((*parts, *VARIABLE)):
            raise ValueError(f"{name} is unknown")
    for name, kind in before.items():
        twin = name.replace("optimizer.", "rollback.", 1)
        if not name.startswith(VARIABLE) and types.get(name) != kind:
            raise ValueError(f"{name} is missing, or has another shape")
        if twin in types and types[twin] != kind:
            raise ValueError(f"{twin} has another shape")
    for name, number in expected.numbers.items():
        value = state.numbers.get(name)
        if value is None or type(value) not in (type(number), int) or not value >= 0:
            raise ValueError(f"{name} is {value!r}")


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
    """Return the weights that a run evaluates in this state, under the model's names.

    Raises:
        UnfitStateError: the state is not one of such a run.

    """
    kind = "average" if settings.average else "weights"
    parameters = list(model.parameters())
    try:
        weights = [state.tensors[f"optimizer.{kind}.{i}"] for i in range(len(parameters))]
        for weight, parameter in zip(weights, parameters, strict=True):
            if weight.shape != parameter.shape:
                raise ValueError("a weight has another shape")
    except UNFIT as error:
        raise unfit(error) from error
    return named_weights(model, weights)


@dataclass(frozen=True)
class SavedRun:
    """A saved run: its identity, its progress, and its state."""

    identity: dict[str, Any]  # settings and data; another training differs in something
    description: ModelDescription  # of the model so far
    metrics: list[dict[str, Any]]
    best: bool  # the state was just found to be the best; perhaps it is not on disk yet
    phase: PhaseName  # which the state is of
    state: TrainingState

    def differences(self, identity: Mapping[str, Any]) -> dict[str, str]:
        """Say in what another training differs, by the names of what does.

        The options are not compared, but what follows of them.
        """
        before = self.identity
        return {
            name: f"{name} was {before.get(name)}, is {identity.get(name)}"
            for name in {**identity, **before}
            if name != "options" and before.get(name) != identity.get(name)
        }

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
            return cls._parse(run, tensors)
        except (
            SafetensorError,
            OSError,
            ValueError,
            LookupError,
            TypeError,
            RecursionError,
        ) as error:
            raise ModelError(
                f"{path} cannot be read: {error}", f"rm {shlex.quote(str(path))}"
            ) from None

    @classmethod
    def _parse(cls, run: Any, tensors: dict[str, Tensor]) -> "SavedRun":
        match run:
            case {
                "identity": dict(identity),
                "description": dict(description),
                "metrics": list(metrics),
                "best": bool(best),
                "phase": "pretraining" | "training" as phase,
                "numbers": dict(numbers),
                **unknown,
            } if not unknown and all(map(_has_losses, metrics)):
                model = parse(description)
                if best and phase == "training" and "loss" not in model.scores:
                    raise ValueError("it holds the best model, and not its loss")
                try:
                    Settings(**model.settings)
                except ConfigError as error:
                    raise ValueError(str(error)) from None
                state = TrainingState(tensors, numbers)
                if state.step < 0 or state.seconds < 0:
                    raise ValueError("it has not begun")
                return cls(identity, model, metrics, best, phase, state)
        raise ValueError("it is no state of a training, or of another version")

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


def _has_losses(line: object) -> bool:
    """Return whether a line of the metrics has what the learning curve is drawn from."""
    names = ("step", "training_loss", "loss")
    return isinstance(line, dict) and all(type(line.get(name)) in (int, float) for name in names)
