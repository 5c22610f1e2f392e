"""Text on a terminal breaks between words; in a pipe it stays as it is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import generator
from rich.cells import cell_len
from shell import call, on_a_terminal

from rnncli.cli.wrapping import GrowingText

COLUMNS = 80  # of the terminal of tests
PROMPT = "The harbour lights were already burning when the last ferry came home. " * 2


def shown(sent: str) -> list[str]:
    """Return the rows of a terminal; a code takes the cursor back, and erases what follows."""
    text = ""
    for piece, columns in re.findall(r"([^\x1b]+)(?:\x1b\[(\d+)D\x1b\[K)?", sent):
        text += piece
        size = cell_len(text) - int(columns or 0)
        while cell_len(text) > size:
            text = text[:-1]
    return text.split("\n")


@pytest.mark.parametrize("n", [1, 2])
def test_on_a_terminal_samples_break_between_words(n: int) -> None:
    words = ("generate", "-m", generator(), "--length", 9, "--seed", 1, "-n", n, PROMPT)
    rows = shown(on_a_terminal(*words).decode())
    assert not [row for row in rows if cell_len(row.rstrip()) >= COLUMNS]
    assert " ".join(rows).split() == call(*words).out.decode().split()


@given(st.lists(st.text("ab 漢\n", max_size=9)), st.integers(4, 9))
def test_a_text_that_grows_shows_rows_that_fit(pieces: list[str], width: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width + 1))
        text = GrowingText()
        rows = shown("".join(map(text.add, pieces)))
    whole = "".join(pieces)
    longest = max(map(cell_len, re.findall(r"[ab]+", whole)), default=0)
    assert all(cell_len(row.rstrip(" ")) <= max(width, longest) for row in rows)
    assert "".join("".join(rows).split()) == "".join(whole.split())
    for word in re.findall(r"[ab]+", whole):
        assert any(word in row for row in rows)


def test_a_number_and_its_per_cent_sign_stay_in_one_row() -> None:
    start = "error: no such file: "
    for size in range(COLUMNS - len(start) - 3, COLUMNS - len(start) + 1):
        rows = shown(on_a_terminal("classify", "-i", f"{'a' * (size - 3)} 50 % off").decode())
        assert any("50 %" in row for row in rows), rows
