"""JSON lines: an object a line."""

import json
import operator
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from rnncli.data.tables import LineTable, TableRow
from rnncli.errors import DataError
from rnncli.text.conversion import filter_hint
from rnncli.text.files import File, Losses, read_text
from rnncli.text.tables import flattened, json_rows
from rnncli.text.unicode import replace_surrogates

MAX_DOCUMENT_BYTES = 1 << 26  # of JSON that is parsed as a whole
NAMED_OBJECTS = 1_000  # whose names are those of the columns; an object may leave some out


class JsonLinesFile(LineTable):
    """Read a JSON object a line; a name that an object lacks is a missing value.

    The members of an object in it are columns such as ``message.body``.
    """

    def __init__(self, file: File) -> None:
        """Read the names of the first objects.

        Raises:
            DataError: a line is no JSON object, or the only one holds whole columns.
        """
        super().__init__(file)
        try:
            head = [values for _, values in islice(self._objects(Counter()), NAMED_OBJECTS)]
        except DataError as error:
            raise _document_error(file) or error from None
        if len(head) == 1 and _holds_columns(head[0]):
            raise _columns_error(file.name)
        head = [flattened(values) for values in head]
        self.names = tuple(dict.fromkeys(name for record in head for name in record))
        nested = {
            name for record in head for name in record if isinstance(record[name], dict | list)
        }
        self._readable = tuple(name for name in self.names if name not in nested)
        self.require_few_columns(len(self.names))

    @property
    def readable_names(self) -> tuple[str, ...]:
        """The names whose values are neither objects nor lists."""
        return self._readable

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
        """Yield the values of ``columns``, None for those that are missing.

        Raises:
            DataError: a line is no JSON object.
        """
        for number, values in self._objects(self.losses):
            record = flattened(values)
            cells = [record.get(name, values.get(name)) for name in columns]
            yield number, tuple(map(self._mended, cells))

    def _objects(self, losses: Losses) -> Iterator[tuple[int, dict[str, object]]]:
        for row in json_rows(self.lines(losses)):
            pair = row.values.get("translation")  # the usual form of pairs: {"en": ..., "fr": ...}
            if isinstance(pair, dict):
                yield row.line, {**row.values, **pair}
            elif not row.is_blank:
                yield row.line, row.values

    def _mended(self, value: object) -> object:
        r"""Replace the halves of surrogate pairs, which JSON can spell and UTF-8 cannot."""
        if not isinstance(value, str) or value.isascii():
            return value
        mended = replace_surrogates(value)
        self.losses["halves"] += sum(map(operator.ne, mended, value))
        return mended


def _holds_columns(record: dict[str, object]) -> bool:
    """Return whether an object is a table, a column a member, as pandas writes it by default."""
    columns = [value for value in record.values() if isinstance(value, dict | list)]
    return len(columns) == len(record) > 0 and all(len(column) > 1 for column in columns)


def _document_error(file: File) -> DataError | None:
    """Return the error of a file that is one JSON document with a list of rows in it."""
    try:
        document = json.loads(read_text(file, limit=MAX_DOCUMENT_BYTES))
    except (DataError, ValueError, RecursionError):
        return None
    lists = (
        [name for name, value in document.items() if isinstance(value, list)]
        if isinstance(document, dict)
        else []
    )
    if not lists:
        return None
    key = lists[0] if re.fullmatch(r"[A-Za-z_]\w*", lists[0]) else json.dumps(lists[0])
    command = f"jq -c {shlex.quote(f'.{key}[]')}"
    what = f"write the rows of {lists[0]!r} a line each"
    return DataError(
        f"{file.name} is one JSON document over several lines, not an object a line",
        filter_hint(what, command, file.name, "lines.jsonl"),
    )


def _columns_error(where: str) -> DataError:
    command = (
        'python3 -c "import pandas, sys; pandas.read_json(sys.stdin)'
        ".to_json(sys.stdout, orient='records', lines=True)\""
    )
    return DataError(
        f"{where} is one JSON object with whole columns in it, not an object a line",
        filter_hint("write a line for each row", command, where, "lines.jsonl"),
    )
