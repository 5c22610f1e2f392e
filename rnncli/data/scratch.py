"""A directory for files that are needed as long as the process runs."""

import atexit
import shutil
import tempfile
from functools import cache
from io import IOBase
from itertools import count
from pathlib import Path
from typing import IO

_serial = count()


@cache
def scratch() -> Path:
    """Make the directory, and remove it when the process ends."""
    path = Path(tempfile.mkdtemp(prefix="rnncli-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def scratch_file(suffix: str) -> Path:
    """Return a path that is free for a new file."""
    return scratch() / f"{next(_serial)}.{suffix}"


def buffered_copy(*streams: IO[bytes] | IOBase) -> Path:
    """Copy what can be read only once, end to end, to where it can be read again."""
    path = scratch_file("copy")
    with path.open("wb") as copy:
        for stream in streams:
            shutil.copyfileobj(stream, copy)
    return path
