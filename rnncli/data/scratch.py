"""A directory for files that are needed as long as the process runs."""

import atexit
import shutil
import tempfile
from functools import cache
from io import BufferedIOBase
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


def buffered_copy(stream: IO[bytes] | BufferedIOBase) -> Path:
    """Copy what can be read only once to where it can be read again."""
    path = scratch_file("copy")
    with path.open("wb") as copy:
        shutil.copyfileobj(stream, copy)
    return path
