"""The answers of a person, each on the disk before the next text is shown."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from rnncli.errors import DataError
from rnncli.storage.atomic_files import flush


class Answer(NamedTuple):
    """The label that a text was given; None: it was skipped."""

    text: str
    label: str | None


class Undo(NamedTuple):
    """The answer before is taken back."""


Entry = Answer | Undo


class Journal:
    """Append answers to a file, a JSON object a line, and flush each to the disk."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it; a line that was cut off when the process ended is removed.

        Raises:
            DataError: another process has it open.

        """
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        if not _lock(self._descriptor):
            os.close(self._descriptor)
            raise DataError(
                f"another rnncli label is writing {path}", "end that one first, or name another -o"
            )
        self.entries, size = _read(path)
        os.truncate(self._descriptor, size)
        flush(path.parent)

    def append(self, entry: Entry) -> None:
        """Write an entry, and return when it is on the disk."""
        fields = {"undo": True} if isinstance(entry, Undo) else entry._asdict()
        line = json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        while line:  # a full disk may take a part; the next start removes it
            line = line[os.write(self._descriptor, line) :]
        os.fsync(self._descriptor)

    def remove(self) -> None:
        """Remove the file, when its answers are kept elsewhere."""
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def read_journal(path: Path) -> list[Entry]:
    """Return the entries of a journal, which may be missing."""
    return _read(path)[0] if path.exists() else []


def _read(path: Path) -> tuple[list[Entry], int]:
    """Return the entries of whole lines, and the number of their bytes."""
    data = path.read_bytes()
    size = data.rfind(b"\n") + 1
    return list(_parse(path, data[:size])), size


def _parse(path: Path, data: bytes) -> Iterator[Entry]:
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        try:
            fields = json.loads(line)
            yield Undo() if "undo" in fields else _answer(**fields)
        except (ValueError, TypeError):
            raise DataError(
                f"{path}, line {number:,} is no answer of rnncli label",
                f"remove that line: sed -i {number}d {quote(str(path))}",
            ) from None


def _answer(text: str, label: str | None) -> Answer:
    return Answer(str(text), None if label is None else str(label))


def _lock(descriptor: int) -> bool:
    """Lock a file until it is closed; return False if another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
