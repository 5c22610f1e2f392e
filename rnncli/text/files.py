r"""From bytes to lines: files, pipes and standard input, gzipped or not, as they arrive.

Data is gzipped if it begins with the magic bytes of gzip, whatever its name is. A line ends at the
byte ``\n`` and nowhere else. A byte order mark is no text. Bytes that are no UTF-8 become U+FFFD.
"""

import hashlib
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BufferedReader, RawIOBase
from itertools import chain
from pathlib import Path
from shlex import quote
from typing import NamedTuple, TypeAlias

from rnncli.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
STDIN = "standard input"

MAX_LINE_BYTES = 1 << 23  # a small gzip archive can hold a line of gigabytes
_CHUNK_BYTES = 1 << 16
_DIGEST_BYTES = 1 << 20
_PIECE_BYTES = 16_384  # longer lines of text are read in pieces

Decode: TypeAlias = Callable[[bytes], str]
Losses: TypeAlias = Counter[str]  # changed or omitted items, by kind


class File(NamedTuple):
    """A file, and its name in messages, such as ``standard input``."""

    path: Path
    name: str


# --- Bytes --------------------------------------------------------------------------------------


def read_file(file: File, observe: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """Yield the decompressed content of a file or a pipe in chunks as they arrive.

    ``observe`` gets the number of bytes of each chunk as it is on disk.

    Raises:
        DataError: it cannot be read, or is damaged.
    """
    with _explain_damage(file.name), file.path.open("rb", buffering=0) as raw:
        chunks = iter(partial(raw.read, _CHUNK_BYTES), b"")
        yield from decompress(chunks if observe is None else _observed(chunks, observe))


def _observed(chunks: Iterable[bytes], observe: Callable[[int], None]) -> Iterator[bytes]:
    for chunk in chunks:
        observe(len(chunk))
        yield chunk


def read_descriptor(descriptor: int) -> Iterator[bytes]:
    """Yield the decompressed input of a file descriptor, without waiting for whole chunks.

    Raises:
        DataError: it cannot be read, or is damaged.
    """
    with _explain_damage(STDIN):
        yield from decompress(iter(partial(os.read, descriptor, _CHUNK_BYTES), b""))


@contextmanager
def open_file(file: File) -> Iterator["BufferedReader[_ChunkReader]"]:
    """Open the decompressed content of a file, after its byte order mark.

    Raises:
        DataError: it cannot be read, or is damaged.
    """
    with BufferedReader(_ChunkReader(drop_byte_order_mark(read_file(file)))) as stream:
        yield stream


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as it is on disk, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_DIGEST_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def decompress(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield chunks, decompressed if they begin with the magic bytes of gzip.

    Raises:
        EOFError, zlib.error: the gzip data is cut short or broken.
    """
    head = _read_head(chunks, GZIP_MAGIC)
    whole = chain([head], chunks) if head else chunks
    yield from _gunzip(whole) if head.startswith(GZIP_MAGIC) else whole


def drop_byte_order_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield chunks without the byte order mark that they may begin with."""
    if head := _read_head(chunks, BYTE_ORDER_MARK).removeprefix(BYTE_ORDER_MARK):
        yield head
    yield from chunks


def _read_head(chunks: Iterator[bytes], magic: bytes) -> bytes:
    """Read and join chunks until they begin with ``magic``, or cannot any more."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= len(magic) or not magic.startswith(head):
            break
    return head


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content of gzip data of one or several members in chunks of bounded size."""
    member = zlib.decompressobj(wbits=31)  # with header and checksum of gzip
    for chunk in chunks:
        data, is_full = chunk, False
        while data or is_full:  # a full chunk of content may be followed by more of the same data
            if member.eof:
                data = data.lstrip(b"\0")  # padding after a member
                if not data:
                    break
                member = zlib.decompressobj(wbits=31)
            content = member.decompress(data, _CHUNK_BYTES)
            if content:
                yield content
            is_full = len(content) == _CHUNK_BYTES and not member.eof
            data = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise EOFError


class _ChunkReader(RawIOBase):
    """A file whose content is that of chunks."""

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
def _explain_damage(name: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error) as error:
        hint = "compress it again" if name == STDIN else f"test it: gzip --test {quote(name)}"
        raise DataError(f"{name} is damaged: its gzip data is cut short or broken", hint) from error
    except OSError as error:
        raise DataError(
            f"{name} cannot be read: {error.strerror or error}",
            "redirect a file to it: < FILE"
            if name == STDIN
            else f"look at it: ls -l {quote(name)}",
        ) from error


# --- Lines --------------------------------------------------------------------------------------


def split_lines(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    r"""Yield the lines that each chunk completes, without the ``\n`` at their end.

    A line may have no end: memory holds it whole; `bound_lines` sees to it.
    """
    parts: list[bytes] = []  # of an incomplete line
    for chunk in chunks:
        head, *lines = chunk.split(b"\n")
        parts.append(head)
        if lines:
            yield [b"".join(parts), *lines[:-1]]
            parts = [lines[-1]]
    if last := b"".join(parts):
        yield [last]


def read_lines(file: File) -> Iterator[bytes]:
    r"""Yield the lines of a file without the ``\n`` at their end, the first with a byte order mark.

    Raises:
        DataError: it cannot be read or is damaged, or a line is too long for memory.
    """
    return chain.from_iterable(line_lists(read_file(file), file.name))


def line_lists(chunks: Iterable[bytes], name: str) -> Iterator[list[bytes]]:
    """Yield the lines that each chunk of a file completes; see `read_lines`."""
    hint = "check that it is a table; a text without columns needs a name like text.txt"
    return split_lines(bound_lines(chunks, name, MAX_LINE_BYTES, hint))


def bound_lines(chunks: Iterable[bytes], name: str, limit: int, hint: str) -> Iterator[bytes]:
    """Yield chunks as long as their lines fit into memory.

    Raises:
        DataError: a line is longer than ``limit`` bytes; ``hint`` tells what to do.
    """
    number, size = 1, 0  # of the incomplete line
    for chunk in chunks:
        end = chunk.find(b"\n")
        if size + (len(chunk) if end < 0 else end) >= limit:
            raise DataError(f"{name}, line {number:,}: longer than {limit:,} bytes", hint)
        number += chunk.count(b"\n")
        size = size + len(chunk) if end < 0 else len(chunk) - chunk.rfind(b"\n") - 1
        yield chunk


# --- Text ---------------------------------------------------------------------------------------


def decode(line: bytes, losses: Losses | None = None) -> str:
    """Decode UTF-8; invalid bytes become U+FFFD, and ``losses`` counts them."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        if losses is not None:
            losses["bytes"] += len(line) - len(line.decode(errors="ignore").encode())
        return line.decode(errors="replace")


def read_text(file: File, losses: Losses | None = None, limit: int | None = None) -> str:
    r"""Return a whole text file, with ``\n`` at the end of each line.

    Raises:
        DataError: it cannot be read, is damaged, or has more than ``limit`` bytes.
    """
    with open_file(file) as stream:
        content = stream.read() if limit is None else stream.read(limit + 1)
    if limit is not None and len(content) > limit:
        raise DataError(
            f"{file.name} is longer than {limit:,} bytes",
            "cut it into several files, or leave it out",
        )
    return decode(content, losses).replace("\r\n", "\n")


def read_text_lines(file: File, losses: Losses) -> Iterator[str]:
    r"""Yield the lines of a text file, without the ``\n`` or ``\r\n`` at their end.

    Raises:
        DataError: see `read_lines`.
    """
    chunks = drop_byte_order_mark(read_file(file))
    for line in chain.from_iterable(line_lists(chunks, file.name)):
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

    The last character of a piece goes to the next one: it may be incomplete, or the ``\r`` of
    ``\r\n``.
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
    """Return the start of the last character; one of UTF-8 has four bytes at most."""
    starts = (len(piece) - length for length in range(1, 5))
    return next((start for start in starts if piece[start] & 0xC0 != 0x80), len(piece) - 1)
