"""How far a run over many files is: its line on the terminal, and its summary."""

import time
from collections import Counter
from collections.abc import Iterable

from rnncli.cli.input_files import InputFile
from rnncli.messages import format_duration, plural

# The words for what has become of files.
STATUSES = {
    "answered": "answered",
    "finished": "finished before",
    "claimed": "left to another process",
    "failed": "failed",
}


class BulkProgress:
    """Count files and lines, and estimate the time left by the bytes of the files."""

    def __init__(self, files: Iterable[InputFile]) -> None:
        self.counts: Counter[str] = Counter()  # of files, by what has become of them
        self._sizes = {file.name: _size(file) for file in files}
        self._read: Counter[str] = Counter()  # bytes of files that are being answered
        self._left = sum(self._sizes.values())  # bytes of files that are not done with
        self._answered = 0  # bytes of files that were answered
        self._lines = 0
        self._began = time.monotonic()

    def advance(self, file: InputFile, lines: int, size: int) -> None:
        """Note that lines are answered, and bytes are read."""
        self._lines += lines
        self._read[file.name] += size

    def end(self, file: InputFile, status: str) -> None:
        """Note what has become of a file."""
        self.counts[status] += 1
        self._read.pop(file.name, None)
        self._left -= self._sizes[file.name]
        if status == "answered":
            self._answered += self._sizes[file.name]

    def __str__(self) -> str:
        done, number = self.counts.total(), len(self._sizes)
        seconds = time.monotonic() - self._began
        parts = [f"{done:,} of {plural(number, 'file')}", plural(self._lines, "line")]
        partly = min(self._read.total(), self._left)
        if speed := (self._answered + partly) / max(seconds, 1e-9):
            parts.append(f"{self._lines / seconds:,.0f} lines/s")
            parts.append(f"{format_duration((self._left - partly) / speed)} left")
        return ", ".join(parts)

    @property
    def summary(self) -> str:
        """Return how many files were answered, skipped and have failed, and the speed."""
        seconds = time.monotonic() - self._began
        counts = [f"{self.counts[name]:,} {words}" for name, words in STATUSES.items()]
        shown = [count for count in counts if not count.startswith("0 ")]
        speed = f"{plural(self._lines, 'line')} in {format_duration(seconds)}"
        if self._lines:
            speed += f", {self._lines / max(seconds, 1e-9):,.0f} lines/s"
        return f"{plural(len(self._sizes), 'file')}: {', '.join(shown) or 'none done'}; {speed}"


def _size(file: InputFile) -> int:
    try:
        return file.path.stat().st_size
    except OSError:  # gone: the process that reads it tells
        return 0
