"""Ask for texts at the terminal, line by line."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROMPT = "> "
HISTORY_LINES = 1_000


def typed_lines() -> Iterator[str]:
    """Yield typed lines until Ctrl-D, with line editing and a history that is kept.

    The prompt goes to stderr, so that stdout holds results alone.
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
    """Redirect stdout to stderr, since readline writes its prompt to stdout."""
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
    """Edit lines with readline, where Python has it, and save the history."""
    try:
        import readline
    except ImportError:  # Windows
        yield
        return
    home = Path(os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state"))  # noqa: PTH111 - raises nothing where there is no home
    history = home / "rnncli" / "history"
    readline.set_history_length(HISTORY_LINES)
    with suppress(OSError):  # no history yet
        readline.read_history_file(history)
    try:
        yield
    finally:
        with suppress(OSError):  # the home is not writable: only the history is lost
            history.parent.mkdir(parents=True, exist_ok=True)
            history.touch(mode=0o600)  # readable by its owner alone
            readline.write_history_file(history)
