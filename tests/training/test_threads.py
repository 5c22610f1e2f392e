"""``--threads`` bounds the threads of the tokenizers, too."""

import subprocess
import sys
from pathlib import Path

import pytest
from models import SMALL, pairs, reviews
from shell import TIMEOUT, environment

THREADS = 40  # which the tokenizers start where nothing bounds them
COUNT = """
import os, sys
from rnncli.cli import app
try:
    app(sys.argv[1:])
except SystemExit as end:
    assert not end.code
print(len(os.listdir("/proc/self/task")))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc"),
]


def count_threads(*arguments: object) -> int:
    """Return how many threads a process has after a command."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT, *map(str, arguments)],
        capture_output=True,
        env=environment({"RAYON_NUM_THREADS": str(THREADS)}),
        timeout=TIMEOUT,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.parametrize("data", [reviews, pairs])
def test_a_training_starts_no_more_threads_than_it_may(data, tmp_path: Path) -> None:
    words = ("train", data(), "-o", tmp_path / "m", *SMALL, "--steps", 1, "-q")
    assert count_threads(*words, "--threads", 1) < THREADS


def test_threads_that_nothing_bounds_are_counted(tmp_path: Path) -> None:
    words = ("train", reviews(), "-o", tmp_path / "m", *SMALL, "--steps", 1, "-q")
    assert count_threads(*words) > THREADS
