"""Texts in memory with their labels, of which some may be missing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnncli.config import TASK_COLUMNS
from rnncli.data.cleaning import loss_notices, partly_labelled_rows
from rnncli.data.column_names import find_columns
from rnncli.data.columns import PLAIN_TEXT, Columns, choose
from rnncli.data.limits import require_rows
from rnncli.data.locate import locate
from rnncli.data.tables import DataSource, Table
from rnncli.data.text_tables import TextFolder
from rnncli.errors import DataError
from rnncli.messages import did_you_mean, plural, stage

LABELLED_TASK = next(task for task, names in TASK_COLUMNS.items() if names == ("text", "label"))
TEXT_TASK = next(task for task, names in TASK_COLUMNS.items() if names == PLAIN_TEXT)


TextRows = Iterator[tuple[str, Sequence[str]]]  # the text of each row, and its cells


@dataclass(frozen=True)
class OtherColumns:
    """The columns of a table beside its texts and labels, which are read when asked."""

    names: Sequence[str]
    rows: Callable[[], TextRows]


@dataclass(frozen=True)
class PartlyLabelled:
    """Texts with their labels, empty ones where there is none."""

    texts: list[str]
    labels: list[str]
    lines: list[int]  # the number of the first line of each text
    others: OtherColumns
    notices: tuple[str, ...] = ()  # what was chosen or left out without being asked


def read_labelled_texts(data: Sequence[str], columns: Columns) -> PartlyLabelled:
    """Read the texts and labels of a table; rows without a label are kept.

    Raises:
        DataError: the data is missing or malformed, or nothing tells which columns are meant.

    """
    source = locate(data, columns, LABELLED_TASK, None)
    table = _first_table(source)
    choice = choose(table, LABELLED_TASK, columns, source.known_columns)
    return _read(source, table, choice.columns["text"], choice.columns["label"], choice.notices)


def read_texts(data: Sequence[str], columns: Columns) -> PartlyLabelled:
    """Read the texts of a table or of plain text, and the labels that they have already.

    A column of labels is read where it is named, or where its name is a usual one. A name that no
    column has means that there are no labels yet. Of a folder without folders in it, each file is
    a text.

    Raises:
        DataError: the data is missing or malformed, or nothing tells which column is meant.

    """
    if (folder := _text_folder(data)) is not None:
        source = DataSource(folder.where, {"train": folder}, "")
        return _read(source, folder, "text", None, (f"texts: {plural(len(folder.files), 'file')}",))
    source = locate(data, columns, None, None)
    table = _first_table(source)
    if table.is_plain_text:
        return _read(source, table, "text", None, ())
    if columns.label is not None and columns.label.casefold() not in map(str.casefold, table.names):
        if hint := did_you_mean(columns.label, table.names):
            raise DataError(f"{table.where} has no column {columns.label!r}", hint)
        columns = Columns(text=columns.text)
        has_labels = False
    else:
        has_labels = bool(find_columns(table.names, [LABELLED_TASK], columns.as_dict()))
    task = LABELLED_TASK if has_labels else TEXT_TASK
    names = choose(table, task, columns, source.known_columns if has_labels else {}).columns
    text, label = names["text"], names.get("label")
    labels = f"labels so far: the column {label}" if label else "labels: none so far"
    notice = f"texts: the column {text}; {labels} (--text and --label name others)"
    return _read(source, table, text, label, (notice,))


def _text_folder(data: Sequence[str]) -> TextFolder | None:
    if len(data) != 1 or not (path := Path(data[0])).is_dir():
        return None
    folder = TextFolder(path)
    return folder if folder.files and not any(map(Path.is_dir, path.iterdir())) else None


def _first_table(source: DataSource) -> Table:
    return source.tables.get("train", next(iter(source.tables.values())))


def _read(
    source: DataSource, table: Table, text: str, label: str | None, notices: Sequence[str]
) -> PartlyLabelled:
    texts: list[str] = []
    labels: list[str] = []
    lines: list[int] = []
    with stage(f"reading {table.where}"):
        for number, found, name, _ in partly_labelled_rows(table, text, label):
            texts.append(found)
            labels.append(name)
            lines.append(number)
    require_rows(table.where, len(texts), 1)
    notices = (*source.notices, *table.notices, *notices, *loss_notices(table.losses))
    return PartlyLabelled(texts, labels, lines, _other_columns(table, text, label), notices)


def _other_columns(table: Table, text: str, label: str | None) -> OtherColumns:
    names = () if table.is_plain_text else table.readable_names
    names = tuple(name for name in names if name not in (text, label))

    def rows() -> TextRows:
        for _, found, _, cells in partly_labelled_rows(table, text, label, names):
            yield found, cells

    return OtherColumns(names, rows)


def joined(texts: Sequence[str], tables: Sequence[PartlyLabelled]) -> OtherColumns:
    """Return the other columns of several tables for each of some texts, from the first with it."""
    cells: dict[str, dict[str, str]] = {}
    for table in tables:
        for text, row in table.others.rows():
            known = cells.setdefault(text, {})
            cells[text] = dict(zip(table.others.names, row, strict=True)) | known
    names = list(dict.fromkeys(name for table in tables for name in table.others.names))
    return OtherColumns(
        names, lambda: ((text, [cells[text].get(name, "") for name in names]) for text in texts)
    )
