"""Streams that are closed or full, and outputs that are shared: results stay what they are."""

import shlex
import stat
import subprocess
from pathlib import Path

import pytest
from models import classifier, write_lines
from shell import TIMEOUT, command, environment, explained, rnncli, start

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


def test_results_into_a_closed_stream_are_dropped() -> None:
    done = shell(">&-", "classify", "-m", classifier(), *TEXTS)
    assert (done.returncode, done.stderr) == (0, b"")


def test_two_processes_with_one_output_each_write_all_of_it(tmp_path: Path) -> None:
    out = tmp_path / "labels.txt"
    for _ in range(3):
        words = ("classify", "-m", classifier(), "-o", out)
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
    assert rnncli("classify", "-m", classifier(), "-o", out, *TEXTS).code == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_text().count("\n") == len(TEXTS)


def test_a_link_that_goes_round_is_an_error(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.symlink_to(out)
    explained(rnncli("classify", "-m", classifier(), "-o", out, *TEXTS), 1, "link")
    assert out.readlink() == out
