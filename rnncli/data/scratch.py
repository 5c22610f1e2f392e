"""A directory for files that are needed as long as the process runs."""

import atexit
import secrets
import shutil
import tempfile
from functools import cache
from io import IOBase
from itertools import count
from pathlib import Path
from typing import IO

from rnncli.errors import DataError

MAX_COPY_BYTES = 1 << 34  # of what is read once: more than is learned from in a night
SHOWN_BYTES = 1_000_000_000  # that are announced
_BLOCK_BYTES = 1 << 20

_serial = count()


@cache
def scratch() -> Path:
    """Make the directory, and remove it when the process ends."""
    path = Path(tempfile.gettempdir(), f"rnncli-{secrets.token_hex(8)}")
    atexit.register(shutil.rmtree, path, ignore_errors=True)  # first: a signal may end the process
    path.mkdir(mode=0o700)
    return path


def require_space(
    where: str,
    size: int,
    folder: Path | None = None,
    purpose: str = "a copy of the texts and for their tokens",
    variable: str = "TMPDIR",
) -> tuple[str, ...]:
    """Check that there is room for so many bytes; return a notice where they are many.

    The ``folder``, usually that of temporary files, is named by a ``variable`` of the environment.

    Raises:
        DataError: there is not.
    """
    folder = folder or Path(tempfile.gettempdir())
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(existing).free
    need = f"{size / 1e9:,.1f} GB in {folder}, for {purpose}"
    if size > free:
        raise DataError(
            f"{where} needs up to {need}, and there is room for {free / 1e9:,.1f} GB",
            "name a folder with more room, and run the same command again: "
            f"export {variable}=/var/tmp",
        )
    return (f"disk: up to {need}",) if size >= SHOWN_BYTES else ()


def scratch_file(suffix: str) -> Path:
    """Return a path that is free for a new file."""
    return scratch() / f"{next(_serial)}.{suffix}"


def buffered_copy(where: str, *streams: IO[bytes] | IOBase) -> Path:
    """Copy what can be read only once, end to end, to where it can be read again.

    Raises:
        DataError: it goes on for too long.
    """
    path = scratch_file("copy")
    size = 0
    with path.open("wb") as copy:
        for stream in streams:
            while block := stream.read(_BLOCK_BYTES):
                size += copy.write(block)
                if size > MAX_COPY_BYTES:
                    path.unlink()
                    raise DataError(
                        f"{where} goes on after {MAX_COPY_BYTES:,} bytes, the most that are copied",
                        "write a part of it into a file, and name that",
                    )
    return path
