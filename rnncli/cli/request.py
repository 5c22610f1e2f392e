"""A request to answer texts."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from stat import S_ISREG

from rnncli.cli.console import Messenger, is_terminal
from rnncli.cli.input_files import quoted_pattern
from rnncli.cli.output import require_output
from rnncli.errors import ConfigError
from rnncli.text.documents import is_document
from rnncli.text.files import STDIN


@dataclass(frozen=True)
class Request:
    """The source of texts, the destination of answers, and their form."""

    texts: Sequence[str]  # arguments; without them texts are read from input, else from stdin
    input: Path | None
    output: Path | None  # None: stdout
    force: bool  # an existing output is replaced
    column: str | None  # of the texts, where records are rows
    as_json: bool
    batch_size: int
    messenger: Messenger
    is_one_of_many: bool = False  # files, of which each has an output
    observe: Callable[[int], None] | None = None  # gets the numbers of bytes read of the file
    reads_documents: bool = False  # or lines of text only

    def __post_init__(self) -> None:
        """Refuse sources that exclude each other, and an output that cannot be written."""
        if self.texts and self.input is not None:
            raise ConfigError(
                "texts come from arguments and from -i",
                quoted_pattern(self.input, self.texts) or "leave -i out",
            )
        if self.texts and self.column is not None:
            raise ConfigError("texts in arguments have no columns", "leave --column out")
        if self.file is not None and self.output is not None and _are_same(self.file, self.output):
            raise ConfigError(
                f"{self.output} is input and output at once, and would be lost",
                _other_output(self.output),
            )
        if not self.texts and self.output is None and not self.is_one_of_many:
            _require_other_stdout(self.file)
        if self.output is not None and not self.is_one_of_many:
            require_output(self.output, "-o", force=self.force)

    @property
    def file(self) -> Path | None:
        """Return the file of the texts, unless it is stdin."""
        return None if self.input == Path("-") else self.input

    @property
    def is_document(self) -> bool:
        """Return whether the file is a document, all of which is written but for its texts."""
        return self.reads_documents and self.file is not None and is_document(self.file.name)

    @property
    def is_read(self) -> bool:
        """Return whether answers are lines on a terminal, which a person reads."""
        return self._is_plain and is_terminal(stderr=False)

    @property
    def is_coloured(self) -> bool:
        """Return whether answers are lines on a terminal that shows colours."""
        return self._is_plain and self.messenger.has_colors

    @property
    def _is_plain(self) -> bool:
        is_shown = self.output is None and not self.is_one_of_many and not self.is_document
        return is_shown and self.column is None and not self.as_json


def _require_other_stdout(file: Path | None) -> None:
    """Check that stdout does not lead into the input: a file, or stdin.

    Raises:
        ConfigError: it does, so that answers would be read as texts, without end.
    """
    try:
        written = os.fstat(sys.stdout.fileno())
        read = os.fstat(sys.stdin.fileno()) if file is None else file.stat()
    except (AttributeError, OSError, ValueError):  # closed, or not there
        return
    if not S_ISREG(written.st_mode) or not os.path.samestat(written, read):
        return
    name = STDIN if file is None else str(file)
    emptied = "" if written.st_size else ", and the shell has emptied it"
    raise ConfigError(
        f"{name} is input and output at once{emptied}",
        _other_output(Path("answers.txt") if file is None else file),
    )


def _other_output(path: Path) -> str:
    """Return a hint with the option of another output than a file that is read."""
    return f"name another output: -o {quote(f'{path.stem}-new{path.suffix}')}"


def _are_same(first: Path, second: Path) -> bool:
    """Return whether two names are of one file."""
    return second.exists() and first.exists() and first.samefile(second)
