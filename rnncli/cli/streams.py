"""The stream contract: n records in, n records out, in order, each as soon as it can be had.

Records end at the byte \\n and nowhere else; a \\r before it is dropped. Bytes that are no UTF-8
are replaced. What has arrived is handed on when a batch is full or when nothing has come for
``PAUSE`` seconds, so that ``tail -f`` is answered at once and a large file is read in batches.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import BinaryIO

from rnncli.cli.console import Screen
from rnncli.errors import ConfigError, DataError

BATCH = 1_024  # records: enough to sort by length
PAUSE = 0.02  # seconds
READ = 1 << 16  # bytes


def texts_in(
    arguments: Sequence[str], file: Path | None, screen: Screen, prompt: str = "> "
) -> Iterator[list[str]]:
    """Yield batches of texts: the arguments, else a file, else stdin, else what is typed.

    Raises:
        ConfigError: there are arguments and a file.
        DataError: the file cannot be read, or there is no stdin.

    """
    if arguments and file is not None:
        raise ConfigError(
            "texts are given twice, as arguments and with -i", "leave one of them out"
        )
    if arguments:
        if len(arguments) == 1 and _names_file(arguments[0]):
            screen.say(f"hint: to read the file {arguments[0]}, add -i before it")
        yield [_without_surrogates(argument) for argument in arguments]
    elif file is not None:
        try:
            with file.open("rb") as stream:
                yield from read_batches(stream)
        except OSError as error:
            raise DataError(
                f"{file} cannot be read: {error.strerror}", "name a file of text"
            ) from None
    elif sys.stdin is None:  # started without one
        raise DataError(
            "there is nothing to read: stdin is closed", "name a text, or a file: -i FILE"
        )
    elif sys.stdin.isatty():
        yield from _prompted(prompt)
    else:
        yield from read_batches(sys.stdin.buffer)


def read_batches(stream: BinaryIO) -> Iterator[list[str]]:
    """Yield batches of records from a stream of bytes, without waiting for more than there is."""
    queue: SimpleQueue[list[bytes] | BaseException | None] = SimpleQueue()
    Thread(target=_read, args=(stream.fileno(), queue.put), daemon=True).start()
    first = True
    batch: list[bytes] = []
    while True:
        try:
            got = queue.get(timeout=PAUSE if batch else None)
        except Empty:
            yield [_decode(record) for record in batch]
            batch = []
            continue
        if isinstance(got, BaseException):
            raise got
        if got is None:
            break
        if first and got:
            got[0] = got[0].removeprefix(b"\xef\xbb\xbf")  # a byte order mark
            first = False
        batch += got
        while len(batch) >= BATCH:
            yield [_decode(record) for record in batch[:BATCH]]
            batch = batch[BATCH:]
    if batch:
        yield [_decode(record) for record in batch]


def write_line(text: str) -> None:
    """Write one record to stdout, as UTF-8 whatever the terminal's encoding says."""
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")


def flush() -> None:
    """Hand what was written to the reader."""
    sys.stdout.buffer.flush()


def _read(descriptor: int, put: Callable[[list[bytes] | BaseException | None], None]) -> None:
    """Read until the end, handing on the whole records of each piece."""
    pieces: list[bytes] = []  # of a record that has not ended yet
    try:
        while data := os.read(descriptor, READ):
            head, *records = data.split(b"\n")
            pieces.append(head)
            if records:
                put([b"".join(pieces), *records[:-1]])
                pieces = [records[-1]]
        if rest := b"".join(pieces):
            put([rest])
        put(None)
    except OSError as error:
        put(error)


def _decode(record: bytes) -> str:
    return record.removesuffix(b"\r").decode("utf-8", "replace")


def _prompted(prompt: str) -> Iterator[list[str]]:
    """Ask for one text after the other, on stderr so that stdout holds results alone."""
    while True:
        print(prompt, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            print(file=sys.stderr)
            return
        yield [line.rstrip("\r\n")]


def _names_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long, or with a NUL: no name of a file
        return False


def _without_surrogates(argument: str) -> str:
    """Replace the bytes of an argument that are no UTF-8, as in input."""
    return os.fsencode(argument).decode("utf-8", "replace")
