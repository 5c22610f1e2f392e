"""The stage of a command that runs, on the last line of the terminal."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from stat import S_ISREG
from typing import TYPE_CHECKING, TextIO

from rnncli.cli.console import Messenger, is_terminal
from rnncli.messages import Rename, plural, show_stages
from rnncli.text.unicode import escape_controls

if TYPE_CHECKING:
    from rich.progress import Progress

    from rnncli.cli.request import Request


class StageLine(AbstractContextManager["StageLine"]):
    """Show the name of the running stage and its seconds, on a terminal and unless ``--quiet``."""

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger
        self._is_shown = is_terminal() and not messenger.quiet
        self._names: list[str] = []  # of the running stages, each within the one before
        self._line = ExitStack()
        self._progress: Progress | None = None  # the line, while one is shown
        self._registration = ExitStack()

    def __enter__(self) -> "StageLine":
        """Listen to stages."""
        if self._is_shown:
            self._registration.enter_context(show_stages(self.show))
        return self

    def __exit__(self, *error: object) -> None:
        """Clear the line."""
        self._line.close()
        self._registration.close()

    @contextmanager
    def show(self, name: str) -> Iterator[Rename]:
        """Show a stage, and afterwards the one around it."""
        if not self._is_shown:
            yield self.rename
            return
        self._names.append(name)
        self._draw()
        try:
            yield self.rename
        finally:
            self._names.pop()
            self._draw()

    def rename(self, name: str) -> None:
        """Show another name of the running stage."""
        if self._progress is not None:
            self._names[-1] = name
            self._progress.update(self._progress.task_ids[0], description=escape_controls(name))

    def _draw(self) -> None:
        self._line.close()
        self._progress = None
        if not self._names:
            return
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.table import Column

        console = self._messenger.console()
        spinner = SpinnerColumn("line" if console.options.ascii_only else "dots")
        name = TextColumn("{task.description}", table_column=Column(no_wrap=True))
        self._progress = Progress(
            *(spinner, name, TimeElapsedColumn()),
            console=console,
            transient=True,
            redirect_stdout=False,
        )
        self._progress.add_task(escape_controls(self._names[-1]), total=None)
        self._line.enter_context(self._progress)


@contextmanager
def show_count(request: "Request") -> Iterator[Callable[[int], None]]:
    """Show how many lines are answered, where answers go into a file and a person waits for it."""
    is_typed = request.file is None and sys.stdin is not None and sys.stdin.isatty()
    is_filed = request.output is not None or _is_file(sys.stdout)
    if request.texts or is_typed or not is_filed:
        yield lambda _: None
        return
    total = 0
    with (
        StageLine(request.messenger) as line,
        line.show("answering the first lines") as rename,
    ):

        def add(number: int) -> None:
            nonlocal total
            total += number
            rename(f"{plural(total, 'line')} answered")

        yield add


def _is_file(stream: TextIO) -> bool:
    """Return whether a stream is a regular file."""
    try:
        return S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):  # no descriptor at all, as in a test
        return False
