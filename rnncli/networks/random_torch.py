"""The random numbers that networks draw while they learn."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_local = threading.local()


def generator() -> torch.Generator | None:
    """Return the generator of this thread; None where it is PyTorch's own, which all share."""
    return getattr(_local, "generator", None)


@contextmanager
def draw_from(source: torch.Generator) -> Iterator[None]:
    """Let this thread draw from a generator of its own, so that no other thread changes it."""
    _local.generator = source
    try:
        yield
    finally:
        del _local.generator
