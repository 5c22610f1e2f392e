"""Tell the format of data: by its content, and by the ending of its name where that tells more."""

import re
from typing import Literal, TypeAlias

from rnncli.config import TASK_COLUMNS, TASKS
from rnncli.data.column_contents import Column
from rnncli.data.column_names import find_assumed_pair, find_columns
from rnncli.data.text_tables import FASTTEXT_LABEL
from rnncli.errors import DataError
from rnncli.text.conversion import command_argument, file_hint, filter_hint
from rnncli.text.csv_dialect import sniff_dialect
from rnncli.text.files import BYTE_ORDER_MARK, File, decode, open_file
from rnncli.text.foreign import HEAD_BYTES, require_newlines, require_utf8
from rnncli.text.tables import Format, LineSource, csv_rows

DataFormat: TypeAlias = Format | Literal["fasttext", "tmx"]
FORMAT_NAMES: dict[DataFormat, str] = {
    "text": "plain text",
    "csv": "CSV",
    "tsv": "a table with tabs between its cells",
    "jsonl": "JSON lines",
    "parquet": "Parquet",
    "fasttext": f"fastText, {FASTTEXT_LABEL}LABEL TEXT",
    "tmx": "TMX",
}
MIN_TABLE_ROWS = 3  # that are alike, of a table without the name of one
_MARKED_SHARE = 0.9  # of lines that begin as fastText's do

_OBJECT = re.compile(r'\s*(?:\{\s*["}]|\[\s*\{)')
_XML = re.compile(rb"\s*<(?:\?xml|!doctype|html|tmx)\b", re.IGNORECASE)
_SUBTITLES = re.compile(r"(?:WEBVTT.*|\d+)\r?\n(?:.*\n)??\d+:\d\d(?::\d\d)?[,.]\d{3} --> ")
_MAILBOX = re.compile(r"From \S+ .*\d{4}\r?\n[\w-]+: ")
_COLUMN_NAME = re.compile(r"[^\W\d][\w .-]{0,39}")


def format_of(
    file: File, by_name: Format | None, requested: frozenset[str], *, is_text_wanted: bool
) -> DataFormat:
    """Return the format of a file, which ``by_name`` its ending tells.

    Columns that are ``requested`` by name make a table of what has them in its first line. Where
    plain text ``is_text_wanted``, less is taken for a table.

    Raises:
        DataError: the file is empty, or of a kind that cannot be read.
    """
    with open_file(file) as stream:
        head = stream.read(HEAD_BYTES)
    if not head:
        raise DataError(f"{file.name} is empty", "put at least two lines of text into it")
    if head.startswith(b"PAR1") or by_name == "parquet":
        return "parquet"
    require_utf8(head, file.name)
    require_newlines(head, file.name)
    lines = _whole_lines(head)
    if _XML.match(head) and b"<tmx" in head:
        return "tmx"
    if _XML.match(head) and not is_text_wanted:
        raise _markup_error(file.name)
    if _SUBTITLES.match("\n".join(lines)) and not is_text_wanted:
        raise _subtitles_error(file.name)
    if _MAILBOX.match("\n".join(lines)) and not is_text_wanted:
        raise _mailbox_error(file.name)
    if _is_marked(lines):
        return "fasttext"
    # A document over several lines, too, which the reader of lines refuses.
    beginning = lines[0] if is_text_wanted else "\n".join(lines[:2])
    if by_name == "jsonl" or _OBJECT.match(beginning):
        return "jsonl"
    if by_name in (None, "text"):
        return _table_format(lines, requested, is_text_wanted=is_text_wanted) or "text"
    if by_name == "tsv" and "\t" not in lines[0]:
        return _table_format(lines, requested) or "tsv"
    return by_name


def _whole_lines(head: bytes) -> list[str]:
    """Return the filled lines at the beginning of a file, the last one only if it is whole."""
    lines = head.removeprefix(BYTE_ORDER_MARK).split(b"\n")
    if len(head) == HEAD_BYTES and len(lines) > 1:
        del lines[-1]
    texts = [decode(line).removesuffix("\r") for line in lines]
    while len(texts) > 1 and not texts[-1].strip():
        del texts[-1]
    while len(texts) > 1 and not texts[0].strip():
        del texts[0]
    return texts


