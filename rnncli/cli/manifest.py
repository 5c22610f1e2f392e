"""What each finished file of a folder was made of, so that a later run skips what it would repeat.

Each has a small JSON file of its own in ``.rnncli`` in that folder: several processes and machines
write there side by side.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from rnncli import __version__
from rnncli.storage.atomic_files import exclusive_lock, write_bytes

FOLDER = ".rnncli"


@dataclass(frozen=True)
class Fingerprint:
    """All that the content of an output depends on."""

    input: str  # SHA-256
    model: str  # SHA-256
    options: str
    rnncli: str = __version__


class Manifest:
    """The fingerprints of the files in a folder, each by the name of its file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def changes(self, name: str, fingerprint: Fingerprint) -> list[str] | None:
        """Return what differs from what a file was made of; None where there is no such file."""
        record = self._record(name)
        if record is None:
            return None
        return [key for key, value in asdict(fingerprint).items() if record.get(key) != value]

    def is_foreign(self, name: str) -> bool:
        """Return whether there is a file that no run has written, or that was changed since."""
        path = self._folder / name
        if not path.exists() or not path.stat().st_size:
            return False
        # Of a run that goes on or was killed; it makes the record before it gives up the lock.
        is_claimed = self._path(name, ".lock").exists()
        return not is_claimed and self._record(name) is None

    def _record(self, name: str) -> dict[str, object] | None:
        """Return what stands of a file; None where it is not there, or another program's."""
        try:
            record = json.loads(self._path(name, ".json").read_bytes())
            size = (self._folder / name).stat().st_size
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) and record.get("bytes") == size else None

    def add(self, name: str, fingerprint: Fingerprint, lines: int) -> None:
        """Note that a file is complete."""
        size = (self._folder / name).stat().st_size
        record = {**asdict(fingerprint), "lines": lines, "bytes": size}
        write_bytes(self._path(name, ".json"), json.dumps(record, indent=1).encode() + b"\n")

    @contextmanager
    def claim(self, name: str) -> Iterator[bool]:
        """Claim a file for this process; yield False where another one is at it."""
        path = self._path(name, ".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(path) as is_ours:
            yield is_ours
            # A process that waits for this lock finds the file in the manifest. One that failed
            # leaves the lock: without it, two others could claim the file at the same time.
            if is_ours:
                with suppress(OSError):  # Windows keeps what is open
                    path.unlink()

    def _path(self, name: str, ending: str) -> Path:
        return self._folder / FOLDER / f"{name}{ending}"
