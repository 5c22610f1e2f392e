r"""From bytes to lines: files, pipes and standard input, gzipped or not, read as they arrive.

Data is gzipped if it begins as gzip does, whatever its name is. A line ends at the byte ``\n`` and
nowhere else. A byte order mark is no text. Bytes that are no UTF-8 become U+FFFD.
"""

import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BufferedReader, RawIOBase
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeAlias

from rnncli.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
STDIN = "standard input"

MAX_LINE_BYTES = 1 << 23  # a few bytes of a gzip archive can stand for gigabytes
_CHUNK_BYTES = 1 << 16
_PIECE_BYTES = 16_384  # of a line of text that is longer than this

Decode: TypeAlias = Callable[[bytes], str]
Losses: TypeAlias = Counter[str]  # what reading changed or left out, by kind


class File(NamedTuple):
    """A file, and what a person calls it: ``standard input``, say."""

    path: Path
    where: str


# --- Bytes --------------------------------------------------------------------------------------


def read_file(file: File) -> Iterator[bytes]:
    """Yield the content of a file or a pipe in chunks as they arrive, unpacked.

    Raises:
        DataError: it cannot be read, or is damaged.
    """
    with _explain_damage(file.where), file.path.open("rb", buffering=0) as raw:
        yield from unpack(iter(partial(raw.read, _CHUNK_BYTES), b""))


def read_descriptor(descriptor: int) -> Iterator[bytes]:
    """Yield what arrives at a file descriptor, unpacked, without waiting for whole chunks.

    Raises:
        DataError: it cannot be read, or is damaged.
    """
    with _explain_damage(STDIN):
        yield from unpack(iter(partial(os.read, descriptor, _CHUNK_BYTES), b""))


@contextmanager
def open_file(file: File) -> Iterator["BufferedReader[_ChunkReader]"]:
    """Open the unpacked content of a file, behind its byte order mark.

    Raises:
        DataError: it cannot be read, or is damaged.
    """
    with BufferedReader(_ChunkReader(drop_mark(read_file(file)))) as stream:
        yield stream


def unpack(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield chunks as they are, or what they unpack to if they begin as gzip does.

    Raises:
        EOFError, zlib.error: the gzip data is cut short or broken.
    """
    head = _read_head(chunks, GZIP_MAGIC)
    whole = chain([head], chunks) if head else chunks
    yield from _gunzip(whole) if head.startswith(GZIP_MAGIC) else whole


def drop_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield chunks without the byte order mark that they may begin with."""
    if head := _read_head(chunks, BYTE_ORDER_MARK).removeprefix(BYTE_ORDER_MARK):
        yield head
    yield from chunks


def _read_head(chunks: Iterator[bytes], magic: bytes) -> bytes:
    """Take as many chunks as tell whether all begin with ``magic``, and return them joined."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= len(magic) or not magic.startswith(head):
            break
    return head


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what gzip data of one or several members stands for, in chunks of bounded size."""
    member = zlib.decompressobj(wbits=31)  # with the header and the checksum of gzip
    for chunk in chunks:
        packed = chunk
        while packed:
            if member.eof:
                packed = packed.lstrip(b"\0")  # padding behind a member
                if not packed:
                    break
                member = zlib.decompressobj(wbits=31)
            plain = member.decompress(packed, _CHUNK_BYTES)
            while len(plain) == _CHUNK_BYTES:
                yield plain
                plain = member.decompress(member.unconsumed_tail, _CHUNK_BYTES)
            if plain:
                yield plain
            packed = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise EOFError


class _ChunkReader(RawIOBase):
    """Chunks as a file that can be read forwards."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


@contextmanager
def _explain_damage(where: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error) as error:
        hint = "compress it again" if where == STDIN else f"test it: gzip --test {where}"
        raise DataError(
            f"{where} is damaged: its gzip data is cut short or broken", hint
        ) from error
    except OSError as error:
        raise DataError(
            f"{where} cannot be read: {error.strerror or error}",
            "redirect a file to it: < FILE" if where == STDIN else f"look at it: ls -l {where}",
        ) from error


# --- Lines --------------------------------------------------------------------------------------


def split_lines(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    r"""Yield the lines that each chunk completes, without the ``\n`` at their end.

    A line may have no end: memory holds it whole.
    """
    parts: list[bytes] = []  # of a line that has not ended yet
    for chunk in chunks:
        head, *lines = chunk.split(b"\n")
        parts.append(head)
        if lines:
            yield [b"".join(parts), *lines[:-1]]
            parts = [lines[-1]]
    if rest := b"".join(parts):
        yield [rest]


def read_lines(file: File) -> Iterator[bytes]:
    r"""Yield the lines of a file without the ``\n`` at their end, the first with its order mark.

    Raises:
        DataError: it cannot be read or is damaged, or a line is so long that it would crowd memory.
    """
    return _bounded_lines(read_file(file), file.where)


def _bounded_lines(chunks: Iterable[bytes], where: str) -> Iterator[bytes]:
    number = 1

    def bounded() -> Iterator[bytes]:
        size = 0  # of the line that has not ended yet
        for chunk in chunks:
            end = chunk.rfind(b"\n")
            size = size + len(chunk) if end < 0 else len(chunk) - end - 1
            if size >= MAX_LINE_BYTES:
                raise DataError(
                    f"{where}, line {number:,}: longer than {MAX_LINE_BYTES:,} bytes",
                    "is it such a table? A long text by itself is read from a .txt file",
                )
            yield chunk

    for lines in split_lines(bounded()):
        for line in lines:
            yield line
            number += 1


# --- Text ---------------------------------------------------------------------------------------


def decode(line: bytes, losses: Losses | None = None) -> str:
    """Decode UTF-8; bytes that are none become U+FFFD, and are counted in ``losses``."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        if losses is not None:
            losses["bytes"] += len(line) - len(line.decode(errors="ignore").encode())
        return line.decode(errors="replace")


def read_text(file: File) -> str:
    r"""Return a whole text file, with ``\n`` at the end of each line.

    Raises:
        DataError: it cannot be read, or is damaged.
    """
    with open_file(file) as stream:
        return decode(stream.read()).replace("\r\n", "\n")


def read_text_lines(file: File, losses: Losses) -> Iterator[str]:
    r"""Yield the lines of a text file, without the ``\n`` or ``\r\n`` at their end.

    Raises:
        DataError: see `read_lines`.
    """
    for line in _bounded_lines(drop_mark(read_file(file)), file.where):
        yield decode(line, losses).removesuffix("\r")


def read_text_pieces(file: File, losses: Losses) -> Iterator[str]:
    r"""Yield the lines of a text file with ``\n`` at their end, long ones in pieces that join.

    Raises:
        DataError: the file cannot be read, or is damaged.
    """
    with open_file(file) as stream:
        for piece in _pieces(stream):
            text = decode(piece, losses)
            yield text[:-2] + "\n" if text.endswith("\r\n") else text


def _pieces(stream: "BufferedReader[_ChunkReader]") -> Iterator[bytes]:
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
