"""Records of a stream that are lines of text; those that are rows of a table are in `rows`."""

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from rnncli.cli.console import Messenger
from rnncli.cli.hints import as_typed
from rnncli.cli.output import Line, Output
from rnncli.messages import plural
from rnncli.text.files import BYTE_ORDER_MARK, Losses, decode
from rnncli.text.foreign import conversion_hint, guess_encoding

ASCII = set(map(chr, range(128)))
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Record(NamedTuple):
    """A text to answer, and its row."""

    text: str
    columns: Mapping[str, Any] = {}  # none where a record is a line of text
    raw: bytes = b""  # of a row
    end: bytes = b""  # between the last cell of a row and the newline


class Format(ABC):
    """Cut lines into records, and join answers to them."""

    _broken_line = b""  # the first that is no UTF-8

    @cached_property
    def notices(self) -> list[str]:
        """What was found out about the records, once the first has been read."""
        return []

    @abstractmethod
    def records(self, lines: Iterable[bytes]) -> Iterator[Record]:
        """Yield each record as soon as its lines are complete.

        Raises:
            DataError: a record is malformed.
        """

    def _decode(self, line: bytes) -> str:
        before = self.losses["bytes"]
        text = decode(line, self.losses)
        if not self._broken_line and self.losses["bytes"] > before:
            self._broken_line = line
        return text

    def announce_losses(self, messenger: Messenger, where: str, note: str = "") -> None:
        """Announce how many bytes were replaced, and how to convert what is of another encoding."""
        number = self.losses["bytes"]
        if not number:
            return
        told = f"{plural(number, 'byte')} not UTF-8, read as {REPLACEMENT}{note}"
        if set(decode(self._broken_line)) - {REPLACEMENT} <= ASCII and self._broken_line:
            told += f"\nhint: {as_typed(conversion_hint(where, guess_encoding(self._broken_line)))}"
        messenger.announce(told)

    @cached_property
    def losses(self) -> Losses:
        """The numbers of what was changed in reading, by kind."""
        return Counter()

    @abstractmethod
    def join(self, record: Record, output: Output) -> Line:
        """Return the line of an answer to a record."""

    def as_json(self, record: Record, output: Output, key: str) -> Line:
        """Return a record as an object; ``key`` is the name of its text."""
        columns = record.columns or {key: record.text}
        fields = {free_name(name, columns): value for name, value in output.fields.items()}
        return json.dumps({**columns, **fields}, ensure_ascii=False)

    def header(self) -> Line | None:
        """Return the line before the first record, if there is one."""
        return None


class Lines(Format):
    """A text a line."""

    def records(self, lines: Iterable[bytes]) -> Iterator[Record]:
        """Yield a record for each line."""
        for number, line in enumerate(lines):
            text = line if number else line.removeprefix(BYTE_ORDER_MARK)
            yield Record(self._decode(text).removesuffix("\r"))

    def join(self, record: Record, output: Output) -> Line:  # noqa: ARG002
        """Return the answer alone."""
        return output.line


def free_name(name: str, columns: Container[str]) -> str:
    """Return a name for a result that no column has."""
    while name in columns:
        name = f"predicted_{name}"
    return name
