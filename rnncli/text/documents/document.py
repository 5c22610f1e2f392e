"""A document as passages of text and what stands between them, which stays as it is to the byte."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rnncli.errors import DataError
from rnncli.messages import Announce, plural
from rnncli.text.foreign import conversion_hint
from rnncli.text.placeholders import PLACEHOLDER, TAG
from rnncli.text.unicode import plain_signs

_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
# What a translation must have as its source has it. Surrogates are bytes that are no UTF-8.
_CODES = re.compile(rf"{TAG}|{PLACEHOLDER}|[\ud800-\udfff]")


class MalformedError(ValueError):
    """A document has not the structure of its format."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class Line(NamedTuple):
    """A line of a document."""

    start: int  # in the document
    text: str
    ending: str  # nothing, where the document ends without a newline


@dataclass(frozen=True)
class Passage:
    """A part of a document whose place a translation of its texts takes."""

    start: int  # in the document
    end: int
    texts: tuple[str, ...]
    write: Callable[[Sequence[str]], str]  # the translations, as the format spells them


@dataclass(frozen=True)
class Document:
    """A document as it is read: n texts come out, and n translations go in."""

    name: str  # in messages
    source: str
    passages: tuple[Passage, ...]  # in the order of their places
    mark: bytes = b""  # byte order mark
    encoding: str = "utf-8"

    @property
    def texts(self) -> list[str]:
        """The texts to translate, each on one line."""
        return [text for passage in self.passages for text in passage.texts]

    def replace(self, translations: Iterable[str], announce: Announce | None = None) -> bytes:
        """Return the document with translations in place of its texts.

        A passage stays as it is where its translations are its texts, or where they lack tags or
        placeholders; that is announced.

        Raises:
            DataError: the encoding of the document lacks a character of a translation.
        """
        remaining = iter(translations)
        pieces, end, left = list[str](), 0, 0
        for passage in self.passages:
            pairs = [(text, next(remaining)) for text in passage.texts]
            if all(text == translation for text, translation in pairs):
                continue
            if any(_codes(text) != _codes(translation) for text, translation in pairs):
                left += 1
                continue
            written = passage.write([self._encodable(translation) for _, translation in pairs])
            pieces += [self.source[end : passage.start], written]
            end = passage.end
        if left and announce is not None:
            announce(
                f"left as it was: {plural(left, 'passage')} of {len(self.passages):,}, where the "
                "translation lacks tags or placeholders"
            )
        return self._encoded("".join([*pieces, self.source[end:]]))

    def _encodable(self, translation: str) -> str:
        """Return a translation with plain signs where the encoding has no typographic ones."""
        try:
            translation.encode(self.encoding, "surrogateescape")
        except UnicodeEncodeError:
            return plain_signs(translation)
        return translation

    def _encoded(self, text: str) -> bytes:
        try:
            return self.mark + text.encode(self.encoding, "surrogateescape")
        except UnicodeEncodeError as error:
            raise DataError(
                f"{self.name} is in {self.encoding}, which has no {text[error.start]}",
                conversion_hint(self.name, self.encoding),
            ) from None


def _codes(text: str) -> Counter[str]:
    return Counter(_CODES.findall(text))


def split_document(source: str) -> Iterator[Line]:
    """Yield the lines of a document, which end as they do in Markdown and WebVTT."""
    for match in _LINE.finditer(source):
        if match[0]:
            yield Line(match.start(), match[1], match[2])
