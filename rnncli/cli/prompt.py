"""Ask for one text after the other, where a person sits at the terminal."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROMPT = "> "
HISTORY_LINES = 1_000


def typed_lines() -> Iterator[str]:
    """Yield the lines that a person types, until Ctrl-D.

    Lines can be edited and called back, also those of earlier days. The prompt goes to stderr, so
    that stdout holds results alone.
    """
    with _line_editor():
        while True:
            try:
                with _stdout_as_stderr():
                    line = input(PROMPT)
            except EOFError:
                print(file=sys.stderr)
                return
            except KeyboardInterrupt:
                print(file=sys.stderr)  # so that the shell's prompt begins a line
                raise
            yield line


@contextmanager
def _stdout_as_stderr() -> Iterator[None]:
    """Let what is written to stdout go to stderr; readline knows no other place for a prompt."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)


@contextmanager
def _line_editor() -> Iterator[None]:
    """Edit lines with readline, where Python has it, and keep what was typed."""
    try:
        import readline
    except ImportError:  # Windows
        yield
        return
    home = Path(os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"))  # noqa: PTH111 - raises nothing where there is no home
    history = home / "rnncli" / "history"
    readline.set_history_length(HISTORY_LINES)
    with suppress(OSError):  # there is none yet
        readline.read_history_file(history)
    try:
        yield
    finally:
        with suppress(OSError):  # a home that cannot be written to: only the history is lost
            history.parent.mkdir(parents=True, exist_ok=True)
            history.touch(mode=0o600)  # what was typed is nobody else's
            readline.write_history_file(history)
