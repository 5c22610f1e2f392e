"""The stream contract: n records in, n records out, in order, each as soon as it is answered.

Lines end at the byte \\n and nowhere else; a \\r before it goes with it, but for one within a cell.
Bytes that are no UTF-8 are replaced. A batch is answered when it is full, or when no input has come
for ``PAUSE`` seconds: so ``tail -f`` is answered at once and a large file in batches.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from queue import Empty, Queue
from shlex import quote
from threading import Thread
from typing import NamedTuple

from rnncli.cli.hints import as_typed, retyped
from rnncli.cli.input_files import require_file
from rnncli.cli.output import LineWriter, Output, open_output
from rnncli.cli.prompt import typed_lines
from rnncli.cli.records import Format, Lines, Record
from rnncli.cli.request import Request
from rnncli.cli.stages import show_count
from rnncli.errors import DataError
from rnncli.text.conversion import filter_hint, prefixed
from rnncli.text.files import (
    File,
    bound_lines,
    read_descriptor,
    read_file,
    split_lines,
)
from rnncli.text.foreign import lone_returns, require_newlines, require_text
from rnncli.text.pipes import is_anonymous, name_in_messages
from rnncli.text.unicode import replace_surrogates

PAUSE = 0.02  # seconds
MAX_RECORD_BYTES = 1 << 26  # of a line: to read one takes ten times as much memory
QUEUE_DEPTH = 4  # chunks of input that wait to be answered, before reading waits too

# The answers to each of some texts: mostly one, none where it is filtered out.
Responder = Callable[[list[str]], Sequence[Sequence[Output]]]


def answer_all(
    request: Request,
    key: str,
    columns: Sequence[str],
    respond: Responder,
    *,
    if_empty: Sequence[Record] = (),
) -> None:
    """Answer every text of a request.

    ``key`` is the name of a text in JSON; ``columns`` are the names of results in tables;
    ``if_empty`` are answered where the input is empty.

    Raises:
        DataError: the input cannot be read, or a record is malformed.
    """
    is_empty = True
    with open_output(request.output, request.messenger) as write, show_count(request) as count:
        for number in answer_batches(request, key, columns, respond, write, if_empty=if_empty):
            is_empty = False
            count(number)
        if is_empty:
            _announce_emptiness(request)


def answer_batches(
    request: Request,
    key: str,
    columns: Sequence[str],
    respond: Responder,
    write: LineWriter,
    *,
    if_empty: Sequence[Record] = (),
) -> Iterator[int]:
    """Answer the texts of a request, and yield the number of texts of each batch.

    Of a table without rows, that is 0; of an empty input, there is no batch.

    Raises:
        DataError: see `answer_all`.
    """
    if request.is_document and not request.as_json:
        from rnncli.cli.documents import answer_document

        yield from answer_document(request, columns[0], respond, write)
        return
    form, batches = open_input(request, columns)
    first = next(batches, [])  # the header is known when rows have been read
    if not first and form.header() is None:
        first = list(if_empty)
        if not first:
            return
    for notice in form.notices:
        request.messenger.announce(notice)
    header = None if request.as_json else form.header()
    if header is not None:
        write(header)
    if not first:
        yield 0
    for records in chain([first] if first else [], batches):
        answers = respond([record.text for record in records])
        for record, outputs in zip(records, answers, strict=True):
            for output in outputs:
                write_output(output, request, form, record, key, write)
        write(None)
        yield len(records)
    note = "" if request.column is None else "; rows go out as they came in"
    form.announce_losses(request.messenger, name_in_messages(request.file), note)


def _announce_emptiness(request: Request) -> None:
    """Announce that there was no line: in a pipe no lines have no answers, as they should.

    Raises:
        DataError: a file is named, for input or output; whoever names one expects lines.

    """
    if request.file is not None and not is_anonymous(str(request.file)):
        raise DataError(f"{request.file} is empty", f"look at it: ls -l {quote(str(request.file))}")
    if request.file is None and sys.stdin.isatty():
        return
    if request.output is not None:
        raise DataError(
            f"stdin is empty, and {request.output} is not written",
            "check the command or the file that the lines come from",
        )
    request.messenger.announce("stdin is empty: there is no line to answer")


def write_output(
    output: Output, request: Request, form: Format, record: Record, key: str, write: LineWriter
) -> None:
    """Write an answer to a record, and announce its note."""
    line = form.as_json(record, output, key) if request.as_json else form.join(record, output)
    if request.is_read:
        from rnncli.cli.wrapping import wrapped  # which loads rich

        line = wrapped(line)
    write(line)
    if output.note:
        write(None)
        request.messenger.announce(output.note)


class Input(NamedTuple):
    """Records, and their format."""

    format: Format
    batches: Iterator[list[Record]]  # as they arrive, none of them empty


def open_input(request: Request, columns: Sequence[str] = ()) -> Input:
    """Open the arguments, else the input file, else stdin, at a terminal with a prompt.

    ``columns`` are the names of results in tables.

    Raises:
        DataError: the input cannot be read, or there is none; while batches are read, a record is
            malformed.
    """
    if request.texts:
        if len(request.texts) == 1 and _names_file(request.texts[0]):
            request.messenger.announce(
                f"hint: to read the file {request.texts[0]}, add -i before it"
            )
        return Input(Lines(), iter([[Record(replace_surrogates(text)) for text in request.texts]]))
    if request.file is not None:
        require_file(request.file)
        if request.column is None:
            from rnncli.cli.rows import refuse_table  # takes 4 ms

            refuse_table(request.file, is_one_of_many=request.is_one_of_many)
        if request.is_document:
            from rnncli.cli.documents import document_batches

            return Input(Lines(), document_batches(request))
        chunks = read_file(File(request.file, str(request.file)), request.observe)
        return _open_stream(chunks, request, columns)
    if sys.stdin is None:  # started without one
        raise DataError("there is nothing to read: stdin is closed", retyped("a text of yours"))
    if sys.stdin.isatty():
        lines = (replace_surrogates(line).encode() for line in typed_lines())
        form, records = _frame(lines, request, columns)
        return Input(form, ([record] for record in records))
    return _open_stream(read_descriptor(sys.stdin.fileno()), request, columns)


def _open_stream(chunks: Iterator[bytes], request: Request, columns: Sequence[str]) -> Input:
    reader = Reader(_require_readable(chunks, request))
    form, records = _frame(reader.lines(), request, columns)
    return Input(form, reader.batches(records, request.batch_size))


def _require_readable(chunks: Iterator[bytes], request: Request) -> Iterator[bytes]:
    """Yield chunks of which the first is text in UTF-8, and of a table has newlines.

    Of lines, which newlines alone end, it is announced that there are none.

    Raises:
        DataError: it is not, and nothing can be answered.
    """
    input_name = name_in_messages(request.file)
    for chunk in islice(chunks, 1):
        require_text(chunk, input_name)
        if request.column is not None:
            require_newlines(chunk, input_name)
        elif told := lone_returns(chunk, input_name):
            hint = as_typed(told.hint or "")
            request.messenger.announce(f"{told.message}: they are one text\nhint: {hint}")
        chunks = chain([chunk], chunks)
    copy = prefixed("folded-", input_name)
    hint = filter_hint("break it into lines", "fold -s -w 10000", input_name, copy)
    yield from bound_lines(chunks, input_name, MAX_RECORD_BYTES, hint)


def _frame(
    lines: Iterator[bytes], request: Request, columns: Sequence[str]
) -> tuple[Format, Iterator[Record]]:
    """Return the format of lines, which may follow from the first filled one, and their records."""
    if request.column is None:
        plain = Lines()
        return plain, plain.records(lines)
    from rnncli.cli.rows import format_of  # takes 4 ms, and most input is lines
    from rnncli.text.tables import read_head

    head = read_head(lines)
    form = format_of(request.column, request.file, head[-1] if head else b"", columns)
    return form, form.records(chain(head, lines))


class Reader:
    """Read records in a thread, so that those already read are answered while others arrive."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._records: list[Record] = []  # not yet in the queue
        self._queue: Queue[list[Record] | BaseException | None] = Queue(QUEUE_DEPTH)

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of the chunks, and queue the records that each chunk completes."""
        for lines in split_lines(self._chunks):
            yield from lines
            self._enqueue()

    def batches(self, records: Iterator[Record], batch_size: int) -> Iterator[list[Record]]:
        """Yield records in batches, each of them full or ended by a pause of the input."""
        # A thread that waits for stdin must not hold a lock on it when the program ends: its chunks
        # come without buffers.
        Thread(target=self._read, args=(records,), daemon=True).start()
        batch: list[Record] = []
        while True:
            try:
                received = self._queue.get(timeout=PAUSE if batch else None)
            except Empty:
                yield batch
                batch = []
                continue
            if not isinstance(received, list):
                break
            batch += received
            full = len(batch) - len(batch) % batch_size
            for start in range(0, full, batch_size):
                yield batch[start : start + batch_size]
            batch = batch[full:]
        if batch:
            yield batch
        if received is not None:
            raise received

    def _read(self, records: Iterator[Record]) -> None:
        """Read until the end; `batches` raises the errors."""
        end: BaseException | None = None
        try:
            for record in records:
                self._records.append(record)
        except BaseException as error:
            end = error
        self._enqueue()
        self._queue.put(end)

    def _enqueue(self) -> None:
        if self._records:
            self._queue.put(self._records)
            self._records = []


def _names_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long, or with a NUL: no name of a file
        return False
