"""The file that ``rnncli label`` writes: a CSV of texts and labels."""

import re
from pathlib import Path

HEADER = ("text", "label")


def is_label_file(path: Path) -> bool:
    """Return whether a file begins as such a file does, also as a spreadsheet saves it."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        header = file.readline(64).decode("utf-8-sig", "replace").strip()
    return re.split("[,;\t]", header.replace('"', "")) == [*HEADER]
