"""The file that ``rnncli label`` writes: a CSV of texts, labels, and what else their table has."""

import re
from collections.abc import Iterable
from itertools import chain, count
from pathlib import Path

HEADER = ("text", "label")


def is_label_file(path: Path) -> bool:
    """Return whether a file begins as such a file does, also as a spreadsheet saves it."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        header = file.readline(64).decode("utf-8-sig", "replace").strip()
    return re.split("[,;\t]", header.replace('"', ""))[: len(HEADER)] == [*HEADER]


def header_with(names: Iterable[str]) -> list[str]:
    """Return the header of a file with other columns, whose names are made to differ."""
    header = [*HEADER]
    for name in names:
        numbered = (f"{name}_{n}" for n in count(2))
        header.append(next(each for each in chain([name], numbered) if each not in header))
    return header
