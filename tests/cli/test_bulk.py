"""``classify`` and ``translate`` of many files: a file in, a file out, by several processes."""

import gzip
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from models import SUBJECTS, VERDICTS, classifier, translator, write_lines
from shell import (
    TIMEOUT,
    Result,
    call,
    command,
    environment,
    explained,
    on_a_terminal,
    rnncli,
    tree,
)

from rnncli.cli.input_files import find_files


def write_texts(folder: Path, files: int, lines: int) -> None:
    """Write files of lines that all differ, every third one compressed."""
    folder.mkdir()
    for number in range(files):
        text = "".join(
            f"the {SUBJECTS[i % 10]} {VERDICTS['bad' if i % 3 else 'good'][i % 4]} {number}-{i}\n"
            for i in range(lines)
        ).encode()
        name = f"{number:03}.txt" + (".gz" if number % 3 == 0 else "")
        (folder / name).write_bytes(gzip.compress(text) if name.endswith("z") else text)


def words(folder: Path, *options: object, output: str = "out") -> tuple[object, ...]:
    return ("classify", "-m", classifier(), "-i", folder / "in", "-o", folder / output, *options)


def answers(folder: Path) -> dict[str, bytes]:
    """Return the content of all outputs, decompressed; nothing else may lie there."""
    found = {
        name: content
        for name, content in tree(folder).items()
        if not name.startswith(".rnncli") and content != b"(no file)"
    }
    assert not [name for name in found if "/." in f"/{name}"]
    return {n: gzip.decompress(c) if c.startswith(b"\x1f\x8b") else c for n, c in found.items()}


def finished(folder: Path) -> list[Path]:
    return list(folder.glob("[!.]*"))


def locks(folder: Path) -> list[Path]:
    return list((folder / ".rnncli").rglob("*.lock"))


@contextmanager
def running(*arguments: object) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a command in a group of its own, and end what is left of it."""
    process = subprocess.Popen(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )
    try:
        with process:
            yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def children(pid: int) -> list[int]:
    """Return the processes that one has started and that answer files."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [c for c in map(int, found) if b"spawn_main" in Path(f"/proc/{c}/cmdline").read_bytes()]


def test_each_file_is_answered_as_if_it_were_alone(tmp_path: Path) -> None:
    write_texts(tmp_path / "in", 4, 50)
    (tmp_path / "in/more").mkdir()
    (tmp_path / "in/more/odd.txt").write_bytes(b"\xef\xbb\xbfa lovely map\r\n\n\xff?\n no end")
    (tmp_path / "in/more/none.txt").touch()
    (tmp_path / "in/.hidden").write_text("not read\n")
    (tmp_path / "in/more/loop").symlink_to("..")
    result = rnncli(*words(tmp_path, "--jobs", 2))
    assert (result.code, result.out) == (0, b"")
    assert "6 files: 6 answered; 204 lines" in result.err
    assert "more/odd.txt: 1 byte not UTF-8" in result.err
    found = answers(tmp_path / "out")
    assert sorted(found) == sorted(
        str(p.relative_to(tmp_path / "in")) for p in (tmp_path / "in").rglob("[!.]*") if p.is_file()
    )
    assert [f.name for f in find_files([tmp_path / "in/**/*.*"], None)] == sorted(found)
    assert found.pop("more/none.txt") == b""
    for name, content in found.items():
        alone = call("classify", "-m", classifier(), "-q", "-i", tmp_path / "in" / name)
        assert content == alone.out
        packed = [(tmp_path / f / name).read_bytes()[:2] == b"\x1f\x8b" for f in ("in", "out")]
        assert packed[0] is packed[1]
    assert locks(tmp_path / "out") == []


def test_a_terminal_shows_one_line_for_all_files(tmp_path: Path) -> None:
    write_texts(tmp_path / "in", 3, 40)
    screen = on_a_terminal(*words(tmp_path, "--jobs", 1, "--batch-size", 4)).decode()
    assert re.search(r"\d of 3 files, \d+ lines, [\d,]+ lines/s, \d+s left", screen)
    assert "3 files: 3 answered; 120 lines" in screen


