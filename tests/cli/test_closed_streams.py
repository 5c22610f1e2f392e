"""Streams that are closed or full, and outputs that are shared: results stay what they are."""

import os
import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from models import SMALL, classifier, reviews, write_lines
from shell import (
    TIMEOUT,
    call,
    command,
    environment,
    explained,
    on_a_terminal,
    rnncli,
    start,
)

TEXTS = ("the soup was lovely", "the lamp broke on the first day")


def shell(redirections: str, *arguments: object) -> "subprocess.CompletedProcess[bytes]":
    line = shlex.join(str(word) for word in command(*arguments))
    return subprocess.run(
        ["bash", "-c", f"{line} {redirections}"],
        capture_output=True,
        env=environment(),
        timeout=TIMEOUT,
        check=False,
    )


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
class TestNotices:
    def test_notices_that_nobody_gets_are_no_results(self, stderr: str) -> None:
        words = ("classify", "-m", classifier(), "--threshold", "auto", *TEXTS)
        done, usual = shell(stderr, *words), shell("2>/dev/null", *words)
        assert (done.returncode, done.stdout) == (0, usual.stdout)
        assert done.stdout.count(b"\n") == len(TEXTS)

    def test_errors_that_nobody_gets_are_no_results(self, stderr: str) -> None:
        done = shell(stderr, "classify", "-m", "nothing", *TEXTS)
        assert (done.returncode, done.stdout) == (1, b"")


def test_results_into_a_full_stream_are_an_error() -> None:
    done = shell(">/dev/full", "classify", "-m", classifier(), *TEXTS)
    assert done.returncode == 1
    assert b"error: No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("source", ["-i {}", "< {}"])
@pytest.mark.parametrize("redirection", [">>", ">"])
def test_results_into_the_input_are_refused(source: str, redirection: str, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "in.txt", *TEXTS)
    before = file.read_bytes() if redirection == ">>" else b""
    redirections = f"{source.format(file)} {redirection} {file}"
    done = shell(redirections, "classify", "-m", classifier())
    assert done.returncode == 2, done.stderr
    assert b"is input and output at once" in done.stderr
    assert (b"the shell has emptied it" in done.stderr) == (redirection == ">")
    assert b"-new.txt\n" in done.stderr
    assert file.read_bytes() == before


def test_results_into_a_closed_stream_are_dropped() -> None:
    done = shell(">&-", "classify", "-m", classifier(), *TEXTS)
    assert (done.returncode, done.stderr) == (0, b"")


def test_two_processes_with_one_output_each_write_all_of_it(tmp_path: Path) -> None:
    out = tmp_path / "labels.txt"
    for _ in range(3):
        words = ("classify", "-m", classifier(), "-o", out, "--force")
        with start(*words) as first, start(*words) as second:
            for process in (first, second):
                assert process.stdin is not None
                process.stdin.write(b"the soup was lovely\n" * 100)
                process.stdin.close()
            assert (first.wait(TIMEOUT), second.wait(TIMEOUT)) == (0, 0)
        assert out.read_bytes().count(b"\n") == 100
        assert list(tmp_path.iterdir()) == [out]


def test_who_may_read_an_output_stays_as_it_was(tmp_path: Path) -> None:
    out = write_lines(tmp_path / "labels.txt", "before")
    out.chmod(0o600)
    assert call("classify", "-m", classifier(), "-o", out, "--force", *TEXTS).code == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_text().count("\n") == len(TEXTS)


def test_a_link_that_goes_round_is_an_error(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.symlink_to(out)
    explained(call("classify", "-m", classifier(), "-o", out, *TEXTS), 1, "link")
    assert out.readlink() == out


def test_paths_that_are_not_utf8_are_no_obstacle(tmp_path: Path) -> None:
    data, model = os.fsencode(tmp_path) + b"/d\xff.csv", os.fsencode(tmp_path) + b"/m\xff"
    shutil.copy(os.fsencode(reviews()), data)
    result = call("train", data, "-o", model, *SMALL, "--steps", 1, "-q")
    assert (result.code, result.err) == (0, "")
    assert call("classify", "-m", model, *TEXTS).code == 0


def relabelled(folder: Path, label: str) -> tuple[Path, Path]:
    """Train a model of which a label is called like this, and return it with its data."""
    lines = reviews().read_text().replace(",good", f",{label}").splitlines()
    data, model = write_lines(folder / "reviews.csv", *lines), folder / "m"
    assert call("train", data, "-o", model, *SMALL, "--steps", 1).code == 0
    return model, data


def test_names_that_the_encoding_lacks_are_no_obstacle(tmp_path: Path) -> None:
    words = ("evaluate", *relabelled(tmp_path, "\u826f\u3044"), "--no-baselines")
    result = rnncli(*words, env={"PYTHONIOENCODING": "latin-1"})
    assert result.code == 0, result.err
    assert "Traceback" not in result.err and b"??" in result.out


def test_at_a_terminal_json_holds_no_control_characters(tmp_path: Path) -> None:
    model, data = relabelled(tmp_path, "go\u202eod")
    words = ("evaluate", model, data, "--no-baselines", "--json", "-q")
    screen = on_a_terminal(*words).decode()
    assert "go\ufffdod" in screen and "\u202e" not in screen
    assert "go\u202eod" in call(*words).out.decode()


@pytest.mark.slow
def test_a_line_that_no_memory_could_hold_is_an_error_after_the_answers_before_it() -> None:
    text = b"the soup was lovely\n" * 5_000 + b"soup " * 14_000_000
    result = rnncli("classify", "-m", classifier(), stdin=text)
    assert result.code == 1
    assert "error: standard input, line 5,001: longer than 67,108,864 bytes" in result.err
    assert 4_000 < len(result.lines) <= 5_000


def test_a_help_page_that_cannot_be_written_is_an_error() -> None:
    done = shell("> /dev/full", "--help")
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: No space left on device\nhint: ")
