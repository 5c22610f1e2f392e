"""Control characters in data never reach a terminal; in a pipe they stay."""

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import SMALL, classifier, generator, translator, write_lines
from shell import call, on_a_terminal

from rnncli.text.unicode import escape_controls

# Colours, a title, a cleared screen, a bell, a backspace, a carriage return, C1 codes.
EVIL = "a\x1b[31mb\x1b]0;title\x07c\x1b[2Jd\x08e\rf\x9bg\x7fh"
# Of both kinds and the Arabic, overrides and isolates of direction; nothing to see; ends of lines;
# tags that spell a letter.
HIDDEN = "\u202a\u202e\u2066\u2069\u200b\u00ad\u2060\u3164\ufeff\u2028\u2029\U000e0041"


def steers(sent: bytes) -> bool:
    text = re.sub("\r(\x1b\\[1A)?\x1b\\[2K", "", sent.decode())  # of lines that show progress
    codes = ("\x1b[31m", "\x1b]", "\x1b[2J", "\x07", "\x08", "\r", "\x9b")
    return any(code in text for code in (*codes, *HIDDEN))


COMMANDS = {
    "classify": lambda: ["classify", "-m", classifier()],
    "classify as JSON": lambda: ["classify", "-m", classifier(), "--json"],
    "classify and explain": lambda: ["classify", "-m", classifier(), "--explain"],
    "generate": lambda: ["generate", "-m", generator(), "--length", 3],
    "generate twice": lambda: ["generate", "-m", generator(), "--length", 3, "-n", 2],
    "generate --score": lambda: ["generate", "-m", generator(), "--score"],
    "translate": lambda: ["translate", "-m", translator()],
    "translate --attention": lambda: ["translate", "-m", translator(), "--attention"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_control_characters_of_the_input_are_escaped_on_a_terminal(name: str) -> None:
    sent = on_a_terminal(*COMMANDS[name](), stdin=f"{EVIL}{HIDDEN}\n".encode())
    assert sent.strip()
    assert not steers(sent)
    if name in ("classify", "generate"):
        assert "a␛[31mb␛]0;title␇c␛[2Jd␈e␍f" in sent.decode()


def test_in_a_pipe_bytes_pass_as_they_are() -> None:
    result = call("classify", "-m", classifier(), stdin=EVIL.encode() + b"\n")
    assert result.out.decode().endswith(f"\t{EVIL}\n")


def test_control_characters_of_rows_are_escaped(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_bytes(f'text,n\nlovely,"{EVIL}"\n'.encode())
    words = ("classify", "-m", classifier(), "--column", "text", "-i", table)
    assert not steers(on_a_terminal(*words))
    assert EVIL in call(*words).out.decode()


@pytest.mark.slow
def test_control_characters_of_labels_and_columns_are_escaped(tmp_path: Path) -> None:
    label = f"\x1b]0;x\x07\x9b{HIDDEN}[/red]"
    rows = [f"the soup {n} was {word},{word}{label}" for word in ("good", "bad") for n in range(4)]
    data = write_lines(tmp_path / "t.csv", "text,label", *rows)
    model = tmp_path / "m"
    assert not steers(on_a_terminal("train", data, "-o", model, *SMALL, "--steps", 2))
    for words in (
        ["evaluate", model, data],
        ["evaluate", model, data, "--json"],
        ["evaluate", model, data, "--errors", "-", "-q"],
        ["classify", "-m", model, "--only", "\x1b]0;y\x07"],
        ["classify", "-m", model, "soup"],
        ["train", data, "--dry-run"],
        ["train", data, "--dry-run", "--json"],
        ["models", tmp_path],
        ["models", tmp_path, "--json"],
    ):
        sent = on_a_terminal(*words)
        assert sent
        assert not steers(sent)
    odd = write_lines(tmp_path / "odd.csv", "\x1b]0;z\x07,w", "a,b")
    sent = on_a_terminal("train", odd)
    assert b"error: " in sent
    assert not steers(sent)


def is_hidden(character: str) -> bool:
    """Return whether a character changes the order of others, or has no picture."""
    orders = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    return character in HIDDEN or unicodedata.bidirectional(character) in orders


@given(st.text())
def test_control_characters_are_escaped_but_newlines_and_tabs(text: str) -> None:
    seen = escape_controls(text)
    assert len(seen) == len(text)
    for before, after in zip(text, seen, strict=True):
        control = ord(before) < 0x20 or 0x7F <= ord(before) < 0xA0 or is_hidden(before)
        assert after == before if not control or before in "\n\t" else after.isprintable()
