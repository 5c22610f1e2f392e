"""Files that are mapped into memory, of which little is resident at a time, however large they are.

Their pages stay in the system's cache, which gives them up where memory is needed; but as long as
a process has them mapped they count as its memory.
"""

import mmap
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
from numpy.typing import DTypeLike, NDArray

MAX_RESIDENT = 1 << 26  # bytes: smaller files stay, and of larger ones as much as this
PAGE = 1 << 16  # bytes that the system maps at once around one that is read

_large: "WeakSet[mmap.mmap]" = WeakSet()
_read = [0]  # bytes of them since their pages were dropped


def map_array(path: Path, dtype: DTypeLike) -> NDArray[Any]:
    """Map a file, which is not empty, into memory."""
    array = np.memmap(path, dtype, mode="r")
    mapped: Any = array.base
    if array.nbytes > MAX_RESIDENT and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        _large.add(mapped)
    return array


def note_reading(size: int) -> None:
    """Note that so many bytes of mapped files were read; drop their pages when these are many."""
    if not _large:
        return
    _read[0] += size
    if _read[0] > MAX_RESIDENT:
        _read[0] = 0
        for mapped in list(_large):
            mapped.madvise(mmap.MADV_DONTNEED)
