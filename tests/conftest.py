"""What all tests share: few threads, repeatable examples."""

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("quick", deadline=None, derandomize=True, max_examples=25)
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
