"""Record a command as a person sees it in a terminal, and write its last screen as SVG.

python tests/benchmarks/record_screen.py tests/benchmarks/train.svg rnncli train --max-time 1m
"""

import fcntl
import io
import os
import pty
import re
import shlex
import struct
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS, ROWS = 80, 100
# Control sequences: a style, which stays in its line; another one; a line end; or text.
TOKENS = re.compile(r"(\x1b\[[\d;]*m)|\x1b\[([?\d;]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")
FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # fetched from elsewhere: left out


def record(command: list[str]) -> str:
    """Run a command in a pseudo-terminal, and return what it writes, control sequences too."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS=str(COLUMNS), LINES=str(ROWS))
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    output = b""
    while True:
        try:
            output += os.read(terminal, 1 << 16)
        except OSError:  # the command has ended
            os.waitpid(child, 0)
            return output.decode()


def screen(output: str) -> str:
    """Return the lines that are left, styles included, when each line was written anew or erased.

    Of the cursor's movements those that progress lines make are followed: up, and to the start.
    """
    lines, row, is_new = [""], 0, False
    for style, number, code, end, text in TOKENS.findall(output):
        if code == "A":
            row = max(0, row - int(number or 1))
        elif code == "K":
            lines[row] = ""
        elif end == "\r":
            is_new = True  # unless the line ends here
        elif end == "\n":
            row, is_new = row + 1, False
            lines += [""] * (row == len(lines))
        elif style or text:
            lines[row] = (style or text) if is_new else lines[row] + (style or text)
            is_new = False
    return "\n".join(lines).rstrip()


def main() -> None:
    """Record the command of the arguments."""
    path, *command = sys.argv[1:]
    shown = screen(record(command))
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), color_system="truecolor")
    console.print(Text.from_ansi(f"\x1b[1m$ {shlex.join(command)}\x1b[0m\n{shown}"))
    Path(path).write_text(FONT.sub("", console.export_svg(title="rnncli")), encoding="utf-8")


if __name__ == "__main__":
    main()
