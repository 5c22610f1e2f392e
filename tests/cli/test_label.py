"""Labels that a person gives at a terminal: keys through a terminal, and what is kept of them."""

import csv
import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from feedback import MESSAGES as TEXTS
from feedback import label_of
from models import SMALL, write_lines
from shell import TIMEOUT, Result, call, explained, rnncli, start_in_session

_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Screen:
    """A terminal, and the command that asks at it."""

    def __init__(self, device: int, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self._device = device
        self._sent = b""
        self._pages = 0

    def page(self) -> str:
        """Wait for a page that was not seen before, and return it."""
        while self._sent.count(b"\x1b[J") <= self._pages:
            self._read()
        self._pages = self._sent.count(b"\x1b[J")
        page = self._sent.rpartition(b"\x1b[J")[0].rpartition(b"\x1b[H")[2]
        return _CODES.sub("", page.decode()).replace("\r", "")

    def page_with(self, words: str, keys: str = "") -> str:
        """Press keys, and wait for a page with some words."""
        self.type(keys)
        while words not in (page := self.page()):
            pass
        return page

    def press(self, keys: str) -> str:
        """Press keys, and return the next page."""
        self.type(keys)
        return self.page()

    def type(self, keys: str) -> None:
        os.write(self._device, keys.encode())

    def label(self, number: int) -> list[tuple[str, str]]:
        """Label texts with 1 for praise and 2 for a defect; return them with their labels."""
        answers = []
        page = self.page()
        for _ in range(number):
            text = text_of(page)
            answers.append((text, label_of(text)))
            page = self.page_without(text, "1" if label_of(text) == "praise" else "2")
        return answers

    def page_without(self, text: str, key: str) -> str:
        """Press a key, and wait for a page with another text."""
        page = self.press(key)
        while text_of(page) == text:  # a model has learned meanwhile
            page = self.page()
        return page

    def end(self, keys: str = "q") -> tuple[int, str]:
        """End by a key; return the exit code, and what is on the terminal afterwards."""
        self.type(keys)
        try:
            while self._read():
                pass
        except OSError:  # the other side is closed
            pass
        code = self.process.wait(TIMEOUT)
        return code, _CODES.sub("", self._sent.rpartition(b"\x1b[?1049l")[2].decode())

    def _read(self) -> bytes:
        ready, _, _ = select.select([self._device], [], [], TIMEOUT)
        assert ready, self._sent
        data = os.read(self._device, 1 << 16)
        self._sent += data
        return data


def text_of(page: str) -> str:
    """Return the text that a page asks about."""
    return next(line for line in page.split("\n") if line in TEXTS)


@contextmanager
def label(
    folder: Path, *arguments: object, stdin: int | None = None, width: int = 80, height: int = 24
) -> Iterator[Screen]:
    """Run ``rnncli label`` at a terminal."""
    import fcntl
    import struct
    import termios

    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    process = start_in_session(
        terminal,
        *("label", *arguments),
        stdin=terminal if stdin is None else stdin,
        stderr=terminal,
        cwd=folder,
        env={"TERM": "xterm"},
    )
    os.close(terminal)
    with process:
        try:
            yield Screen(screen, process)
        finally:
            process.kill()
            os.close(screen)


def read(path: Path, *others: str) -> list[tuple[str, ...]]:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = map(tuple, csv.reader(file))
    assert header == ("text", "label", *others)
    return rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_lines(tmp_path / "texts.txt", *TEXTS)
    return tmp_path


WORDS = ("texts.txt", "--labels", "praise,defect")


def test_texts_are_labelled_by_keys(folder: Path) -> None:
    before = (folder / "texts.txt").read_bytes()
    with label(folder, *WORDS) as screen:
        answers = screen.label(30)
        code, said = screen.end()
    assert code == 0
    assert sorted(read(folder / "labelled.csv")) == sorted(answers)
    assert "labelled.csv: 30 labels" in said
    assert "next: rnncli train labelled.csv" in said
    assert (folder / "texts.txt").read_bytes() == before
    assert {path.name for path in folder.iterdir()} == {"texts.txt", "labelled.csv"}


def test_keys_answer_skip_undo_and_name_labels(folder: Path) -> None:
    with label(folder, *WORDS) as screen:
        first = text_of(screen.page())
        second = text_of(screen.page_without(first, "p"))  # the first letter of praise
        third = text_of(screen.page_without(second, "s"))
        screen.page_without(third, "2")
        for text in (third, second, first):
            screen.page_with(text, "u")
        screen.page_with("nothing to take back", "u")
        screen.page_with("no label has this key", "z")
        screen.page_with("takes the last answer back", "?")
        screen.page_with(first, "q")  # closes the help
        screen.page_with("label: spamm_", "nspammers\x7f\x7f\x7f")
        screen.page_with("spam has the key 3, since s is skip", "\x7f\r")
        screen.page_with("3  spam 1", "?x")
        code, said = screen.end()
    assert code == 0
    assert read(folder / "labelled.csv") == [(first, "spam")]
    assert "a classifier needs 2 different labels" in said


def test_the_help_fits_the_width_of_the_terminal(folder: Path) -> None:
    with label(folder, *WORDS, width=40) as screen:
        screen.label(6)
        page = screen.page_with("any key", "?")
        assert "at least 10 are better" in " ".join(page.split())
        assert "a model of all other labels." in " ".join(page.split())
        screen.end("xq")


def test_a_suggestion_is_taken_by_enter(folder: Path) -> None:
    with label(folder, *WORDS) as screen:
        screen.label(12)
        page = screen.page_with("Enter  ", "?x")
        text = text_of(page)
        (suggested,) = re.findall(r"Enter  (praise|defect)  \d+ %", page)
        screen.page_without(text, "\r")
        screen.end()
    assert dict(read(folder / "labelled.csv"))[text] == suggested


def test_killed_after_each_key_nothing_is_lost_or_twice(folder: Path) -> None:
    expected: list[tuple[str, str]] = []
    for _ in range(2):
        with label(folder, *WORDS) as screen:
            expected += screen.label(4)
            screen.process.send_signal(signal.SIGKILL)
    with (folder / "labelled.csv.journal").open("a") as journal:
        journal.write('{"text": "half of a li')  # the power failed
    with label(folder, *WORDS) as screen:
        assert "8 labels of 60" in screen.page()
        for text, _ in reversed(expected[-3:]):  # also answers of processes before
            screen.page_with(text, "u")
        assert screen.end()[0] == 0
    assert sorted(read(folder / "labelled.csv")) == sorted(expected[:-3])
    assert not (folder / "labelled.csv.journal").exists()
    with label(folder, *WORDS) as screen:
        expected = expected[:-3] + screen.label(2)
        screen.end()
    assert sorted(read(folder / "labelled.csv")) == sorted(expected)


def test_ctrl_c_keeps_the_answers(folder: Path) -> None:
    with label(folder, *WORDS) as screen:
        screen.label(3)
        code, said = screen.end("\x03")
    assert code == 130
    assert "labelled.csv.journal" in said
    with label(folder, *WORDS) as screen:
        assert "3 labels of 60" in screen.page()


def test_only_one_process_writes_a_file_of_labels(folder: Path) -> None:
    with label(folder, *WORDS) as screen:
        screen.page()
        with label(folder, *WORDS) as other:
            code, said = other.end("")
    assert code == 1
    assert "another rnncli label" in said


def test_labels_and_columns_that_texts_have_are_kept(folder: Path) -> None:
    rows = [f"{n},{text},{label_of(text) if n < 20 else ''}" for n, text in enumerate(TEXTS)]
    write_lines(folder / "tickets.csv", "id,body,label", *rows)
    with label(folder, "tickets.csv", "-o", "out.csv") as screen:
        page = screen.page_with("20 labels of 60")
        assert "1 p  praise 20" in page
        assert text_of(page) not in TEXTS[:20]
        screen.page_with("21 labels", "ndefect\r")
        screen.end()
    kept = read(folder / "out.csv", "id")
    assert kept[:20] == [(text, label_of(text), str(n)) for n, text in enumerate(TEXTS[:20])]
    assert len(kept) == 21
    assert all(TEXTS[int(number)] == text for text, _, number in kept)
    result = call("label", "texts.txt", "--suggest", 1, "-o", "out.csv", cwd=folder)
    assert explained(result, 1, "columns that the data has not: id") == (
        "rnncli label texts.txt --suggest 1 -o out-2.csv"
    )
    with label(folder, "tickets.csv", "-o", "out.csv") as screen:
        screen.page_with("21 labels of 60")
        screen.end()
    assert read(folder / "out.csv", "id") == kept
    with label(folder, "tickets.csv", "--label", "verdict", "-o", "new.csv") as screen:
        assert "0 labels of 60" in screen.page()


def test_texts_from_a_pipe_leave_the_keys_to_the_terminal(folder: Path) -> None:
    with (
        (folder / "texts.txt").open("rb") as pipe,
        label(folder, "-", "--labels", "praise,defect", stdin=pipe.fileno()) as screen,
    ):
        answers = screen.label(2)
        assert screen.end()[0] == 0
    assert sorted(read(folder / "labelled.csv")) == sorted(answers)


def test_a_long_text_is_scrolled_and_no_line_is_too_long(folder: Path) -> None:
    words = " ".join(f"word{n}" for n in range(400))
    write_lines(folder / "long.txt", words, f"{words} again")
    with label(folder, "long.txt", "--labels", "a,b", width=60, height=20) as screen:
        page = screen.page_with("lines 1 to 12 of ")
        assert "word0 " in page
        assert len(page.split("\n")) == 20
        assert max(map(len, page.split("\n"))) <= 60
        (total,) = map(int, re.findall(r"lines 1 to 12 of (\d+); arrows scroll", page))
        assert "word0 " not in screen.page_with("lines 11 to 22", "\x1b[6~")
        page = screen.page_with(f"lines {total - 11} to {total}", "\x1b[6~" * 9)
        assert "word399" in page
        screen.page_with(f"lines {total - 12} to {total - 1}", "\x1b[A")


def test_the_command_that_is_printed_trains(folder: Path) -> None:
    with label(folder, *WORDS, "--json") as screen:
        screen.label(20)
        code, said = screen.end()
        assert screen.process.stdout is not None
        fields = json.loads(screen.process.stdout.read())
    assert code == 0
    assert sum(fields["labels"].values()) == 20
    (words,) = re.findall(r"next: rnncli (.+?)\r", said)
    result = call(*words.split(), *SMALL, "--steps", 1, cwd=folder)
    assert result.code == 0, result.err
    with label(folder, *WORDS) as screen:
        screen.page()
        assert "next: rnncli train labelled.csv -o models/labelled\r" in screen.end()[1]


def test_odd_texts_are_read_again_as_they_were(folder: Path) -> None:
    odd = ['say \\"no\\", he said', 'a "b", c', "a;b;c", "tab\there", "'", "=1+1", "  two  ", "\\"]
    odd += ["line\nbreak", "return\rhere", "naïve 日本語 \U0001f600", "NA", "text,label", "#", '""']
    rows = [json.dumps({"text": text}) for text in odd]
    write_lines(folder / "odd.jsonl", *rows)
    for keys in ("1" * len(odd), ""):
        with label(folder, "odd.jsonl", "--labels", "a,b") as screen:
            if keys:  # else all texts have a label
                screen.page()
            code, said = screen.end(keys)
        assert code == 0, said
        assert read(folder / "labelled.csv") == [(text, "a") for text in odd]


def without_a_terminal(folder: Path, *arguments: object) -> Result:
    return rnncli("label", *arguments, cwd=folder, start_new_session=True)


def test_rows_are_suggested_without_a_terminal(folder: Path) -> None:
    result = without_a_terminal(folder, "texts.txt", "--suggest", 4)
    assert result.code == 0
    rows = list(csv.DictReader(result.lines))
    assert len(rows) == 4
    assert all(TEXTS[int(row["line"]) - 1] == row["text"] and not row["label"] for row in rows)
    write_lines(
        folder / "labelled.csv", "text,label", *(f"{t},{label_of(t)}" for t in TEXTS[20:40])
    )
    result = call("label", "texts.txt", "--suggest", 40, "--json", cwd=folder)
    found = [json.loads(line) for line in result.lines]
    assert {each["text"] for each in found} == {*TEXTS[:20], *TEXTS[40:]}
    assert sum(each["likely_label"] == label_of(each["text"]) for each in found) >= 38


def test_each_file_of_a_folder_is_a_text(folder: Path) -> None:
    (folder / "tickets").mkdir()
    for number, text in enumerate(TEXTS):
        write_lines(folder / "tickets" / f"{number}.txt", text)
    result = call("label", "tickets", "--suggest", 3, cwd=folder)
    found = list(csv.DictReader(result.lines))
    assert len(found) == 3
    assert {each["text"] for each in found} < {*TEXTS}


def test_what_cannot_be_is_explained(folder: Path) -> None:
    hint = explained(without_a_terminal(folder, *WORDS), 2, "need a terminal")
    assert hint == "rnncli label texts.txt --labels praise,defect --suggest 20"
    write_lines(folder / "labelled.csv", "text,label", "another text,a")
    for words, code, said in (
        (["texts.txt", "--suggest", 1], 1, "other texts"),
        (["labelled.csv", "--suggest", 1], 1, "never written to"),
        (["texts.txt", "--suggest", 1, "-o", "a.jsonl"], 1, "CSV"),
        (["texts.txt", "--suggest", 1, "-o", "no/a.csv"], 1, "does not exist"),
        (["texts.txt", "--suggest", 1, "-o", "table.csv"], 1, "no file of labels"),
        (["texts.txt", "--labels", "a,NA", "-o", "a.csv"], 2, "missing value"),
        (["texts.txt", "--review", "--suggest", 1, "-o", "a.csv"], 2, "do not go together"),
        (["texts.txt", "--merge", "-o", "a.csv"], 2, "two people"),
    ):
        write_lines(folder / "table.csv", "a,b", "1,2")
        explained(call("label", *words, cwd=folder), code, said)
    assert (folder / "labelled.csv").read_text() == "text,label\nanother text,a\n"


def test_labels_of_other_texts_are_neither_continued_nor_replaced(folder: Path) -> None:
    labelled = write_lines(folder / "labelled.csv", "text,label", f"{TEXTS[0]},praise", "other,a")
    before = labelled.read_bytes()
    write_lines(folder / "labelled-2.csv", "text,label", "another text,a")
    result = call("label", "texts.txt", "--suggest", 1, cwd=folder)
    hint = explained(result, 1, "1 of its 2 texts")
    assert hint == "rnncli label texts.txt --suggest 1 -o labelled-3.csv"
    assert call(*shlex.split(hint)[1:], cwd=folder).code == 0
    hint = explained(call("classify", "a", "-o", labelled, cwd=folder), 1, "exists already")
    assert hint == f"rnncli classify a -o {folder / 'labelled-3.csv'}"
    assert labelled.read_bytes() == before


def test_the_labels_of_two_people_are_joined(folder: Path) -> None:
    rows = [f"{text},{label_of(text)}" for text in TEXTS]
    other = [*rows[:50], *(row.replace("defect", "praise") for row in rows[50:52])]
    write_lines(folder / "a.csv", "text,label", *rows)
    others = (f"{row},{n}" for n, row in enumerate([*other, "a text of b,defect"]))
    write_lines(folder / "b.csv", "text,label,id", *others)
    result = without_a_terminal(folder, "--merge", "a.csv", "b.csv", "--json")
    assert result.code == 0, result.err
    fields = json.loads(result.out)
    # Of 52 texts 50 alike; by chance 30 and 22 of 52, and 32 and 20 of 52.
    chance = (30 * 32 + 22 * 20) / 52**2
    assert (fields["both"], fields["alike"]) == (52, 50)
    assert fields["kappa"] == pytest.approx((50 / 52 - chance) / (1 - chance), abs=1e-4)
    assert "2 texts left out" in result.err
    merged = read(folder / "merged.csv", "id")
    assert len(merged) == 59
    assert ("a text of b", "defect", "52") in merged
    with label(folder, "--merge", "a.csv", "b.csv") as screen:
        page = screen.page()
        assert text_of(page) == TEXTS[50]
        assert "a.csv: defect" in page
        assert "b.csv: praise" in page
        assert text_of(screen.press("d")) == TEXTS[51]
        screen.type("p")
        assert screen.end("")[0] == 0  # there is no other difference
    labels = {text: name for text, name, _ in read(folder / "merged.csv", "id")}
    assert (labels[TEXTS[50]], labels[TEXTS[51]]) == ("defect", "praise")
    assert len(labels) == 61


def test_labels_that_are_probably_wrong_are_reviewed(folder: Path) -> None:
    labels = [label_of(text) for text in TEXTS]
    labels[3], labels[40] = "defect", "praise"
    rows = [f"{text},{name}" for text, name in zip(TEXTS, labels, strict=True)]
    write_lines(folder / "data.csv", "text,label", *rows, f"{TEXTS[0]},defect")
    with label(folder, "data.csv", "--review") as screen:
        page = screen.page_with("0 of 3 texts")
        assert text_of(page) == TEXTS[0]
        assert "labels so far: praise (1), defect (1)" in page
        assert "label so far: " in screen.press("1")
        screen.process.send_signal(signal.SIGKILL)
    with label(folder, "data.csv", "--review") as screen:
        corrected = text_of(screen.page_with("0 of 2 texts"))
        kept = text_of(screen.press("\r"))
        screen.type("s")
        assert screen.end("")[0] == 0
    reviewed = read(folder / "labelled.csv")
    assert {corrected, kept} == {TEXTS[3], TEXTS[40]}
    assert dict(reviewed)[corrected] == label_of(corrected)
    assert dict(reviewed)[kept] != label_of(kept)
    assert reviewed.count((TEXTS[0], "praise")) == 2
    assert len(reviewed) == 61
