"""What all benchmarks share: figures with the machine that they were measured on."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
RNNCLI = str(Path(sys.executable).with_name("rnncli"))  # the installed command


class Report:
    """Collect figures, print each as it comes, and write them as JSON."""

    def __init__(self) -> None:
        self.figures: list[dict[str, Any]] = []
        self._section = ""

    def section(self, title: str) -> None:
        """Begin a table."""
        self._section = title
        print(f"\n{title}", flush=True)

    def add(self, what: str, value: float, unit: str, note: str = "") -> None:
        """Add a row to the table."""
        self.figures.append(
            {"section": self._section, "what": what, "value": value, "unit": unit, "note": note}
        )
        digits = 3 if value < 10 else 1 if value < 1_000 else 0
        print(f"  {what:58} {value:12,.{digits}f} {unit:9} {note}", flush=True)

    def write(self, path: Path) -> None:
        """Write all figures with what is needed to read them."""
        told = {"machine": machine(), "command": " ".join(sys.argv), "figures": self.figures}
        path.write_text(json.dumps(told, indent=2) + "\n")


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "processor": named[0] if named else platform.processor(),
        "cores": os.cpu_count(),
        "avx512": "avx512f" in flags,
        "bfloat16": "avx512_bf16" in flags,
        "load": os.getloadavg(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("rnncli", "torch", "numpy", "tokenizers", "typer")},
        "commit": commit.stdout.strip(),
    }


def rate(count: int, work: Callable[[], object], times: int = 3) -> float:
    """Return how many a second, at the best of some times, after one to warm up."""
    work()
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return count / min(seconds)


def peak_memory(process: int) -> float:
    """Return the most that a running process has held, in MiB; Linux tells it."""
    # What waiting for it would tell includes the memory of this program, before it became another.
    status = Path(f"/proc/{process}/status").read_text()
    found = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0].split()[1]) / 1024 if found else 0.0
