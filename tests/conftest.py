"""What all tests share: few threads, repeatable examples, and small networks."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

from rnncli.config import ModelConfig

settings.register_profile("quick", deadline=None, derandomize=True, max_examples=60)
settings.register_profile("thorough", deadline=None, max_examples=2_000)
settings.load_profile("quick")


def pytest_configure() -> None:
    # Before NumPy and PyTorch start theirs: on tiny matrices a second thread only costs time.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")


@pytest.fixture(autouse=True)
def _processor_as_it_was() -> Iterator[None]:
    """Undo what training sets for the whole process: it flushes denormal numbers to zero."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def small_config() -> Callable[..., ModelConfig]:
    """Describe a network of a few units; name what should differ."""

    def config(task: str, cell: str, **changes: Any) -> ModelConfig:
        usual = {
            "task": task,
            "cell": cell,
            "vocab_size": 11,
            "target_vocab_size": 9 if task == "translate" else 0,
            "num_classes": 3 if task == "classify" else 0,
            "embedding_dim": 5,
            "hidden_size": 6,
            "num_layers": 1,
            "bidirectional": task != "generate",
            "tie_embeddings": task != "classify",
            "lexical": task == "translate" and changes.get("tie_embeddings", True),
            "shortcut": task == "translate",
            "encoder_size": 4 if task == "translate" else 0,
            "dropout": 0.0,
        }
        return ModelConfig(**(usual | changes))

    return config
