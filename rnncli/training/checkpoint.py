"""A training that was interrupted, as it lies on the disk: tensors and JSON, no pickle."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from safetensors import SafetensorError

from rnncli.errors import ModelError
from rnncli.storage.atomic_files import write_bytes
from rnncli.storage.layout import require_regular_file

if TYPE_CHECKING:
    from rnncli.training.loop import State

Phase = Literal["pretraining", "training"]


@dataclass(frozen=True)
class SavedRun:
    """What a training was, how far it came, and its state."""

    identity: dict[str, Any]  # settings and data; another training differs in something
    info: dict[str, Any]  # config.json so far
    metrics: list[dict[str, Any]]
    best: bool  # the state was just found to be the best; perhaps it is not on disk yet
    phase: Phase  # which of its stages the state is of
    state: "State"

    @classmethod
    def read(cls, path: Path) -> "SavedRun":
        """Read what was written there.

        Raises:
            ModelError: it is damaged.

        """
        from safetensors import safe_open

        from rnncli.training.loop import State

        try:
            with safe_open(require_regular_file(path), framework="pt") as file:
                told = json.loads(file.metadata()["run"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            state = State(tensors, told["numbers"])
            return cls(
                told["identity"], told["info"], told["metrics"], told["best"], told["phase"], state
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
                f"{path} cannot be read: {error}", f"start anew: rm {shlex.quote(str(path))}"
            ) from None

    def write(self, path: Path) -> None:
        """Write it; what was there before stays until then."""
        from safetensors.torch import save

        told = {
            "identity": self.identity,
            "info": self.info,
            "metrics": self.metrics,
            "best": self.best,
            "phase": self.phase,
            "numbers": self.state.numbers,
        }
        tensors = {name: tensor.contiguous() for name, tensor in self.state.tensors.items()}
        write_bytes(path, save(tensors, metadata={"run": json.dumps(told)}))
