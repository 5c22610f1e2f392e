"""Whether there is enough to learn from, and not too much, and whether labels are labels."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from rnncli.config import MAX_CLASSES, MAX_CONTROL_LENGTH, MAX_CONTROLS
from rnncli.errors import DataError
from rnncli.messages import name_list, plural
from rnncli.text.unicode import latin_lookalike

# Rows of a table: a gigabyte of memory to draw from, and more than is learned from in a night; of
# running text, no rows are drawn. Characters of all rows, which are copied to disk.
MAX_READ = {"rows": 10_000_000, "characters": 1 << 33}
MIN_CHARACTERS = 200  # of plain text in one line, to train on and to hold out
MAX_LABEL_LENGTH = 60  # characters on average, of labels that hardly occur twice
MAX_DISTINCT_SHARE = 0.8  # of labels among more than MIN_ROWS rows
MIN_ROWS = 20
LABELS_SHOWN, LABEL_SHOWN = 5, 40  # in a message; characters of each


def require_rows(where: str, usable: int, at_least: int) -> None:
    """Check that so many rows hold a text.

    Raises:
        DataError: there are fewer.
    """
    if usable < at_least:
        if usable:
            what = f"has only one usable row, and {at_least} are needed at least"
        else:
            what = "is empty: there is nothing usable in it"
        raise DataError(f"{where} {what}", "put more rows into it")


def require_readable(
    where: str, rows: int, characters: int = 0, *, is_running_text: bool = False
) -> None:
    """Check that a table is not too large to be read; its ``rows`` may be an estimate.

    Raises:
        DataError: it is.
    """
    has_many_rows = rows > MAX_READ["rows"] and not is_running_text
    if not has_many_rows and characters <= MAX_READ["characters"]:
        return
    what = "rows" if has_many_rows else "characters"
    limit = f"{MAX_READ[what]:,} {what}"
    raise DataError(
        f"{where} has more than {limit}, the most that are read",
        "write a part of it into another file, such as every tenth row",
    )


def require_classes(where: str, column: str, counts: Mapping[str, int]) -> None:
    """Check that labels, counted in ``counts``, tell texts apart.

    Raises:
        DataError: all are the same, or there are so many that they look like texts.
    """
    labels, rows = list(counts), sum(counts.values())
    hint = "is it the right column? --label COLUMN"
    if len(labels) == 1:
        raise DataError(
            f"{where} has one class only: every label is {labels[0][:LABEL_SHOWN]!r}",
            f"a classifier needs two at least; {hint}",
        )
    if len(labels) > MAX_CLASSES:
        raise _too_many_labels(where, column, len(labels), MAX_CLASSES, hint)
    length = sum(map(len, labels)) / max(1, len(labels))
    if length > MAX_LABEL_LENGTH and len(labels) > rows / 2:
        raise DataError(
            f"{where}: the labels in the column {column} are as long as texts, "
            f"{length:.0f} characters on average: {labels[0][:LABEL_SHOWN]}...",
            hint,
        )
    if len(labels) > MIN_ROWS and len(labels) > MAX_DISTINCT_SHARE * rows:
        raise DataError(
            f"{where}: {len(labels):,} labels for {plural(rows, 'text')} in the column {column}, "
            f"such as {name_list(labels[:3])}: there is nothing to learn from",
            hint,
        )


def require_controls(where: str, column: str, counts: Mapping[str, int]) -> None:
    """Check the labels of a control column.

    Raises:
        DataError: there is one label only, or it looks like a column of texts.
    """
    labels, hint = sorted(counts), "is it the right column? --control COLUMN"
    if len(labels) == 1:
        raise DataError(f"{where}: every {column} is {labels[0][:MAX_CONTROL_LENGTH]!r}", hint)
    if len(labels) > MAX_CONTROLS:
        raise _too_many_labels(where, column, len(labels), MAX_CONTROLS, hint)
    if long := next((label for label in labels if len(label) > MAX_CONTROL_LENGTH), None):
        raise DataError(
            f"{where}: in the column {column} a label has {len(long):,} characters, "
            f"more than {MAX_CONTROL_LENGTH}: {long[:40]}...",
            hint,
        )


def _too_many_labels(where: str, column: str, number: int, limit: int, hint: str) -> DataError:
    return DataError(
        f"{where}: the column {column} has {number:,} labels, more than {limit:,}", hint
    )


def similar_labels(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield a warning where labels differ in ways that are hardly meant."""
    groups: dict[str, list[str]] = {}
    for label in counts:
        groups.setdefault(_folded(label), []).append(label)
    similar = [group for group in groups.values() if len(group) > 1]
    if similar:
        examples = [
            " and ".join(f"{_spelled(label, group)} ({counts[label]:,})" for label in group)
            for group in similar
        ]
        yield (
            f"similar labels: {'; '.join(examples[:LABELS_SHOWN])}"
            f"{'; ...' if len(examples) > LABELS_SHOWN else ''} differ in case, spaces, "
            "invisible characters, letters that look alike or the spelling of a number alone, and "
            "are learned as different ones: spell them alike if they are the same"
        )


def _spelled(label: str, group: Sequence[str]) -> str:
    """Return a label in quotation marks, and the script of what makes it look like another one."""
    shown = repr(label[:LABEL_SHOWN])
    for character in label:
        is_foreign = latin_lookalike(character) != character.casefold()
        if is_foreign and any(character not in other for other in group):
            return f"{shown} with {unicodedata.name(character)}"
    return shown


def _folded(label: str) -> str:
    """Return a label without case, spaces and invisible characters; numbers as numbers."""
    folded = latin_lookalike(unicodedata.normalize("NFKC", label))
    try:
        return str(float(folded))
    except ValueError:
        return "".join(
            c for c in folded if unicodedata.category(c)[0] not in "CZ" and c not in "-_"
        )
