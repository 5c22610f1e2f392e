"""The file that ``rnncli label`` writes: a CSV of texts and labels."""

import re
from itertools import count
from pathlib import Path
from shlex import quote

HEADER = ("text", "label")


def is_label_file(path: Path) -> bool:
    """Return whether a file begins as such a file does, also as a spreadsheet saves it."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        header = file.readline(64).decode("utf-8-sig", "replace").strip()
    return re.split("[,;\t]", header.replace('"', "")) == [*HEADER]


def free_output(path: Path) -> str:
    """Return the option that names a file beside one, which is not there yet."""
    names = (path.with_name(f"{path.stem}-{n}{path.suffix}") for n in count(2))
    return f"-o {quote(str(next(name for name in names if not name.exists())))}"
