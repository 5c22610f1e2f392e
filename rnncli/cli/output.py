"""The answer of a command to a text, and its destination: stdout or a file."""

import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeAlias

from rnncli.cli.console import Messenger, is_terminal
from rnncli.errors import DataError
from rnncli.storage.atomic_files import free_path, temporary_path
from rnncli.text.files import GZIP_MAGIC
from rnncli.text.unicode import escape_controls

if TYPE_CHECKING:
    from gzip import GzipFile
    from io import BufferedWriter


EXAMPLES = {"-o": "answers.txt", "--errors": "mistakes.tsv", "--attention-out": "attention.svg"}


class Fragment(NamedTuple):
    """A part of a line, in a style of rich."""

    text: str
    style: str = ""


class Content(bytes):
    """What is no line: nothing is written after it."""


# Bytes are written as they are. Styles are for terminals: elsewhere they are left out.
Line: TypeAlias = str | bytes | Sequence[Fragment]
LineWriter: TypeAlias = Callable[[Line | None], None]  # None: flush


class Output(NamedTuple):
    """The answer to a text."""

    line: Line  # the answer to a line of text
    fields: Mapping[str, Any]  # the results by their names, for JSON and tables
    note: str = ""  # announced after the answer
    cells: Mapping[str, str] = {}  # of tables, for fields that are objects


def require_output(path: Path, option: str, *, force: bool) -> None:
    """Check that a file can be written, before time is spent on its content.

    Raises:
        DataError: there is no folder for it, or a folder in its place; or it exists, and would be
            replaced without ``force``.
    """
    if _is_stream(path):
        return
    if path.is_dir():
        example = path / EXAMPLES[option]
        raise DataError(f"{path} is a folder", f"name a file in it: {option} {quote(str(example))}")
    real = Path(os.path.realpath(path))
    if real.is_symlink():
        raise DataError(f"{path} is a link that goes round in a circle", f"rm {quote(str(path))}")
    if not real.parent.is_dir():
        raise DataError(
            f"{path} cannot be written: the folder {path.parent} does not exist",
            f"make the folder: mkdir -p {quote(str(path.parent))}",
        )
    if path.exists() and path.stat().st_size and not force:  # mktemp makes an empty one
        raise existing_output(path, f"{option} {quote(str(free_path(path)))}")


def existing_output(path: Path, other: str) -> DataError:
    """Return the error that an output exists already; ``other`` is the option of another one."""
    return DataError(f"{path} exists already", f"{other}\nor replace it: --force")


def _is_stream(path: Path) -> bool:
    """Return whether a path leads to a device or a pipe, which no file can replace."""
    return path.parts[:2] == ("/", "dev") or path.is_fifo()


@contextmanager
def open_output(path: Path | None, messenger: Messenger) -> Iterator[LineWriter]:
    """Open a file, or stdout, and yield a function that writes lines to it.

    The file appears when it is complete, in place of an older one: see `require_output`. Lines
    written before an error stay beside it.
    """
    if path is None:
        yield partial(_write_to_stdout, messenger)
        return
    if _is_stream(path):
        with path.open("ab") as file:  # that stdout leads to stays
            yield partial(_write, file)
        return
    path = Path(os.path.realpath(path))  # a link stays a link
    file = _create_part(path)
    part = Path(file.name)
    try:
        with file:
            if path.exists():  # who may read it stays as it was
                part.chmod(stat.S_IMODE(path.stat().st_mode))
            with line_writer(file, compresses=path.suffix.lower() == ".gz") as write:
                yield write
        part.replace(path)
    except BaseException:
        if part.exists() and part.stat().st_size:
            messenger.announce(f"{path} is not complete: the answers so far are in {part}")
        else:
            part.unlink(missing_ok=True)
        raise


@contextmanager
def open_replacement(path: Path, *, compresses: bool) -> Iterator[LineWriter]:
    """Yield a function that writes lines to a file, which appears when it is complete.

    An error leaves nothing. No other process may write the same file.
    """
    temporary = temporary_path(path)
    temporary.unlink(missing_ok=True)  # of a process that was killed
    try:
        with temporary.open("xb") as file:
            with line_writer(file, compresses=compresses) as write:
                yield write
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def is_gzipped(path: Path) -> bool:
    """Return whether a file begins with the magic bytes of gzip."""
    with path.open("rb", buffering=0) as raw:
        return raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC


@contextmanager
def line_writer(file: "BufferedWriter", *, compresses: bool) -> Iterator[LineWriter]:
    """Yield a function that writes lines to a file, compressed with gzip or as they are."""
    if not compresses:
        yield partial(_write, file)
        return
    import gzip

    with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as compressed:
        yield partial(_write, compressed)


def _create_part(path: Path) -> "BufferedWriter":
    """Create the first free file beside a path; another process may look for one, too."""
    for part in _part_names(path):
        with suppress(FileExistsError):
            return part.open("xb")
    raise AssertionError  # there is always another name


def _part_names(path: Path) -> Iterator[Path]:
    yield path.with_name(f"{path.name}.part")
    for number in count(2):
        yield path.with_name(f"{path.name}.part{number}")


def _write_to_stdout(messenger: Messenger, line: Line | None) -> None:
    if line is not None:
        # Before styles are added, since their codes hold control characters.
        escape = escape_controls if is_terminal(stderr=False) else str
        if isinstance(line, bytes):
            if is_terminal(stderr=False):
                text = line.decode("utf-8", "replace").replace("\r\n", "\n")
                line = type(line)(escape(text).encode())
        elif isinstance(line, str):
            line = escape(line)
        elif messenger.has_colors:
            line = "".join(messenger.paint(escape(text), style) for text, style in line)
        else:
            line = "".join(escape(text) for text, _ in line)
    _write(sys.stdout.buffer, line)


def _write(file: "BinaryIO | GzipFile", line: Line | None) -> None:
    if line is None:
        file.flush()
        return
    if not isinstance(line, str | bytes):
        line = "".join(text for text, _ in line)
    if isinstance(line, str):  # UTF-8, whatever the terminal's encoding
        line = line.encode("utf-8", "replace")
    file.write(line if isinstance(line, Content) else line + b"\n")
