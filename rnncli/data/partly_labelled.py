"""Texts in memory with their labels, of which some may be missing."""

from collections.abc import Sequence
from dataclasses import dataclass

from rnncli.config import TASK_COLUMNS
from rnncli.data.cleaning import loss_notices, partly_labelled_rows
from rnncli.data.columns import Columns, choose
from rnncli.data.limits import require_rows
from rnncli.data.locate import locate
from rnncli.messages import stage

LABELLED_TASK = next(task for task, names in TASK_COLUMNS.items() if names == ("text", "label"))


@dataclass(frozen=True)
class PartlyLabelled:
    """Texts with their labels, empty ones where there is none."""

    texts: list[str]
    labels: list[str]
    lines: list[int]  # the number of the first line of each text
    notices: tuple[str, ...]  # what was chosen or left out without being asked


def read_labelled_texts(data: Sequence[str], columns: Columns) -> PartlyLabelled:
    """Read the texts and labels of a table; rows without a label are kept.

    Raises:
        DataError: the data is missing or malformed, or nothing tells which columns are meant.

    """
    source = locate(data, columns, LABELLED_TASK, None)
    table = source.tables.get("train", next(iter(source.tables.values())))
    choice = choose(table, LABELLED_TASK, columns, source.known_columns)
    with stage(f"reading {table.where}"):
        rows = list(partly_labelled_rows(table, choice.columns["text"], choice.columns["label"]))
    require_rows(table.where, len(rows), 1)
    lines, texts, labels = (list(column) for column in zip(*rows, strict=True))
    notices = (*source.notices, *table.notices, *choice.notices, *loss_notices(table.losses))
    return PartlyLabelled(texts, labels, lines, notices)
