"""Take the rows that can be learned from, all cells strings, and count the others."""

import json
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from rnncli.data.limits import require_readable
from rnncli.data.tables import Table
from rnncli.messages import plural
from rnncli.text.files import Losses, decode
from rnncli.text.tables import JsonNumber
from rnncli.text.unicode import as_field, compose

# How programs write that there is no value; those of pandas and of MySQL.
MISSING = frozenset(
    (
        "nan",
        "NaN",
        "-nan",
        "-NaN",
        "null",
        "NULL",
        "None",
        "NA",
        "N/A",
        "n/a",
        "<NA>",
        "#N/A",
        "\\N",
    )
)

_CleanRow = tuple[str, ...] | None  # None: the row is left out


def clean_rows(table: Table, columns: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of ``columns`` (canonical name -> name in the table), in their order.

    Raises:
        DataError: a cell is of the wrong type, or there are too many rows, clean or not.
    """
    return (row for _, row in numbered_rows(table, columns))


def numbered_rows(
    table: Table, columns: Mapping[str, str]
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield each clean row behind the number of its first line.

    Raises:
        DataError: a cell is of the wrong type, or there are too many rows, clean or not.
    """
    clean = _CLEANERS[tuple(columns)]
    for count, (number, cells) in enumerate(table.rows(list(columns.values())), start=1):
        require_readable(table.where, count, is_running_text=table.is_plain_text)
        if row := clean(table, number, *cells):
            yield number, row


def partly_labelled_rows(
    table: Table, text: str, label: str | None, others: Sequence[str] = ()
) -> Iterator[tuple[int, str, str, tuple[str, ...]]]:
    """Yield the number of the first line of each row, its text, its label, and other cells.

    The label may be empty; the cells are as CSV has them.

    Raises:
        DataError: a cell is of the wrong type, or there are too many rows.
    """
    columns = [text, *([] if label is None else [label]), *others]
    first = len(columns) - len(others)
    for count, (number, cells) in enumerate(table.rows(columns), start=1):
        require_readable(table.where, count)
        cleaned = _text(table, number, cells[0])
        if table.is_plain_text:
            cleaned = cleaned.removesuffix("\n")
        if _is_blank(cleaned):
            table.losses["texts"] += 1
            continue
        name = "" if label is None else _label(table, number, cells[1], "label")
        yield number, cleaned, name, tuple([_plain_cell(cell) for cell in cells[first:]])


def _plain_cell(cell: object) -> str:
    """Return any cell as CSV has it: lists and objects as JSON, nothing as an empty one."""
    if isinstance(cell, str):
        return str(cell)
    if cell is None:
        return ""
    if isinstance(cell, bytes):
        return cell.decode(errors="replace")
    return json.dumps(cell, ensure_ascii=False, default=str)


def _running_text(table: Table, number: int, cell: object) -> _CleanRow:
    text = _text(table, number, cell)
    # A line of a text file has its newline, or is a piece of a long line and must not have one.
    return (text if table.is_plain_text or text.endswith("\n") else text + "\n",)


def _labelled_text(
    table: Table, number: int, text_cell: object, label_cell: object, option: str = "label"
) -> _CleanRow:
    text, label = _text(table, number, text_cell), _label(table, number, label_cell, option)
    if _is_blank(text):
        table.losses["texts"] += 1
        return None
    if not label:
        table.losses["labels"] += 1
        return None
    return text, label


def _text_and_control(
    table: Table, number: int, text_cell: object, label_cell: object
) -> _CleanRow:
    """Leave out blank lines around the text, and keep the label on one line."""
    row = _labelled_text(table, number, text_cell, label_cell, "control")
    return row and (row[0].strip("\n"), as_field(row[1]))


def _pair(table: Table, number: int, source_cell: object, target_cell: object) -> _CleanRow:
    source, target = _text(table, number, source_cell), _text(table, number, target_cell)
    if _is_blank(source) or _is_blank(target):
        table.losses["pairs"] += 1
        return None
    return source, target


def _recording(table: Table, number: int, audio_cell: object, transcript_cell: object) -> _CleanRow:
    audio, transcript = str(audio_cell), _text(table, number, transcript_cell)
    if _is_blank(transcript):
        table.losses["recordings"] += 1
        return None
    return audio, " ".join(transcript.split())


_LOSSES = {
    "bytes": ("byte", "not UTF-8, replaced by \N{REPLACEMENT CHARACTER}"),
    "halves": ("half character", "in JSON replaced by \N{REPLACEMENT CHARACTER}"),
    "texts": ("empty text", "left out"),
    "labels": ("text", "without a label left out"),
    "pairs": ("pair", "with an empty side left out"),
    "recordings": ("recording", "without a transcript left out"),
}


def loss_notices(losses: Losses) -> Iterator[str]:
    """Return how much was changed or left out."""
    for kind, (noun, what) in _LOSSES.items():
        if number := losses[kind]:
            yield f"{plural(number, noun)} {what}"


_CLEANERS: dict[tuple[str, ...], Callable[..., _CleanRow]] = {
    ("text",): _running_text,
    ("text", "label"): _labelled_text,
    ("text", "control"): _text_and_control,
    ("source", "target"): _pair,
    ("audio", "transcript"): _recording,
}


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def _text(table: Table, number: int, cell: object) -> str:
    """Return a cell as a text; nothing is an empty one.

    Raises:
        DataError: it is something else, such as a number.
    """
    if isinstance(cell, str) and not isinstance(cell, JsonNumber):
        return compose(cell)
    if cell is None:
        return ""
    if isinstance(cell, bytes):  # of a Parquet file that does not say that it is text
        return compose(decode(cell, table.losses))
    raise table.error(
        number,
        f"a text is expected, not {_beginning(cell)}",
        "put the text in quotation marks, or name another column",
    )


def _label(table: Table, number: int, cell: object, option: str) -> str:
    """Return a cell as a label; a missing value is an empty one.

    Raises:
        DataError: it is something else, such as a list of labels.
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, bytes):
        cell = decode(cell, table.losses)
    if isinstance(cell, str | int | float):
        label = str(cell).strip()
        return "" if label in MISSING else compose(label)
    raise table.error(
        number,
        f"a label is expected, not {_beginning(cell)}",
        f"name another column: --{option} COLUMN",
    )


def _beginning(cell: object) -> str:
    """Return the beginning of a cell, which may be nested too deeply for str()."""
    return (cell if isinstance(cell, str) else reprlib.repr(cell))[:40]
