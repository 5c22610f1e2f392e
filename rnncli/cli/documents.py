"""Documents whose texts are answered, while all else of them stays."""

from collections.abc import Iterator

from rnncli.cli.input_files import require_file
from rnncli.cli.output import Content, LineWriter
from rnncli.cli.pipe import Responder
from rnncli.cli.records import Record
from rnncli.cli.request import Request
from rnncli.text.batching import batched
from rnncli.text.documents.document import Document
from rnncli.text.documents.reading import read_document
from rnncli.text.files import File


def answer_document(
    request: Request, field: str, respond: Responder, write: LineWriter
) -> Iterator[int]:
    """Write a document with answers in place of its texts, and yield the number of each batch.

    The answer to a text is that ``field`` of its output. Of a document without texts, the number is
    0; of an empty file, there is none.

    Raises:
        DataError: it cannot be read, is malformed, or its encoding lacks a character of an answer.
    """
    document = _read(request)
    answers = list[str]()
    for texts in batched(document.texts, max_items=request.batch_size):
        answers += [outputs[0].fields[field] for outputs in respond(texts)]
        yield len(texts)
    if document.source:
        write(Content(document.replace(answers, request.messenger.announce)))
        yield 0


def document_batches(request: Request) -> Iterator[list[Record]]:
    """Yield the texts of a document alone, in batches.

    Raises:
        DataError: it cannot be read, or is malformed.
    """
    for texts in batched(_read(request).texts, max_items=request.batch_size):
        yield [*map(Record, texts)]


def _read(request: Request) -> Document:
    assert request.file is not None
    require_file(request.file)
    file = File(request.file, str(request.file))
    return read_document(file, request.messenger.announce, request.observe)
