"""Run rnncli as a person does in a shell, and see what a shell sees.

::

    result = rnncli("classify", "-m", model, stdin=b"a fine day\n")
    assert result.code == 0

``rnncli`` starts a fresh process, ``start`` one whose streams stay open. ``call`` runs the same
command in this process, where torch is loaded once: for tests that are not about the process.
"""

import io
import os
import pty
import select
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TIMEOUT = 120  # seconds until a process counts as hanging; never part of what is tested
OURS = ("RNNCLI_MODEL", "RNNCLI_DEBUG", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE")


HEAVY = {"torch", "datasets", "pyarrow", "pandas", "sacrebleu"}
NOT_FOR_HELP = HEAVY | {"numpy", "tokenizers", "safetensors"}

# Run the command line as `python -m rnncli` does, and list what has been imported by the end.
TELL = """
import json, sys
from rnncli.cli import app
out = sys.argv.pop(1)
try:
    app(prog_name="rnncli")
except SystemExit as end:
    code = end.code
with open(out, "w") as file:
    json.dump([code, sorted({name.partition(".")[0] for name in sys.modules})], file)
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


def call(
    *arguments: object,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
) -> Result:
    """Run a command in this process; what it does not catch reaches the test.

    Here stdin is no file of the system: for `train`, which reads it whole, and not for a stream.
    """
    from rnncli.cli import app

    words = [str(argument) for argument in arguments]
    stdout = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    stderr = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name in OURS:
            patch.delenv(name, raising=False)
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["rnncli", *words])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
        if cwd is not None:
            patch.chdir(cwd)
        with redirect_stdout(stdout), redirect_stderr(stderr), pytest.raises(SystemExit) as ended:
            app(words, prog_name="rnncli")
    code = ended.value.code
    return Result(code if isinstance(code, int) else 0, stdout.buffer.getvalue(), stderr.getvalue())


def on_a_terminal(*arguments: object, stdin: bytes = b"", cwd: Path | None = None) -> bytes:
    """Run a command of which stdout and stderr are one terminal, and return what it is sent."""
    screen, terminal = pty.openpty()
    process = subprocess.Popen(
        command(*arguments),
        stdin=subprocess.PIPE,
        stdout=terminal,
        stderr=terminal,
        env=environment({"TERM": "xterm"}),
        cwd=cwd,
    )
    os.close(terminal)
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    sent = b""
    try:
        while data := os.read(screen, 4_096):
            sent += data
    except OSError:  # the other side is closed
        pass
    process.wait(TIMEOUT)
    os.close(screen)
    return sent.replace(b"\r\n", b"\n")


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
