"""Files that are written completely or not at all, and a lock between processes."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType

# Ctrl-C, a request to end, and the end of the terminal (unknown to Windows).
ENDING_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a temporary file beside the path, flush it to the disk, and rename it."""
    temporary = temporary_path(path)
    try:
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as file:  # follows no link, and waits for no pipe
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_path(path: Path) -> Path:
    """Return the path of a file before it is renamed; a killed process leaves it behind."""
    return path.with_name(f".{path.name}.new")


def free_path(path: Path) -> Path:
    """Return a path beside one, which nothing has yet: answers-2.txt."""
    suffix = "" if path.is_dir() else "".join(path.suffixes[-2 if path.suffix == ".gz" else -1 :])
    stem = path.name.removesuffix(suffix)
    paths = (path.with_name(f"{stem}-{number}{suffix}") for number in count(2))
    return next(each for each in paths if not os.path.lexists(each))


def flush(path: Path) -> None:
    """Flush a file, or the names in a directory, to the disk, where the system supports it."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def defer_interrupts() -> Iterator[None]:
    """Defer Ctrl-C, and requests to end, until files that belong together are all in place."""
    if current_thread() is not main_thread():  # the only one that receives signals
        yield
        return
    received: list[int] = []

    def defer(number: int, frame: FrameType | None) -> None:
        del frame
        received.append(number)

    handlers = {number: signal.signal(number, defer) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for number in received:
        signal.raise_signal(number)


@contextmanager
def exclusive_lock(path: Path) -> Iterator[bool]:
    """Lock a file until the block or the process ends; yield False if another process holds it."""
    from filelock import FileLock, Timeout  # 40 ms, which predictions do not need

    if path.is_symlink() or (path.exists() and not path.is_file()):
        path.unlink()  # to lock a file empties it, wherever a link leads
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        # A training that has just ended may have removed the file that was locked.
        yield path.exists()
    finally:
        lock.release()


def umask() -> int:
    """Return the permission bits that new files and directories lack."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
