"""What a person types after a training, and after an interrupted one."""

import re
import shlex
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from models import SMALL, classifier, pairs, reviews, story, write_lines
from shell import TIMEOUT, call, read_line, start, tree


def write_names(folder: Path) -> Path:
    """Write a list of invented names, one a line."""
    return write_lines(
        folder / "names.txt",
        *(first + last for first in ("Al", "Ber", "Cor") for last in "abdefgiklmnor"),
    )


def write_labelled_names(folder: Path) -> Path:
    """Write invented names of two kinds."""
    names = [first + last for first in ("Al", "Ber", "Cor", "Dor") for last in ("a", "o", "in")]
    return write_lines(
        folder / "names.csv", "name,kind", *(f"{name},kind {name[-1]}" for name in names)
    )


@pytest.mark.parametrize(
    ("data", "options", "command"),
    [
        (reviews, [], r"classify -m '.*/a model' 'the \w+ [\w ]+'"),
        (pairs, [], r"translate -m '.*/a model' '(the|my|a) \w+ \w+ (today|here|again)'"),
        (story, [], r"generate -m '.*/a model' '\w+ \w+'"),
        (write_names, [], "generate -m '.*/a model' --lines 10"),
        (
            *(write_labelled_names, ["--control", "kind"]),
            "generate -m '.*/a model' --control 'kind [aon]' --lines 10",
        ),
    ],
)
def test_the_next_command_suits_the_data_and_works(
    data: Callable[..., Path], options: list[str], command: str, tmp_path: Path
) -> None:
    path = data() if data in (reviews, pairs, story) else data(tmp_path)
    model = tmp_path / "a model"
    result = call("train", path, "-o", model, *options, *SMALL, "--steps", 2)
    assert result.code == 0, result.err
    (line,) = re.findall("^next: rnncli (.*)$", result.err, re.MULTILINE)
    assert re.fullmatch(command, line)
    tried = call(*shlex.split(line))
    assert (tried.code, tried.err) == (0, "")
    assert len(tried.lines) == 10 if "--lines" in line else tried.out


def test_an_interruption_before_training_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    before = tree(tmp_path)
    with start("train", reviews(), "-o", tmp_path / "m", *SMALL) as process:
        while not read_line(process, "stderr").startswith(b"task: "):
            pass
        process.send_signal(signal.SIGINT)  # while PyTorch is loaded
        assert process.stderr is not None
        last = process.stderr.read().decode().splitlines()[-2:]
        assert process.wait(TIMEOUT) == 130
    assert last[0] == "interrupted before training began: nothing is kept; to start again:"
    assert shlex.split(last[1]) == ["rnncli", "train", str(reviews()), "-o", str(tmp_path / "m"),
                                    *map(str, SMALL)]  # fmt: skip
    assert tree(tmp_path) == before


def test_an_interrupted_evaluation_says_that_nothing_is_kept(tmp_path: Path) -> None:
    rows = [f"the soup was lovely {n},good" for n in range(200_000)]
    data = write_lines(tmp_path / "t.csv", "text,label", *rows)
    with start("evaluate", classifier(), data, "--no-baselines") as process:
        while not read_line(process, "stderr").startswith(b"scoring "):
            pass
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        err = process.stderr.read().decode()
        assert process.wait(TIMEOUT) == 130
    assert err.splitlines()[-1] == "interrupted: no score is kept, and the model is as it was"
