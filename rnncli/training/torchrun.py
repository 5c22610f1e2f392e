"""The environment variables that ``torchrun`` sets for each of the processes that it starts."""

import os

_NAMES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def world_size() -> int:
    """Return how many processes train together; 1 where no launcher has started them."""
    return int(os.environ["WORLD_SIZE"]) if all(name in os.environ for name in _NAMES) else 1


def rank() -> int:
    """Return the number of this process among them, from 0."""
    return int(os.environ["RANK"]) if world_size() > 1 else 0
