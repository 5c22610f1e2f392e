"""Read files as lines of text, whatever bytes they are made of."""

import gzip
import shutil
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BufferedIOBase
from pathlib import Path
from typing import IO, TypeAlias

from rnncli.data.arrow import scratch_file
from rnncli.errors import DataError

Stream: TypeAlias = IO[bytes] | BufferedIOBase
Losses: TypeAlias = Counter[str]  # what reading changed or left out, by kind

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONGEST_LINE = 1 << 23  # bytes; a few bytes of a gzip archive can stand for gigabytes
_PIECE_BYTES = 16_384  # of a line of text that is longer than this


@dataclass(frozen=True)
class File:
    """Say which file is to be read, and what a person calls it: ``standard input``, say."""

    path: Path
    where: str


@contextmanager
def opened(file: File) -> Iterator[Stream]:
    """Open a file, unpacked if it is gzipped, behind its byte order mark.

    Raises:
        DataError: it cannot be read, or is damaged.
    """
    try:
        with file.path.open("rb") as raw:
            is_gzip = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.open(raw) if is_gzip else raw as stream:
                if stream.read(len(_BYTE_ORDER_MARK)) != _BYTE_ORDER_MARK:
                    stream.seek(0)
                yield stream
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{file.where} is damaged: its gzip data is cut short or broken",
            f"test it: gzip --test {file.where}",
        ) from error
    except OSError as error:
        raise DataError(
            f"{file.where} cannot be read: {error.strerror or error}",
            f"look at it: ls -l {file.where}",
        ) from error


def read_lines(file: File, losses: Losses) -> Iterator[str]:
    r"""Yield lines without their end, which is the byte ``\n`` and nothing else.

    A ``\r`` before it stays, since in a quoted cell it belongs to the text.

    Raises:
        DataError: a line is so long that it would crowd memory.
    """
    with opened(file) as stream:
        lines = iter(partial(stream.readline, _LONGEST_LINE), b"")
        for number, line in enumerate(lines, start=1):
            if len(line) == _LONGEST_LINE:
                raise DataError(
                    f"{file.where}, line {number:,}: longer than {_LONGEST_LINE:,} bytes",
                    "is it such a table? A long text by itself is read from a .txt file",
                )
            yield _decoded(line, losses).removesuffix("\n")


def read_pieces(file: File, losses: Losses) -> Iterator[str]:
    r"""Yield lines with a ``\n`` at their end, the very long ones in pieces that join."""
    with opened(file) as stream:
        for piece in _pieces(stream):
            text = _decoded(piece, losses)
            yield text[:-2] + "\n" if text.endswith("\r\n") else text


def _pieces(stream: Stream) -> Iterator[bytes]:
    r"""Yield lines with a ``\n`` at their end, or pieces of them.

    The last character of a piece waits for the next one: it may be cut, or the ``\r`` of ``\r\n``.
    """
    rest = b""
    while block := stream.readline(_PIECE_BYTES):
        piece = rest + block
        if len(block) < _PIECE_BYTES and not piece.endswith(b"\n"):
            piece += b"\n"  # the last line
        end = len(piece) if piece.endswith(b"\n") else _last_character(piece)
        yield piece[:end]
        rest = piece[end:]
    if rest:
        yield rest + b"\n"


def _last_character(piece: bytes) -> int:
    """Return where the last character begins; a UTF-8 character has four bytes at most."""
    starts = (len(piece) - length for length in range(1, 5))
    return next((start for start in starts if piece[start] & 0xC0 != 0x80), len(piece) - 1)


def _decoded(line: bytes, losses: Losses) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        losses["bytes"] += len(line) - len(line.decode(errors="ignore").encode())
        return line.decode(errors="replace")


def spooled(stream: Stream) -> Path:
    """Copy what can be read only once to where it can be read again."""
    path = scratch_file("spool")
    with path.open("wb") as copy:
        shutil.copyfileobj(stream, copy)
    return path
