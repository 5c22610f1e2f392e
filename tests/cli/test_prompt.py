"""Commands at a terminal, with typed texts."""

import os
import pty
import re
import select
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import pytest
from models import classifier, generator, translator
from shell import TIMEOUT, call, read_line, start_in_session

pytest.importorskip("readline")

COMMANDS: dict[str, Callable[[], list[object]]] = {
    "classify": lambda: ["classify", "-m", classifier()],
    "generate": lambda: ["generate", "-m", generator(), "--length", 3, "--temperature", 0],
    "translate": lambda: ["translate", "-m", translator(), "--beam", 2],
}
every_command = pytest.mark.parametrize("name", COMMANDS)

PROMPT = re.compile(rb"(\A|(?<=\n))> ")  # at the beginning of a line, and no editor's redrawing
UP, BACKSPACE, CTRL_A, CTRL_C, CTRL_D = b"\x1b[A", b"\x7f", b"\x01", b"\x03", b"\x04"


class Terminal:
    """A terminal, and the command that runs in it; its results go to a pipe."""

    def __init__(self, device: int, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self._shown = b""
        self._device = device
        self._seen = 0  # so much of the screen

    @property
    def screen(self) -> bytes:
        """Return the screen, without the escape codes of bracketed paste."""
        return re.sub(rb"\x1b\[\?2004[hl]\r?", b"", self._shown)

    def type(self, keys: bytes) -> None:
        os.write(self._device, keys)

    def type_at_prompt(self, keys: bytes) -> None:
        """Wait for the next prompt, at which keys mean what they mean to the line editor."""
        while (found := PROMPT.search(self.screen, self._seen)) is None:
            self._look()
        self._seen = found.end()
        if CTRL_C in keys:  # Python's editor misses one that comes while it turns to the keyboard
            sleep(0.3)
        self.type(keys)

    def look(self) -> bytes:
        """Return all that has been on the screen."""
        while select.select([self._device], [], [], 0)[0]:
            self._look()
        return self.screen

    def _look(self) -> None:
        ready, _, _ = select.select([self._device], [], [], TIMEOUT)
        assert ready, self.screen
        self._shown += os.read(self._device, 1_000)

    def answer(self) -> str:
        return read_line(self.process).decode().removesuffix("\n")

    def ended(self) -> tuple[int, bytes]:
        """Wait for the end; return the exit code and what is left on stdout."""
        code = self.process.wait(TIMEOUT)
        assert self.process.stdout is not None
        return code, self.process.stdout.read()


@contextmanager
def at_a_terminal(home: Path, *arguments: object, stderr: int | None = None) -> Iterator[Terminal]:
    """Start a command at a terminal, with its state in ``home``."""
    keyboard, device = pty.openpty()
    try:
        with start_in_session(
            device,
            *arguments,
            stdin=device,
            stderr=device if stderr is None else stderr,
            env={"XDG_STATE_HOME": str(home), "TERM": "xterm", "INPUTRC": os.devnull},
        ) as process:
            try:
                yield Terminal(keyboard, process)
            finally:
                process.kill()
    finally:
        os.close(keyboard)
        os.close(device)


@every_command
def test_each_line_that_is_typed_is_answered_until_ctrl_d(name: str, tmp_path: Path) -> None:
    texts = ["the soup was lovely", "", "the cat sleeps"]
    expected = call(*COMMANDS[name](), stdin="".join(t + "\n" for t in texts).encode()).out
    answers = b""
    with at_a_terminal(tmp_path, *COMMANDS[name]()) as terminal:
        for text in texts:
            terminal.type_at_prompt(text.encode() + b"\n")
            answers += read_line(terminal.process)
        terminal.type_at_prompt(CTRL_D)
        assert terminal.ended() == (0, b"")
    assert answers == expected


@every_command
def test_the_prompt_goes_to_stderr_and_not_to_stdout(name: str, tmp_path: Path) -> None:
    with at_a_terminal(tmp_path, *COMMANDS[name](), stderr=subprocess.PIPE) as terminal:
        terminal.type(b"the cat sleeps\n")
        assert not terminal.answer().startswith(">")
        terminal.type(CTRL_D)
        assert terminal.ended() == (0, b"")
        assert terminal.process.stderr is not None
        assert terminal.process.stderr.read() == b"> > \n"


@every_command
def test_ctrl_c_ends_the_command_silently(name: str, tmp_path: Path) -> None:
    with at_a_terminal(tmp_path, *COMMANDS[name]()) as terminal:
        terminal.type_at_prompt(b"the cat sleeps\n")
        assert terminal.answer()
        terminal.type_at_prompt(b"half a li" + CTRL_C)
        assert terminal.ended() == (130, b"")
        shown = terminal.look()
    shown = shown.replace(b"^C", b"").replace(b"half a li", b"").split()
    assert shown == b"> the cat sleeps >".split()


def test_a_line_can_be_edited_and_recalled(tmp_path: Path) -> None:
    keys = {
        b"the soupx" + BACKSPACE: "the soup",
        b"soup" + CTRL_A + b"the ": "the soup",
        UP: "the soup",
        UP + b" was cold": "the soup was cold",
        UP + UP: "the soup",
        "l'été à 日本".encode() + BACKSPACE: "l'été à 日",
    }
    with at_a_terminal(tmp_path, "classify", "-m", classifier()) as terminal:
        for typed, text in keys.items():
            terminal.type_at_prompt(typed + b"\n")
            assert terminal.answer().split("\t")[2] == text
        terminal.type_at_prompt(CTRL_D)
        assert terminal.ended() == (0, b"")


@pytest.mark.parametrize("end", [CTRL_C, CTRL_D])
def test_the_history_is_kept_and_private(end: bytes, tmp_path: Path) -> None:
    with at_a_terminal(tmp_path, "classify", "-m", classifier()) as terminal:
        terminal.type_at_prompt("the soup was lovely, l'été\n".encode())
        assert terminal.answer()
        terminal.type_at_prompt(end)
        terminal.ended()
    history = tmp_path / "rnncli" / "history"
    assert "the soup was lovely" in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    with at_a_terminal(tmp_path, "translate", "-m", translator(), "--json") as terminal:
        terminal.type_at_prompt(UP + b"\n")
        assert '"the soup was lovely, l\'été"' in terminal.answer()
        terminal.type_at_prompt(CTRL_D)
        assert terminal.ended() == (0, b"")
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_a_home_that_cannot_be_written_to_is_no_error(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.write_text("no folder\n")
    with at_a_terminal(home, "classify", "-m", classifier()) as terminal:
        terminal.type_at_prompt(b"the soup\n")
        assert terminal.answer().endswith("\tthe soup")
        terminal.type_at_prompt(CTRL_D)
        assert terminal.ended() == (0, b"")
        assert b"rror" not in terminal.look()
    assert home.read_text() == "no folder\n"


def test_rows_of_a_table_can_be_typed(tmp_path: Path) -> None:
    with at_a_terminal(tmp_path, "classify", "-m", classifier(), "--column", "b") as terminal:
        for typed, answer in ((b"a,b\n", ""), (b"1,the soup\n", "a,b,label,probability")):
            terminal.type_at_prompt(typed)
            assert answer == "" or terminal.answer() == answer
        assert terminal.answer().startswith("1,the soup,good,")
        terminal.type_at_prompt(CTRL_D)
        assert terminal.ended() == (0, b"")


def test_answers_to_typed_texts_are_written_to_a_file(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    with at_a_terminal(tmp_path, "classify", "-m", classifier(), "-o", out) as terminal:
        terminal.type_at_prompt(b"the soup\n")
        terminal.type_at_prompt(CTRL_D)
        assert terminal.ended() == (0, b"")
    assert out.read_text().endswith("\tthe soup\n")


def test_without_a_terminal_there_is_no_prompt_and_no_history(tmp_path: Path) -> None:
    words = ("classify", "-m", classifier())
    result = call(*words, stdin=b"the soup\n", env={"XDG_STATE_HOME": str(tmp_path)})
    assert (result.code, len(result.lines), result.err) == (0, 1, "")
    assert list(tmp_path.iterdir()) == []
