"""Translation memories in TMX, the exchange format of translators' programs: XML."""

from collections.abc import Iterator, Sequence
from io import IOBase
from itertools import islice
from typing import IO
from xml.etree import ElementTree

from rnncli.data.tables import Table, TableRow
from rnncli.errors import DataError
from rnncli.text.files import MAX_LINE_BYTES, File, open_file
from rnncli.text.languages import language_of

NAMED_UNITS = 1_000  # whose languages are the columns
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


class TmxFile(Table):
    """Read the segments of each unit, a column a language."""

    unit = "unit"

    def __init__(self, file: File) -> None:
        """Read the languages of the first units.

        Raises:
            DataError: the XML is damaged.
        """
        super().__init__(file.name)
        self.file = file
        units = [segments for _, segments in islice(self._units(), NAMED_UNITS)]
        self.names = tuple(dict.fromkeys(language for unit in units for language in unit))
        self.require_few_columns(len(self.names))

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
        """Yield the segments in these languages, None for those that are missing.

        Raises:
            DataError: the XML is damaged.
        """
        for number, segments in self._units():
            yield number, tuple([segments.get(language) for language in columns])

    def _units(self) -> Iterator[tuple[int, dict[str, str]]]:
        number = 0
        open_elements: list[ElementTree.Element] = []  # the innermost one last
        with open_file(self.file) as stream:
            bounded = _BoundedStream(stream, self.where)
            try:
                for event, element in ElementTree.iterparse(bounded, events=("start", "end")):
                    if event == "start":
                        open_elements.append(element)
                        continue
                    open_elements.pop()
                    if element.tag.rpartition("}")[2] == "tu":
                        number += 1
                        yield number, _segments(element)
                        bounded.size = 0
                        if open_elements:
                            open_elements[-1].clear()  # frees the memory of this unit
            except ElementTree.ParseError as error:
                raise DataError(
                    f"{self.where} is damaged: {error}", "export the translation memory again"
                ) from error


class _BoundedStream:
    """A file of which at most ``MAX_LINE_BYTES`` are read from one unit to the next."""

    def __init__(self, stream: IO[bytes] | IOBase, where: str) -> None:
        self._stream, self._where = stream, where
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        """Read on.

        Raises:
            DataError: a unit is too long for memory.
        """
        block: bytes = self._stream.read(size)
        self.size += len(block)
        if self.size > MAX_LINE_BYTES:
            raise DataError(
                f"{self._where}: a unit is longer than {MAX_LINE_BYTES:,} bytes",
                "cut it into several, or leave it out",
            )
        return block


def _segments(unit: ElementTree.Element) -> dict[str, str]:
    """Return the text of each language of a unit, without its markup."""
    segments: dict[str, str] = {}
    for variant in unit.iter("tuv"):
        language = variant.get(_LANGUAGE) or variant.get("lang") or ""
        segment = variant.find("seg")
        if segment is not None:
            text = " ".join("".join(segment.itertext()).split())
            segments.setdefault(language_of(language.partition("-")[0]) or language, text)
    return segments
