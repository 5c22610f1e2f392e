"""The stream contract: n records in, n records out, in order, each as soon as it is answered."""

import json
import os
import pty
import random
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from models import classifier, generator, translator
from shell import TIMEOUT, call, command, environment, read_line, rnncli, start

from rnncli.cli.pipe import Reader
from rnncli.cli.records import Lines
from rnncli.text.files import read_descriptor

# One line of output for each line of input; the rest of the arguments keeps it quick.
COMMANDS: dict[str, Callable[[], list[object]]] = {
    "classify": lambda: ["classify", "-m", classifier()],
    "generate": lambda: ["generate", "-m", generator(), "--json", "--length", 2, "--seed", 1],
    "translate": lambda: ["translate", "-m", translator(), "--beam", 2],
}
every_command = pytest.mark.parametrize("name", COMMANDS)


def records(data: bytes) -> list[str]:
    """Return the records in some bytes, by the contract."""
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()  # what follows the last end of a line
    if lines:
        lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
    return [line.removesuffix(b"\r").decode("utf-8", "replace") for line in lines]


def read_through_a_pipe(pieces: list[bytes]) -> list[list[str]]:
    """Return the batches of records of bytes that arrive in these pieces."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb", buffering=0) as pipe:
            for piece in pieces:
                pipe.write(piece)

    writer = Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb", buffering=0):
        reader = Reader(read_descriptor(reading))
        batches = list(reader.batches(Lines().records(reader.lines()), 1_024))
    writer.join()
    return [[record.text for record in batch] for batch in batches]


TELLING = [b"\n", b"\r\n", b"\r", b"\n\n", b"\xef\xbb\xbf", b"\xff", b"\0", b"\xc2\x85",
           b"\xe2\x80\xa8", b"\x0c", b"\x1c", b"\xc3", b"\xa9", b"word", b" ", b"\t"]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(TELLING), st.binary(max_size=8)), max_size=30))
@example([])
@example([b"\n"])
@example([b"one\r", b"\ntwo"])
@example([b"\xef\xbb", b"\xbfone\n\xef\xbb\xbftwo\n"])
@example([b"\xc3", b"\xa9"])
@example([b"\xed\xa0\x80\n"])
@example([b"long " * 50_000, b"end\nnext\n"])
@example([b"line\n" * 5_000])
def test_any_bytes_become_as_many_records_in_their_order(pieces: list[bytes]) -> None:
    assume(not b"".join(pieces).startswith(b"\x1f\x8b"))  # that is gzip
    batches = read_through_a_pipe(pieces)
    assert list(chain.from_iterable(batches)) == records(b"".join(pieces))
    assert all(batches), "an empty batch"


@pytest.mark.parametrize("error", [MemoryError(), OSError("gone"), KeyboardInterrupt(), KeyError()])
def test_an_error_of_reading_is_raised_after_the_last_record(
    error: BaseException,
) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"one\ntwo\nthr"
        raise error

    reader = Reader(chunks())
    batches = reader.batches(Lines().records(reader.lines()), 1_024)
    assert [record.text for record in next(batches)] == ["one", "two"]
    with pytest.raises(type(error)):
        next(batches)


def three_hundred_lines() -> bytes:
    """Return random lines of any bytes; the last one has no newline."""
    rng = random.Random(300)
    words = [b"the soup was lovely", b"\xc3\xa9t\xc3\xa9", b"\xe6\x97\xa5\xe6\x9c\xac", b"dreadful",
             b"\xff\xfe", b"\0", b"\xc2\x85", b"\xe2\x80\xa8", b"\t", b"\x1b[31m", b"\xed\xa0\x80",
             b"\x0c", b"\r", b" ", b'"', b"<pad>", b"the cat sleeps"]  # fmt: skip
    lines = [
        b" ".join(rng.choices(words, k=rng.randrange(6))) + rng.choice([b"", b"", b"\r"])
        for _ in range(297)
    ]
    lines += [b"", rng.randbytes(40).replace(b"\n", b""), b"end"]
    return b"\xef\xbb\xbf" + b"\n".join(lines)


def test_classify_answers_three_hundred_lines_of_anything_in_their_order() -> None:
    data = three_hundred_lines()
    result = call("classify", "-m", classifier(), stdin=data)
    assert result.code == 0, result.err
    assert [line.split("\t", 2)[2] for line in result.lines] == records(data)
    assert len(result.lines) == 300
    for label, probability, text in (line.split("\t", 2) for line in result.lines):
        if text == "":
            assert (label, probability) == ("", "")
        elif text.strip():
            assert label in ("good", "bad")
            assert 0.5 <= float(probability) <= 1


def test_generate_answers_three_hundred_lines_of_anything_in_their_order() -> None:
    data = three_hundred_lines()
    result = call(*COMMANDS["generate"](), stdin=data)
    assert result.code == 0, result.err
    assert [json.loads(line)["prompt"] for line in result.lines] == records(data)


def test_translate_answers_three_hundred_lines_of_anything_in_their_order() -> None:
    data = three_hundred_lines()
    result = call(*COMMANDS["translate"](), "--json", stdin=data)
    assert result.code == 0, result.err
    answers = [json.loads(line) for line in result.lines]
    assert [answer["source"] for answer in answers] == records(data)
    assert all(a["translation"] == "" for a in answers if not a["source"].strip())
    plain = call(*COMMANDS["translate"](), stdin=data)
    assert plain.lines == [answer["translation"] for answer in answers]


@every_command
def test_a_line_is_answered_while_the_input_stays_open(name: str) -> None:
    with start(*COMMANDS[name]()) as process:
        assert process.stdin is not None
        for text in (b"the soup was lovely\n", b"the cat sleeps\n", b"\n"):
            process.stdin.write(text)
            assert read_line(process).endswith(b"\n")
        process.stdin.close()
        assert process.wait(TIMEOUT) == 0


def test_an_answer_belongs_to_the_line_just_written() -> None:
    with start("classify", "-m", classifier()) as process:
        assert process.stdin is not None
        for number in range(5):
            process.stdin.write(f"the map number {number}\n".encode())
            assert read_line(process).decode().endswith(f"\tthe map number {number}\n")
        process.stdin.close()
        assert process.wait(TIMEOUT) == 0


@every_command
def test_a_reader_that_closes_the_pipe_ends_the_command_silently(name: str) -> None:
    """As ``rnncli ... | head -1`` does, with much more output than a pipe buffers."""
    with start(*COMMANDS[name]()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"the soup was lovely\n" * 3_000)  # less than a pipe holds
        read_line(process)
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(TIMEOUT) == 141


CLOSED: dict[str, Callable[[], list[object]]] = {
    "an answer": lambda: ["classify", "-m", classifier(), "the soup was lovely"],
    "help": lambda: ["classify", "--help"],
    "version": lambda: ["--version"],
    "scores": lambda: ["evaluate", classifier(), "-q"],
}


@pytest.mark.parametrize("what", CLOSED)
def test_a_pipe_closed_before_the_first_line_is_no_error(what: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe, start(*CLOSED[what](), stdout=writing) as process:
        _, err = process.communicate(timeout=TIMEOUT)
        pipe.close()
    assert err == b""
    assert process.returncode == 141


def test_ctrl_c_between_two_lines_ends_the_command_silently() -> None:
    with start("classify", "-m", classifier()) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"the soup was lovely\n")
        read_line(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT) == 130
        assert process.stderr.read() == b""


@every_command
def test_a_file_is_read_line_by_line(name: str, tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_bytes(b"\xef\xbb\xbfthe soup was lovely\r\n\nthe cat sleeps")
    result = call(*COMMANDS[name](), "-i", file, stdin=b"unread\n")
    assert (result.code, result.err) == (0, "")
    assert len(result.lines) == 3


@every_command
def test_a_lone_argument_is_answered_and_gets_a_hint_if_it_names_a_file(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "letters.txt").write_text("the cat sleeps\n")
    result = call(*COMMANDS[name](), "letters.txt", cwd=tmp_path, stdin=b"unread\n")
    assert (result.code, len(result.lines)) == (0, 1)
    assert result.err.startswith("hint: ")
    assert "-i" in result.err
    assert "letters.txt" in result.err


def test_arguments_stdin_and_a_file_give_the_same_answers(tmp_path: Path) -> None:
    texts = ["the soup was lovely", "", "a dreadful map"]
    file = tmp_path / "lines.txt"
    file.write_text("\n".join(texts))
    base = ("classify", "-m", classifier())
    answer = call(*base, *texts)
    assert (answer.code, len(answer.lines), answer.err) == (0, 3, "")
    assert rnncli(*base, stdin=file.read_bytes()) == answer
    assert call(*base, "-i", file) == answer


def test_quiet_omits_the_hint(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("the cat sleeps\n")
    result = call("classify", "-m", classifier(), "-q", "letters.txt", cwd=tmp_path)
    assert (len(result.lines), result.err) == (1, "")


@pytest.mark.parametrize("name", ["classify", "translate"])
def test_every_argument_is_a_text_of_its_own(name: str) -> None:
    texts = ["the cat sleeps", "", "the girl sings\nand eats"]
    result = call(*COMMANDS[name](), "--json", *texts)
    key = "text" if name == "classify" else "source"
    assert [json.loads(line)[key] for line in result.lines] == texts


def test_an_argument_of_bytes_that_are_no_text_is_answered() -> None:
    result = call("classify", "-m", classifier(), b"the soup \xff was lovely")
    assert (result.code, result.err) == (0, "")
    assert result.lines[0].endswith("\tthe soup \N{REPLACEMENT CHARACTER} was lovely")


def test_two_arguments_get_no_hint_about_files(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("the cat sleeps\n")
    result = call("classify", "-m", classifier(), "letters.txt", "a lamp", cwd=tmp_path)
    assert (len(result.lines), result.err) == (2, "")


def test_on_a_terminal_texts_are_asked_for_on_stderr() -> None:
    keyboard, terminal = pty.openpty()
    try:
        with start("classify", "-m", classifier(), stdin=terminal) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            os.write(keyboard, b"the soup was lovely\n")
            assert read_line(process).endswith(b"\tthe soup was lovely\n")
            os.write(keyboard, b"\x04")  # Ctrl-D
            assert process.wait(TIMEOUT) == 0
            assert process.stdout.read() == b""
            assert process.stderr.read().startswith(b"> ")
    finally:
        os.close(keyboard)
        os.close(terminal)


def test_on_a_terminal_characters_appear_as_they_are_drawn() -> None:
    arguments = [*COMMANDS["generate"](), "the ferry"]
    arguments.remove("--json")
    screen, terminal = pty.openpty()
    try:
        with start(*arguments, stdout=terminal) as process:
            assert process.wait(TIMEOUT) == 0
        shown = os.read(screen, 1_000).replace(b"\r\n", b"\n")
    finally:
        os.close(screen)
        os.close(terminal)
    assert shown == call(*arguments).out


@pytest.mark.parametrize("stream", ["<&-", ">&-"])
def test_a_closed_stream_is_explained(stream: str) -> None:
    """A shell can start a command without stdin or stdout at all."""
    words = " ".join(map(str, command("classify", "-m", classifier())))
    text = "" if stream == "<&-" else "lovely"
    done = subprocess.run(
        ["sh", "-c", f"{words} {text} {stream}"],
        capture_output=True,
        env=environment(),
        timeout=TIMEOUT,
        check=False,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()[-300:]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_explained() -> None:
    with (
        Path("/dev/full").open("wb") as full,
        start("classify", "-m", classifier(), "lovely", stdout=full.fileno()) as process,
    ):
        _, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert err.startswith(b"error: "), err.decode()[-300:]


# Many lines, long lines

MANY = 10_000
BITS = [b"the soup was lovely", b"the cat sleeps", b"dreadful", b"x", b"\xc3\xa9t\xc3\xa9",
        b"\xf0\x9f\x8e\x88", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\0", b"\r", b"\t", b"\x0c",
        b"\xc2\x85", b"\xe2\x80\xa8", b"\x1b[2J", b"\x1b]0;title\x07", b"\x7f", b"\xef\xbb\xbf",
        b" ", b'"', b",", b"<eos>"]  # fmt: skip


def many_lines(count: int, seed: int = 1) -> bytes:
    """Return short random lines of any bytes; most have a word in them."""
    rng = random.Random(seed)
    lines = [
        b"".join(rng.choices(BITS, k=rng.choice([0, 1, 1, 2, 3]))) + rng.choice([b"", b"", b"\r"])
        for _ in range(count)
    ]
    return b"\n".join(lines) + b"\n"


@every_command
def test_ten_thousand_lines_of_anything_are_answered_in_their_order(name: str) -> None:
    data = many_lines(MANY)
    words = [*COMMANDS[name](), "-q", *([] if name == "generate" else ["--json"])]
    result = call(*words, stdin=data)
    assert (result.code, result.err) == (0, "")
    key = {"classify": "text", "generate": "prompt", "translate": "source"}[name]
    assert len(records(data)) == MANY
    assert [json.loads(line)[key] for line in result.lines] == records(data)


NUMBERS = {"classify": "probability", "translate": "score"}


@pytest.mark.slow
@every_command
def test_neither_batches_nor_threads_change_an_answer(name: str, tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_bytes(many_lines(400, seed=2))
    words = [*COMMANDS[name](), "-q", "-i", file, *([] if name == "generate" else ["--json"])]

    def answers(batch_size: int, threads: int) -> list[dict[str, Any]]:
        result = call(*words, "--batch-size", batch_size, "--threads", threads)
        assert (result.code, result.err) == (0, "")
        return [json.loads(line) for line in result.lines]

    expected = answers(400, 1)
    assert len(expected) == 400
    for batch_size, threads in ((1, 1), (7, 2), (64, 2), (400, 2)):
        for answer, alike in zip(answers(batch_size, threads), expected, strict=True):
            for field in ("text", "label", "prompt", "source", "translation"):
                assert answer.get(field) == alike.get(field)
            number = NUMBERS.get(name)
            if number is not None and alike[number] is not None:
                assert answer[number] == pytest.approx(alike[number], abs=1e-5)


# One line: the command announces that it is not read as others are.
LONG: dict[str, tuple[int, str]] = {
    "classify": (10_000_000, "read in pieces"),
    "generate": (10_000_000, "only the last 10,000 characters"),
    "translate": (300_000, "translated in pieces"),
}


def long_line(size: int) -> bytes:
    """Return a line of ``size`` bytes of long words, which are answered quickly."""
    word = b"lovely" * 30 + b" "
    return (word * (size // len(word) + 1))[: size - 1] + b"\n"


@pytest.mark.slow
@every_command
def test_a_line_of_megabytes_is_one_record_and_announced_once(name: str) -> None:
    size, notice = LONG[name]
    line = long_line(size)
    words = [*COMMANDS[name](), *([] if name == "generate" else ["--json"])]
    result = call(*words, stdin=line + line[:20_000] + b"\nlovely\n")
    assert result.code == 0
    assert result.err.count("\n") == 1
    assert notice in result.err
    key = {"classify": "text", "generate": "prompt", "translate": "source"}[name]
    assert [len(json.loads(answer)[key]) for answer in result.lines] == [size - 1, 20_000, 6]
    quiet = call(*words, "-q", stdin=line[:20_000])
    assert (quiet.code, quiet.out.count(b"\n"), quiet.err) == (0, 1, "")


# A process takes over the largest size of the one that starts it: here a small one.
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(status, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


def most_memory(*arguments: object) -> float:
    """Return the peak memory of a command, in MB."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", MEASURE, *command(*arguments)],
        capture_output=True,
        env=environment(),
        timeout=TIMEOUT,
        check=True,
    )
    status, size = map(int, done.stdout.split())
    assert status == 0, done.stderr.decode()
    return size / 1e6


