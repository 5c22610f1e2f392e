"""Read documents by the suffix of their name."""

from collections.abc import Callable
from shlex import quote

from rnncli.errors import DataError
from rnncli.messages import Announce
from rnncli.text.documents import suffix_of
from rnncli.text.documents.document import Document, MalformedError, Passage
from rnncli.text.documents.gettext import parse_gettext
from rnncli.text.documents.markdown import parse_markdown
from rnncli.text.documents.subtitles import parse_subtitles
from rnncli.text.files import BYTE_ORDER_MARK, File, read_file
from rnncli.text.foreign import conversion_hint, other_encoding

MAX_BYTES = 1 << 26  # of a document, which is in memory as a whole, several times
_MARKS = {
    BYTE_ORDER_MARK: "utf-8",
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}

_PARSERS: dict[str, Callable[[str], list[Passage]]] = {
    ".srt": parse_subtitles,
    ".vtt": parse_subtitles,
    ".md": parse_markdown,
    ".markdown": parse_markdown,
    ".po": parse_gettext,
    ".pot": parse_gettext,
}


def read_document(
    file: File, announce: Announce, observe: Callable[[int], None] | None = None
) -> Document:
    """Read a document.

    An encoding that no byte order mark tells, other than UTF-8, is guessed, and announced. Bytes
    that are no character become surrogates, which are written as these bytes again.

    Raises:
        DataError: it cannot be read, is too long for memory, or malformed.
    """
    content = bytearray()
    for chunk in read_file(file, observe):
        content += chunk
        if len(content) > MAX_BYTES:
            raise DataError(f"{file.name} is longer than {MAX_BYTES:,} bytes", "cut it into parts")
    mark = next((mark for mark in _MARKS if content.startswith(mark)), b"")
    encoding = _MARKS.get(mark, "utf-8")
    if not mark and (other := other_encoding(bytes(content), file.name)):
        encoding = other
        announce(f"the document is probably in {encoding}, in which it is written, too")
    try:
        source = content[len(mark) :].decode(encoding, "surrogateescape")
    except UnicodeDecodeError:
        raise DataError(
            f"{file.name} is not in {encoding}", conversion_hint(file.name, encoding)
        ) from None
    try:
        passages = _PARSERS[suffix_of(file.path.name)](source)
    except MalformedError as error:
        shown = f"{max(error.line - 2, 1)},{error.line + 2}p"
        raise DataError(
            f"{file.name}, line {error.line:,}: {error}",
            f"look at it: sed -n {shown} {quote(file.name)}",
        ) from None
    return Document(file.name, source, tuple(passages), mark, encoding)
