"""How many processor threads compute: decided once, for all libraries."""

import os


def choose_threads(threads: int | None) -> int:
    """Return how many threads to compute with: as many as asked for, else one a core.

    The tokenizers are bound by it, too, if they have not read a text yet: they start their threads
    with the first one.
    """
    if threads is not None:
        os.environ["RAYON_NUM_THREADS"] = str(threads)
        return threads
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