@pytest.mark.slow
def test_a_long_line_takes_little_more_memory_than_a_short_one(tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_bytes(b"lovely\n")
    short = most_memory("classify", "-m", classifier(), "-i", file)
    file.write_bytes(long_line(10_000_000))
    assert most_memory("classify", "-m", classifier(), "-i", file) < short + 400


@pytest.mark.slow
def test_a_longer_file_takes_little_of_what_it_is_longer(tmp_path: Path) -> None:
    """Both have more chunks than the queue holds."""
    line, longer_by = b"lovely%s\n" % (b" " * 3_000), 35_000
    file = tmp_path / "lines.txt"
    file.write_bytes(line * 5_000)
    some = most_memory("classify", "-m", classifier(), "-i", file)
    file.write_bytes(line * (5_000 + longer_by))
    # What the allocator keeps differs by some MB from run to run.
    most = some + 0.15 * longer_by * len(line) / 1e6
    assert most_memory("classify", "-m", classifier(), "-i", file) < most


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_in_a_pipe_to_head_the_exit_code_is_141() -> None:
    words = shlex.join(map(str, command("classify", "-m", classifier())))
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; yes lovely | {words} | head -1; echo ${{PIPESTATUS[*]}}"],
        capture_output=True,
        env=environment(),
        timeout=TIMEOUT,
        check=False,
    )
    answer, codes = done.stdout.splitlines()
    assert answer.endswith(b"\tlovely")
    assert codes.split()[1:] == [b"141", b"0"]
    assert done.stderr == b""