def _is_marked(lines: list[str]) -> bool:
    """Return whether lines begin with a label of fastText."""
    filled = [line for line in lines if line.strip()]
    marked = sum(line.startswith(FASTTEXT_LABEL) for line in filled)
    return marked >= _MARKED_SHARE * len(filled) > 0


def _table_format(
    lines: list[str], requested: frozenset[str], *, is_text_wanted: bool = False
) -> Format | None:
    """Return the format of lines that are the rows of a table, None if they are plain text.

    Where text is wanted, they are a table only if a column has a usual name of texts.
    """
    tabs = {line.count("\t") for line in lines}
    is_indented = 2 * sum(line.startswith("\t") for line in lines) >= len(lines)
    form: Format = "csv"
    is_whole = True
    if len(lines) > 1 and len(tabs) == 1 and min(tabs) > 0 and not is_indented:
        form = "tsv"
        rows = [line.split("\t") for line in lines]
    else:
        rows, is_whole = _csv_rows(lines)
    if not rows or len(rows[0]) < 2:
        return None
    if is_text_wanted:
        return form if is_whole and find_columns(rows[0], TASKS) else None
    if not is_whole:
        return form if _begins_as_table(rows, requested) else None
    is_table = form == "tsv" or _names_columns(rows, requested) or _has_labels(rows)
    return form if is_table else None


def _csv_rows(lines: list[str]) -> tuple[list[list[str]], bool]:
    """Return the rows of CSV, and whether they are all.

    They are not where one is unlike the first, or where a cell is not closed here: these and what
    follows are left out.
    """
    source = LineSource([line.encode() for line in lines], "the beginning")
    rows: list[list[str]] = []
    try:
        rows.extend(row.cells for row in csv_rows(source, sniff_dialect(lines)) if row.cells)
    except DataError:
        return rows, False
    return rows, True


def _begins_as_table(rows: list[list[str]], requested: frozenset[str]) -> bool:
    """Return whether rows before damage, or before the end of a pipe, are those of a table.

    Lines of plain text may have as many commas by chance, so that names of columns must be usual
    ones.
    """
    names = [cell.strip() for cell in rows[0]]
    tables = [task for task in TASKS if len(TASK_COLUMNS[task]) > 1]
    is_named = not requested.isdisjoint(names) or bool(find_columns(names, tables))
    return is_named or (len(rows) > MIN_TABLE_ROWS and _has_labels(rows))


def _names_columns(rows: list[list[str]], requested: frozenset[str]) -> bool:
    """Return whether the first row names columns."""
    names = [cell.strip() for cell in rows[0]]
    if not requested.isdisjoint(names):
        return True
    tables = [task for task in TASKS if len(TASK_COLUMNS[task]) > 1]
    if find_columns(names, tables) or find_assumed_pair(names):
        return True
    looks_named = all(_COLUMN_NAME.fullmatch(cell) for cell in rows[0])
    return looks_named and (len(rows) > MIN_TABLE_ROWS or bool(find_columns(names, TASKS)))


def _has_labels(rows: list[list[str]]) -> bool:
    """Return whether a column holds labels, and another one texts."""
    columns = [Column("", cells) for cells in zip(*rows, strict=True)]
    return any(column.is_label for column in columns) and any(c.is_text for c in columns)


def _markup_error(where: str) -> DataError:
    return DataError(
        f"{where} is XML or HTML, of which only translation memories (TMX) are read",
        "write what is to be learned as CSV, a row an example, or to learn the markup itself: "
        f"rnncli train {command_argument(where)} --task {TASKS[0]}",
    )


def _subtitles_error(where: str) -> DataError:
    return DataError(
        f"{where} holds subtitles with their times, not plain text",
        filter_hint("keep the lines alone", "grep -vE '^[0-9]+.?$|-->'", where, "lines.txt"),
    )


def _mailbox_error(where: str) -> DataError:
    command = (
        'python3 -c "import mailbox, sys; '
        "[print(*p.get_payload(decode=True).decode('utf-8', 'replace').split()) "
        "for m in mailbox.mbox(sys.argv[1]) for p in m.walk() "
        "if p.get_content_type() == 'text/plain']\" FILE > lines.txt"
    )
    return DataError(
        f"{where} is a mailbox, with the headers and attachments of its messages",
        file_hint("write a message a line", command, where),
    )
