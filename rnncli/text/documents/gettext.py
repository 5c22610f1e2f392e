"""Messages of programs in the format of gettext (.po, .pot): those without a translation get one.

Messages that have one stay, those marked as fuzzy too, and so do comments, the header and obsolete
messages. Of plural forms, the first is translated from the singular, and the others, as well as an
only one, from the plural.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from rnncli.text.documents.document import MalformedError, Passage, split_document
from rnncli.text.documents.line_breaks import break_lines

WIDTH = 77  # columns between the quotation marks, as the programs of gettext break lines
_FIELD = re.compile(
    r'\s*(?:(domain|msgctxt|msgid|msgid_plural|msgstr(?:\[\d+\])?)\s*)?"((?:[^"\\]|\\.)*)"\s*'
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_ESCAPED = str.maketrans({character: f"\\{name}" for name, character in _ESCAPES.items()})
_ESCAPE = re.compile(r"\\(.)")
_TEXT_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_EDGE = re.compile(r"(\s*[\n\t]\s*|^\s+|\s+$)")  # around the lines of a message


@dataclass
class _Field:
    """A keyword and its text, whose quotation marks are in one line or several."""

    keyword: str
    line: int  # its number
    start: int  # of the first quotation mark, in the document
    end: int  # after the last one
    escaped: str

    @property
    def text(self) -> str:
        """The text; nothing where it has escapes that no text needs, such as those of bytes."""
        if not all(name in _ESCAPES for name in _ESCAPE.findall(self.escaped)):
            return ""
        return _ESCAPE.sub(lambda match: _ESCAPES[match[1]], self.escaped)


def parse_gettext(source: str) -> list[Passage]:
    """Return the messages without a translation.

    Raises:
        MalformedError: a line is malformed, or a message has no ``msgid`` or no ``msgstr``.
    """
    ending = "\r\n" if "\r\n" in source else "\n"
    passages = []
    for entry in _entries(_fields(source)):
        slots = [field for keyword, field in entry.items() if keyword.startswith("msgstr")]
        for slot in slots:
            is_singular = slot.keyword == "msgstr" or (slot is slots[0] and len(slots) > 1)
            message = entry["msgid"] if is_singular else entry.get("msgid_plural", entry["msgid"])
            pieces = _EDGE.split(message.text)
            texts = tuple(piece for piece in pieces[::2] if piece)
            if texts and not slot.escaped:
                write = partial(_write, pieces=pieces, ending=ending)
                passages.append(Passage(slot.start, slot.end, texts, write))
    return passages


def _fields(source: str) -> Iterator[_Field]:
    """Yield the fields in their order."""
    field = None
    for number, line in enumerate(split_document(source), 1):
        if not line.text.strip() or line.text.lstrip().startswith("#"):
            continue
        match = _FIELD.fullmatch(line.text)
        if match is None or (field is None and not match[1]):
            raise MalformedError(number, "neither a comment nor a keyword with a text in quotes")
        start, end = line.start + match.start(2) - 1, line.start + match.end(2) + 1
        if not match[1]:
            assert field is not None
            field.escaped, field.end = field.escaped + match[2], end
            continue
        if field is not None:
            yield field
        field = _Field(match[1], number, start, end, match[2])
    if field is not None:
        yield field


def _entries(fields: Iterator[_Field]) -> Iterator[dict[str, _Field]]:
    """Yield the fields of each message by their keywords."""
    entry: dict[str, _Field] = {}
    for field in chain(fields, [None]):
        keyword = "" if field is None else field.keyword
        if keyword in ("", "domain", "msgctxt") or (keyword == "msgid" and "msgid" in entry):
            if "msgid" in entry and not any(key.startswith("msgstr") for key in entry):
                raise MalformedError(entry["msgid"].line, "a msgid without a msgstr")
            if "msgid" in entry:
                yield entry
            entry = {}
        if field is None or keyword in ("domain", "msgctxt"):
            continue
        if keyword in entry or (keyword != "msgid" and "msgid" not in entry):
            raise MalformedError(field.line, f"a {keyword} without a msgid")
        entry[keyword] = field


def _write(translations: Sequence[str], pieces: Sequence[str], ending: str) -> str:
    """Return a message between quotation marks, its lines where they were."""
    remaining = iter(translations)
    texts = (next(remaining) if piece and not i % 2 else piece for i, piece in enumerate(pieces))
    lines = _TEXT_LINE.findall("".join(texts))
    broken = [part for line in lines for part in break_lines(line.translate(_ESCAPED), WIDTH)]
    return ending.join(f'"{line}"' for line in (broken if len(broken) == 1 else ["", *broken]))
