"""The stream contract: n records in, n records out, in order, each as soon as it can be had.

Lines end at the byte \\n and nowhere else; a \\r before it goes with it, but for one within a cell.
Bytes that are no UTF-8 are replaced. What has arrived is handed on when a batch is full or when
nothing has come for ``PAUSE`` seconds, so that ``tail -f`` is answered at once and a large file is
read in batches.
"""

import gzip
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

from rnncli.cli.console import Messenger
from rnncli.cli.output import Output, Write, open_output
from rnncli.cli.prompt import typed_lines
from rnncli.cli.records import Format, Record, format_of
from rnncli.errors import ConfigError, DataError
from rnncli.text.unicode import replace_surrogates

PAUSE = 0.02  # seconds
READ = 1 << 16  # bytes
WAITING = 4  # pieces of input that wait to be answered; then reading waits too

# Returns the answers to each of some texts: in most cases one, none where it is filtered out.
Respond = Callable[[list[str]], Sequence[Sequence[Output]]]
Read = Callable[[int], bytes]  # at most so many bytes; none at the end


@dataclass(frozen=True)
class Request:
    """Where texts come from and where answers go."""

    texts: Sequence[str]  # given as arguments; else from the file, else from stdin
    input: Path | None
    output: Path | None  # None: stdout
    column: str | None  # of the texts, where records are rows
    as_json: bool
    batch_size: int
    messenger: Messenger

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.texts and self.input is not None:
            raise ConfigError(
                "texts are given twice, as arguments and with -i", "leave one of them out"
            )
        if self.texts and self.column is not None:
            raise ConfigError("texts given as arguments have no columns", "leave --column out")

    @property
    def is_coloured(self) -> bool:
        """Return whether answers are lines in which colours can say something."""
        plain = self.output is None and self.column is None and not self.as_json
        return plain and self.messenger.has_colors


def answer_all(request: Request, key: str, names: Sequence[str], respond: Respond) -> None:
    """Answer every text of a request.

    ``key`` is what a text is called in JSON; ``names`` are what results are called where they
    become columns.

    Raises:
        DataError: the input cannot be read, or a record is not as it should be.

    """
    form: Format | None = None
    header_is_out = request.as_json
    with open_output(request.output, request.messenger) as write:
        for lines in batches(request):
            if form is None:
                first = next((line for line in lines if line.strip()), "")
                form = format_of(request.column, request.input, first, names)
            records, error = _readable(form, lines)
            if records and not header_is_out:
                header_is_out = True
                write_header(form, write)
            answers = respond([record.text for record in records])
            for record, own in zip(records, answers, strict=True):
                for answer in own:
                    as_json = request.as_json
                    write(
                        form.as_json(record, answer, key) if as_json else form.join(record, answer)
                    )
                    if answer.note:
                        write(None)
                        request.messenger.announce(answer.note)
            write(None)
            if error is not None:
                raise error
        if form is not None:
            form.finish()
            if not header_is_out:  # a table without rows
                write_header(form, write)


def _readable(form: Format, lines: list[str]) -> tuple[list[Record], DataError | None]:
    """Return the records before the first that is not as it should be, and what is wrong there."""
    records: list[Record] = []
    try:
        records.extend(form.records(lines))
    except DataError as error:
        return records, error
    return records, None


def write_header(form: Format, write: Write) -> None:
    """Write the line before the first record, if there is one."""
    header = form.header()
    if header is not None:
        write(header)


def batches(request: Request) -> Iterator[list[str]]:
    """Yield batches of lines: the arguments, else those of a file, of stdin, or what is typed.

    Raises:
        DataError: the input cannot be read, or there is none.

    """
    if request.texts:
        if len(request.texts) == 1 and _names_file(request.texts[0]):
            request.messenger.announce(
                f"hint: to read the file {request.texts[0]}, add -i before it"
            )
        yield [replace_surrogates(text) for text in request.texts]
    elif request.input is not None and str(request.input) != "-":
        with _opened_input(request.input) as read:
            yield from read_batches(read, request.batch_size)
    elif sys.stdin is None:  # started without one
        raise DataError(
            "there is nothing to read: stdin is closed", "name a text, or a file: -i FILE"
        )
    elif sys.stdin.isatty():
        yield from ([replace_surrogates(line)] for line in typed_lines())
    else:
        yield from read_batches(partial(os.read, sys.stdin.fileno()), request.batch_size)


def read_batches(read: Read, batch_size: int) -> Iterator[list[str]]:
    """Yield batches of lines from a stream of bytes, without waiting for more than there is."""
    # A thread that waits for stdin must not hold a lock on it when the program ends: no buffers.
    queue: Queue[list[bytes] | BaseException | None] = Queue(WAITING)
    Thread(target=_read, args=(read, queue.put), daemon=True).start()
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
        full = len(batch) - len(batch) % batch_size
        for start in range(0, full, batch_size):
            yield [_decode(record) for record in batch[start : start + batch_size]]
        batch = batch[full:]
    if batch:
        yield [_decode(record) for record in batch]


def _read(read: Read, put: Callable[[list[bytes] | BaseException | None], None]) -> None:
    """Read until the end, handing on the whole records of each piece."""
    pieces: list[bytes] = []  # of a record that has not ended yet
    try:
        while data := read(READ):
            head, *records = data.split(b"\n")
            pieces.append(head)
            if records:
                put([b"".join(pieces), *records[:-1]])
                pieces = [records[-1]]
        if rest := b"".join(pieces):
            put([rest])
        put(None)
    except (OSError, EOFError, zlib.error) as error:
        put(error)


def _decode(record: bytes) -> str:
    return record.decode("utf-8", "replace")


@contextmanager
def _opened_input(path: Path) -> Iterator[Read]:
    try:
        with path.open("rb") as file:
            if path.suffix.lower() == ".gz":
                yield gzip.GzipFile(fileobj=file).read1
            else:
                yield partial(os.read, file.fileno())
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise DataError(
            f"{path} is damaged: its gzip data is cut short or broken", f"test it: gzip -t {path}"
        ) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "name a file of text") from None


def _names_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long, or with a NUL: no name of a file
        return False
