"""Tell whether the first row of a table names its columns, or is a row like those below it."""

import re
from collections.abc import Iterable, Sequence, Set
from itertools import islice

from rnncli.config import TASK_COLUMNS
from rnncli.data.column_contents import Column
from rnncli.data.column_names import find_columns, is_usual

COMPARED_ROWS = 200
_MAX_NAME_WORDS = 3  # of a column
_MIN_LABELS = 6  # values below a cell, from which on a label would have occurred again
_NAME = re.compile("[a-z][a-z0-9_]*")
_IDENTIFIER = re.compile("[a-z]+[_0-9][a-z0-9_]*")


def is_header(
    first: Sequence[str], rows: Iterable[Sequence[str]], requested: Set[str], *, otherwise: bool
) -> bool:
    """Return whether the first row names columns.

    It does where columns are ``requested`` by names, not by numbers, and where it has the usual
    names of texts and labels or of pairs. Else each cell is compared with those below it;
    ``otherwise`` is the answer for several columns that tell nothing.
    """
    names = [cell.strip() for cell in first]
    if not requested <= {str(number) for number in range(1, len(names) + 1)}:
        return True
    if find_columns(names, [task for task, columns in TASK_COLUMNS.items() if len(columns) > 1]):
        return True
    below = list(zip(*islice(rows, COMPARED_ROWS), strict=False))
    votes = [
        _vote(name, Column(name, cells), is_likely=otherwise)
        for name, cells in zip(names, below, strict=False)
    ]
    balance = sum(votes)
    if otherwise and len(names) > 1:
        return balance >= 0
    return len(set(names)) == len(names) and 2 * balance >= len(votes) > 0


def _vote(name: str, column: Column, *, is_likely: bool) -> int:
    """Return 1 if a cell is unlike those below it, as a name is, -1 if it is like them, else 0.

    Where a header ``is_likely``, a single word in small letters above others is one.
    """
    if not name or not column.values:
        return 0
    if name in column.values:
        return -1
    if column.is_numeric:
        return -1 if Column(name, [name]).is_numeric else 1
    if column.is_identifier and column.has_form_of(name):
        return -1
    if is_usual(name) or (column.is_label and len(column.values) >= _MIN_LABELS):
        return 1
    if column.is_text and (len(name.split()) > _MAX_NAME_WORDS or name[-1] in ".!?"):
        return -1
    looks_named = sum(_NAME.fullmatch(value) is not None for value in column.values)
    if 2 * looks_named >= len(column.values):
        return 0
    return int(bool((_NAME if is_likely else _IDENTIFIER).fullmatch(name)))
