"""Kill a training at each call that changes the file system, and look at what is left.

Before a call it is killed, and in a write after all but the last block.

Each run is a fork of this process, where all libraries are imported: it takes half a second.
"""

import builtins
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCK = 4_096  # bytes of a file that are written at once
CALLS = ("rename", "replace", "unlink", "remove", "mkdir", "rmdir", "fsync", "link", "symlink")
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Run:
    """The end of a forked process: its exit code, what it printed, how many calls it made."""

    code: int
    output: str
    calls: int


def train(arguments: list[object], log: Path, kill_at: int | None = None, number: int = 0) -> Run:
    """Run ``rnncli train``; the call ``kill_at`` of the file system is not made any more.

    ``number`` is the signal that comes in its place: 0 for SIGKILL, else that signal twice.
    """
    counter = log.with_suffix(".calls")
    counter.write_text("0")
    pid = os.fork()
    if pid == 0:
        _train(arguments, log, counter, kill_at, number)
    _, status = os.waitpid(pid, 0)
    text = log.read_text(errors="replace")
    return Run(os.waitstatus_to_exitcode(status), text, int(counter.read_text()))


def _train(
    arguments: list[object], log: Path, counter: Path, kill_at: int | None, number: int
) -> None:
    """Run the command, and end the process."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    # Those of before may be files of a test runner.
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    count = 0

    def is_over() -> bool:
        """Count a call, and return whether it is the one at which to kill."""
        nonlocal count
        count += 1
        return count == kill_at

    def kill() -> None:
        for _ in range(2 if number else 1):
            os.kill(os.getpid(), number or signal.SIGKILL)

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if is_over():
                kill()
            return function(*args, **kwargs)

        return call

    def opened(*args: Any, **kwargs: Any) -> Any:
        file = open_file(*args, **kwargs)
        mode = str(args[1] if len(args) > 1 else kwargs.get("mode", "r"))
        return _Written(file, is_over, kill) if {*"wxa"} & {*mode} and "b" in mode else file

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))
    open_file = io.open
    io.open = builtins.open = opened  # type: ignore[assignment]
    code = 70
    try:
        from rnncli.cli import app

        app([str(argument) for argument in arguments], prog_name="rnncli")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with suppress(OSError):
            counter.write_text(str(count))
        os._exit(code)


class _Written:
    """A file that is written to; a write may be the last thing that its process does."""

    def __init__(self, file: Any, is_over: Callable[[], bool], kill: Callable[[], None]) -> None:
        self._file, self._is_over, self._kill = file, is_over, kill

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "_Written":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        if self._is_over():
            end = (len(rest) - 1) // BLOCK * BLOCK if len(rest) else 0
            self._file.write(rest[:end])
            self._file.flush()
            self._kill()
            rest = rest[end:]
        self._file.write(rest)
        return len(data)


def import_everything() -> None:
    """Import what a training needs, so that forks do not."""
    import datasets  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import torch

    import rnncli.tasks.trainer as trainer
    from rnncli.cli import COMMANDS, load_command
    from rnncli.config import TASKS

    torch.set_num_threads(1)
    for name in COMMANDS:
        load_command(name)
    for task in TASKS:
        trainer.recipe_of(task)


def points(calls: int, sampled: int) -> Iterator[int]:
    """Yield the calls to kill at, evenly over all: so many, or a few more."""
    yield from range(1, calls + 1, max(1, calls // sampled))
