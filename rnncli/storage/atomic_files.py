"""Files that are there as a whole or not at all."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import current_thread, main_thread


def write_bytes(path: Path, data: bytes) -> None:
    """Write beside, flush to the disk, and rename into place."""
    beside = temporary(path)
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def temporary(path: Path) -> Path:
    """Return where a file is written before it is renamed into place."""
    return path.with_name(f".{path.name}.new")


def _sync_folder(folder: Path) -> None:
    """Have the disk keep the names in a folder, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold Ctrl-C back until files that belong together are all in place."""
    if current_thread() is not main_thread():  # which alone hears of signals
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        signal.raise_signal(signal.SIGINT)  # to whoever listens now


def umask() -> int:
    """Return what new files and folders are not allowed."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
