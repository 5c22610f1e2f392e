"""Measure the time from a key to the next text at `rnncli label`, through a terminal.

    python tests/benchmarks/key_latency.py [--only airline ag_news] [--keys 60] [--pause 0.5]

A simulated person gives texts the labels that they have in the corpus, each after a pause. Beside
the time on the clock stands the processor time of the thread that waits for keys: what the others
take, and other processes, it waits for only where there are too few cores.
Corpora are those of ``$RNNCLI_CORPORA``.
"""

import argparse
import fcntl
import os
import pty
import re
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from labelling import CORPORA, read
from report import Report

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
BEGIN, END = b"\x1b[H", b"\x1b[J"  # of a page
SHOWN = 60  # characters by which a text is known again on a page
DIGITS = "1234567890"
TIMEOUT = 600  # seconds
MARGIN = 0.1  # seconds within which the next text should be shown


class Terminal:
    """A command at a terminal, and the page that it shows."""

    def __init__(self, command: list[str], folder: str) -> None:
        self._device, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0),
        )
        os.close(terminal)
        self._sent = b""

    def wait(self, seconds: float) -> bool:
        """Read what comes within so many seconds; return whether something came."""
        ready, _, _ = select.select([self._device], [], [], seconds)
        if ready:
            self._sent += os.read(self._device, 1 << 16)
        return bool(ready)

    def page(self) -> str:
        """Return the last whole page."""
        page = self._sent.rpartition(END)[0].rpartition(BEGIN)[2]
        return CODES.sub("", page.decode("utf-8", "replace")).replace("\r", "")

    def press(self, key: str) -> None:
        """Press a key."""
        os.write(self._device, key.encode())

    def processor_time(self) -> float:
        """Return the seconds that the main thread has taken."""
        process = self.process.pid
        return int(Path(f"/proc/{process}/task/{process}/schedstat").read_text().split()[0]) / 1e9


def measure(name: str, keys: int, pause: float, report: Report) -> None:
    """Add how long the next texts of a corpus take."""
    texts, labels = read(name)
    texts = [" ".join(text.split()) for text in texts]
    names = sorted(set(labels))
    digits = {
        text[:SHOWN]: DIGITS[names.index(label)] for text, label in zip(texts, labels, strict=True)
    }
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "texts.txt").write_text("\n".join(texts) + "\n")
        command = [sys.executable, "-m", "rnncli", "label", "texts.txt", "--labels"]
        terminal = Terminal([*command, ",".join(names)], folder)
        times, processor_times = [], []
        while (shown := known(terminal.page(), digits)) is None:
            terminal.wait(TIMEOUT)
        for _ in range(keys):
            until = time.perf_counter() + pause
            while (left := until - time.perf_counter()) > 0:
                terminal.wait(left)
            begin, begin_processor = time.perf_counter(), terminal.processor_time()
            terminal.press(digits[shown])
            while (found := known(terminal.page(), digits)) in (shown, None):
                assert terminal.wait(TIMEOUT), terminal.page()
            times.append(time.perf_counter() - begin)
            processor_times.append(terminal.processor_time() - begin_processor)
            shown = found
        terminal.process.kill()
        terminal.process.wait()
    note = f"{sum(each > MARGIN for each in times)} of {keys} over {1000 * MARGIN:.0f} ms"
    for what, values in (("clock", times), ("main thread", processor_times)):
        label = f"{name}, {len(texts):,} texts, {what}"
        report.add(f"{label}, median", 1000 * statistics.median(values), "ms")
        report.add(f"{label}, worst", 1000 * max(values), "ms", note if what == "clock" else "")


def known(page: str, digits: dict[str, str]) -> str | None:
    """Return the beginning of the text on a page."""
    return next((line[:SHOWN] for line in page.split("\n") if line[:SHOWN] in digits), None)


def main() -> None:
    """Print a table, and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=CORPORA, default=["airline", "ag_news"])
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--pause", type=float, default=0.5, help="seconds before a key")
    parser.add_argument("--out", type=Path, default=Path("key_latency.json"))
    arguments = parser.parse_args()
    report = Report()
    report.section(f"from a key to the next text, load {os.getloadavg()[0]:.1f}")
    for name in arguments.only:
        measure(name, arguments.keys, arguments.pause, report)
        report.write(arguments.out)


if __name__ == "__main__":
    main()