def test_options_work_as_for_one_file(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_lines(tmp_path / "in/a.csv", "n,text", '1,"a lovely\nmap"', "2,dreadful soup", "3,")
    write_lines(tmp_path / "in/b.jsonl", *(json.dumps({"text": t}) for t in ("lovely", "dull")))
    write_lines(tmp_path / "in/c.csv", "text")
    options = ("--column", "text", "--only", "bad", "--threshold", "auto")
    result = call(*words(tmp_path, *options))
    assert result.code == 0, result.err
    for name, content in answers(tmp_path / "out").items():
        file = tmp_path / "in" / name
        assert content == call("classify", "-m", classifier(), *options, "-i", file).out
    asked = ("translate", "-m", translator(), "--beam", 2, "--json")
    write_lines(tmp_path / "t.txt", "the girl sleeps here", "", "the cat eats again")
    (tmp_path / "u.txt").write_bytes(b"the captain waits today")
    files = ("-i", tmp_path / "t.txt", "-i", tmp_path / "u.txt")
    assert call(*asked, *files, "-o", tmp_path / "french").code == 0
    for name, content in answers(tmp_path / "french").items():
        assert content == call(*asked, "-i", tmp_path / name).out


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the answers of a run that was never ended."""
    folder = tmp_path_factory.mktemp("whole")
    write_texts(folder / "in", 16, 200)
    assert call(*words(folder, "--jobs", 1)).code == 0
    return answers(folder / "out")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_ended_goes_on_with_the_same_command(
    end: int, whole: dict[str, bytes], tmp_path: Path
) -> None:
    write_texts(tmp_path / "in", 16, 200)
    asked = words(tmp_path, "--jobs", 2, "--batch-size", 32)
    with running(*asked) as process:
        wait_for(lambda: len(finished(tmp_path / "out")) > 3)
        workers = children(process.pid)
        os.killpg(process.pid, end) if end == signal.SIGINT else process.send_signal(end)
        _, err = process.communicate(timeout=TIMEOUT)
        assert process.returncode == {2: 130, 15: 143, 9: -9}[end]
        assert b"Traceback" not in err
        if end != signal.SIGKILL:
            assert b"interrupted: 16 files: " in err
    wait_for(lambda: not any(map(is_alive, workers)))
    assert 3 < len(finished(tmp_path / "out")) < 16
    again = call(*asked)
    assert again.code == 0
    assert "finished before" in again.err
    found = answers(tmp_path / "out")
    assert len(found) == 16
    assert found == whole
    assert all(content.count(b"\n") == 200 for content in found.values())


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_process_that_is_killed_loses_its_file_alone(tmp_path: Path) -> None:
    write_texts(tmp_path / "in", 6, 300)
    asked = words(tmp_path, "--jobs", 1, "--batch-size", 8)
    with running(*asked) as process:
        wait_for(lambda: list((tmp_path / "out").glob(".*.new")))
        (worker,) = children(process.pid)
        os.kill(worker, signal.SIGKILL)
        _, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert b"ended from outside" in err
    assert b"error: 1 file of 6 failed\nhint: " in err
    assert call(*asked).code == 0
    found = answers(tmp_path / "out")
    assert len(found) == 6
    assert all(content.count(b"\n") == 300 for content in found.values())


def test_broken_files_are_told_and_the_others_answered(tmp_path: Path) -> None:
    write_texts(tmp_path / "in", 3, 20)
    broken = tmp_path / "in/000.txt.gz"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-20])
    (tmp_path / "in/x.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = call(*words(tmp_path, "-q"))
    assert (result.code, result.out) == (1, b"")
    assert "Traceback" not in result.err
    assert f"error: {broken} is damaged" in result.err
    assert "x.png is an image" in result.err
    assert result.err.splitlines()[-2] == "error: 2 files of 4 failed"
    assert sorted(answers(tmp_path / "out")) == ["001.txt", "002.txt"]
    broken.write_bytes(whole)
    (tmp_path / "in/x.png").unlink()
    result = call(*shlex.split(result.err.splitlines()[-1])[2:])
    assert (result.code, result.err) == (0, "")
    assert sorted(answers(tmp_path / "out")) == ["000.txt.gz", "001.txt", "002.txt"]


def test_what_has_changed_is_answered_again(tmp_path: Path) -> None:
    write_texts(tmp_path / "in", 3, 10)
    shutil.copytree(classifier(), tmp_path / "model")
    files = ("-i", tmp_path / "in", "-o", tmp_path / "out", "--jobs", 1)

    def ask(*options: object) -> Result:
        result = call("classify", "-m", tmp_path / "model", *files, *options)
        assert result.code == 0, result.err
        return result

    assert "3 answered" in ask().err
    file = tmp_path / "in/001.txt"
    status = file.stat()
    file.write_bytes(file.read_bytes().replace(b"lovely", b"stupid"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # neither size nor time tells
    changed = tmp_path / "out/002.txt"
    changed.write_text("by hand\n")
    hint = explained(call("classify", "-m", tmp_path / "model", *files), 1, f"{changed} exists")
    assert hint.endswith(f"-o {tmp_path / 'out-2'}")
    assert changed.read_text() == "by hand\n"
    result = ask("--force")
    assert f"{file}: answered again, changed since: input\n" in result.err
    assert "2 answered, 1 finished before" in result.err
    assert "3 answered" in (again := ask("--json")).err
    assert again.err.count("changed since: options\n") == 3
    (first, *_) = answers(tmp_path / "out")["001.txt"].splitlines()
    assert "label" in json.loads(first)
    config = tmp_path / "model/config.json"
    description = json.loads(config.read_text())
    description["tuned"] = {name: 2 * value for name, value in description["tuned"].items()}
    config.write_text(json.dumps(description))
    assert ask("--json").err.count("changed since: model\n") == 3
    assert "3 finished before" in ask("--json", "--batch-size", 3, "--jobs", 2).err


def test_machines_and_processes_share_the_files(tmp_path: Path) -> None:
    write_texts(tmp_path / "in", 8, 40)
    for shard in ("1/3", "2/3"):
        assert call(*words(tmp_path, "--shard", shard, "--jobs", 1)).code == 0
    assert [name[:3] for name in answers(tmp_path / "out")] == [
        "000",
        "001",
        "003",
        "004",
        "006",
        "007",
    ]
    asked = words(tmp_path, "--jobs", 2, output="both")
    with running(*asked) as first, running(*asked) as second:
        for process in (first, second):
            process.communicate(timeout=TIMEOUT)
            assert process.returncode == 0
    result = call(*asked)
    assert (result.code, "8 finished before" in result.err) == (0, True)
    assert call(*words(tmp_path, output="out")).code == 0
    assert answers(tmp_path / "both") == answers(tmp_path / "out")
    none = call(*words(tmp_path, "--shard", "9/9", output="none"))
    assert (none.code, "fewer files than shards" in none.err) == (0, True)


def test_a_wrong_command_is_explained_before_any_work(tmp_path: Path) -> None:
    write_texts(tmp_path / "in", 3, 5)
    (tmp_path / "in2").mkdir()
    shutil.copy(tmp_path / "in/001.txt", tmp_path / "in2")
    base = ("classify", "-m", classifier())

    def ask(code: int, *options: object, says: str) -> str:
        before = tree(tmp_path)
        hint = explained(call(*base, *options, cwd=tmp_path), code, says)
        assert tree(tmp_path) == before
        return hint

    assert ask(2, "-i", "in/*", says="need a folder").endswith("-i 'in/*' -o answers")
    ask(2, "-i", "in/*", "-o", "in2/001.txt", says="is a file")
    ask(2, "-i", "in", "-o", "in/out", says="among the inputs")
    ask(2, "-i", "in/*", "-o", "in", says="among the inputs")
    ask(2, "-i", "in", "-i", "in2", "-o", "out", says="the same name")
    ask(1, "-i", "no/*", "-o", "out", says="there is no file")
    ask(1, "-i", "in", "-i", "no.txt", "-o", "out", says="no.txt")
    ask(2, "-i", "in", "-o", "out", "--shard", "0/4", says="--shard is '0/4'")
    ask(2, "-i", "in", "-o", "out", "--only", "splendid", says="no label 'splendid'")
    ask(2, "-i", "in/001.txt", "--jobs", 2, says="--jobs")
    ask(2, "-i", "in", "-o", "out", "some text", says="arguments and from -i")
    ask(2, "--estimate", "some text", says="--estimate")
    unquoted = ("-i", "in/001.txt", "in/002.txt", "-o", "out")
    hint = ask(2, *unquoted, says="arguments and from -i")
    assert shlex.split(hint)[-4:] == ["-i", "in/*.txt", "-o", "out"]
    write_lines(tmp_path / "in/000.csv", "body,n", "lovely,1")
    assert ask(1, "-i", "in", "-o", "out", says="000.csv is a table").endswith("--column body")
    drawn = ("translate", "-m", translator(), "--attention", "-i", "in/*", "-o", "out")
    explained(call(*drawn, cwd=tmp_path), 2, "one file")


def test_an_estimate_tells_lines_and_times_and_writes_nothing(tmp_path: Path) -> None:
    write_texts(tmp_path / "in", 4, 30)
    before = tree(tmp_path)
    result = call(*words(tmp_path, "--estimate", "--jobs", 2, "--json"))
    assert result.code == 0, result.err
    (line,) = result.lines
    told = json.loads(line)
    assert (told["files"], told["lines"], told["lines_are"]) == (4, 120, "counted")
    assert told["processes"] == 2
    assert told["seconds"]["1"] == pytest.approx(120 / told["lines_per_second"])
    assert told["seconds"]["4"] == pytest.approx(told["seconds"]["1"] / 4)
    result = call("classify", "-m", classifier(), "--estimate", "-i", tmp_path / "in/001.txt")
    assert result.code == 0, result.err
    assert [line.split()[0] for line in result.lines] == ["files", "lines", "lines/s", "this"]
    assert tree(tmp_path) == before
