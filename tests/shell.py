"""Run rnncli as a person does in a shell, and see what a shell sees.

::

    result = rnncli("classify", "-m", model, stdin=b"a fine day\n")
    assert result.code == 0

``rnncli`` starts a fresh process, ``start`` one whose streams stay open. ``call`` runs the same
command in this process, where all is loaded already, and ``on_a_terminal`` too: for tests that are
not about the process, which take seconds less.
"""

import fcntl
import io
import json
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import termios
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, TextIO

import pytest

NO_MORE = b"\0end\0"  # on a terminal, after all that a command writes
TIMEOUT = 120  # seconds until a process counts as hanging; never part of what is tested
OURS = ("RNNCLI_MODEL", "RNNCLI_DEBUG", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE")


HEAVY = {"torch", "datasets", "pyarrow", "pandas", "sacrebleu"}
NOT_FOR_HELP = HEAVY | {"numpy", "tokenizers", "safetensors"}

# Run command lines as `python -m rnncli` does, and list the modules that are loaded by the end.
LIST_MODULES = """
import json, sys
from rnncli.cli import app
for words in json.loads(sys.argv.pop()):
    sys.argv[1:] = words
    try:
        app(prog_name="rnncli")
    except SystemExit as end:
        assert not end.code, words
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@dataclass(frozen=True)
class Result:
    """What a command left behind: exit code, bytes on stdout, text on stderr."""

    code: int
    out: bytes
    err: str

    @property
    def lines(self) -> list[str]:
        """Return the records on stdout; the last one must have its end too."""
        *records, rest = self.out.decode().split("\n")
        assert rest == "", f"stdout ends in the middle of a line: {rest!r}"
        return records


def rnncli(
    *arguments: object,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    **options: Any,
) -> Result:
    """Run a command in a fresh process until it ends."""
    done = subprocess.run(
        command(*arguments),
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=environment(env),
        timeout=TIMEOUT,
        check=False,
        **options,
    )
    return Result(done.returncode, done.stdout, done.stderr.decode())


def loaded_modules(
    *commands: Sequence[object], env: dict[str, str] | None = None
) -> tuple[Result, set[str]]:
    """Run commands in one fresh process, and return the modules that are loaded then, too."""
    lines = [list(map(str, words)) for words in commands]
    done = subprocess.run(
        [sys.executable, "-c", LIST_MODULES, json.dumps(lines)],
        capture_output=True,
        env=environment(env),
        timeout=TIMEOUT,
        check=True,
    )
    *err, listed = done.stderr.decode().splitlines(keepends=True)
    modules = set(json.loads(listed))
    assert "typer" in modules
    return Result(0, done.stdout, "".join(err)), modules


def start(
    *arguments: object,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    stdin: int = subprocess.PIPE,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
) -> "subprocess.Popen[bytes]":
    """Start a command in a fresh process; use it as a context, so that its pipes are closed."""
    return subprocess.Popen(
        command(*arguments),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        bufsize=0,
        cwd=cwd,
        env=environment(env),
    )


def start_in_session(
    terminal: int, *arguments: object, env: dict[str, str], **streams: Any
) -> "subprocess.Popen[bytes]":
    """Start a command in a session of its own, which a terminal controls: its Ctrl-C ends it."""
    return subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        bufsize=0,
        env=environment(env),
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0),
        **streams,
    )


def call(
    *arguments: object,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
) -> Result:
    """Run a command in this process; what it does not catch reaches the test.

    Here stdin is a file, all of which is there at once.
    """
    stdout = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    stderr = io.StringIO()
    code = _run(arguments, stdin, stdout, stderr, cwd, env or {})
    return Result(code, stdout.buffer.getvalue(), stderr.getvalue())


def on_a_terminal(*arguments: object, stdin: bytes = b"", cwd: Path | None = None) -> bytes:
    """Run a command as `call` does, at a terminal; return what is written to it."""
    screen, device = pty.openpty()
    sent = bytearray()

    def read() -> None:
        while not sent.endswith(NO_MORE):
            sent.extend(os.read(screen, 4_096))

    reader = Thread(target=read)
    reader.start()
    try:
        with os.fdopen(os.dup(device), "w", encoding="utf-8") as terminal:
            _run(arguments, stdin, terminal, terminal, cwd, {"TERM": "xterm", "COLUMNS": "80"})
    finally:
        os.write(device, NO_MORE)  # closed, it may still be open in processes that were started
        reader.join()
        os.close(screen)
        os.close(device)
    return bytes(sent).removesuffix(NO_MORE).replace(b"\r\n", b"\n")


def _run(
    arguments: Sequence[object],
    stdin: bytes,
    stdout: TextIO,
    stderr: TextIO,
    cwd: Path | None,
    env: dict[str, str],
) -> int:
    """Run a command in this process, and return its exit code."""
    from rnncli.cli import app

    words = [os.fsdecode(a) if isinstance(a, bytes) else str(a) for a in arguments]
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryFile() as file:
        file.write(stdin)
        file.seek(0)
        for name in OURS:
            patch.delenv(name, raising=False)
        for name, value in env.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["rnncli", *words])
        patch.setattr(sys, "stdin", io.TextIOWrapper(file, "utf-8"))
        if cwd is not None:
            patch.chdir(cwd)
        with redirect_stdout(stdout), redirect_stderr(stderr), pytest.raises(SystemExit) as ended:
            app(words, prog_name="rnncli")
    code = ended.value.code
    return code if isinstance(code, int) else 0


def explained(result: Result, code: int, *words: str) -> str:
    """Check that a command ended in an error and a hint, and return the hint."""
    assert result.code == code, result.err
    assert result.out == b""
    assert "Traceback" not in result.err
    lines = result.err.splitlines()
    (error,) = [i for i, line in enumerate(lines) if line.startswith("error: ")]
    assert len(lines) > error + 1, f"no hint under {lines[error]!r}"
    assert lines[error + 1].startswith("hint: ")
    for word in words:
        assert word in lines[error]
    return lines[error + 1].removeprefix("hint: ")


def examples(command: str) -> list[str]:
    """Return the commands at the beginning of a help page, which is wide enough for them."""
    page = call(command, "--help", env={"COLUMNS": "120"}).out.decode()
    return re.findall(r"^ +(?:.+ \| )?(rnncli .+?) *$", page, re.MULTILINE)


def command(*arguments: object) -> list[str | bytes]:
    """Return the words that a shell would run."""
    words = [a if isinstance(a, bytes) else str(a) for a in arguments]
    return [sys.executable, "-m", "rnncli", *words]


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which nothing of the person's own settings reaches the test."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    quiet = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    quiet["XDG_STATE_HOME"] = os.devnull  # no history of what tests type
    return kept | quiet | (extra or {})


def read_line(process: "subprocess.Popen[bytes]", stream: str = "stdout") -> bytes:
    """Read one line that a running process has to write before it gets anything more."""
    pipe = getattr(process, stream)
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([pipe], [], [], TIMEOUT)
        assert ready, f"no line came: {line!r}"
        piece = os.read(pipe.fileno(), 1)
        assert piece, f"{stream} ended: {line!r}"
        line += piece
    return line


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, hidden ones too, with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"(no file)"
        for path in sorted(folder.rglob("*"))
    }
