"""Help pages: examples that work as they are typed, and panels in the order of need."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from models import (
    SMALL,
    SUBJECTS,
    write_lines,
    write_pairs,
    write_reviews,
    write_story,
)
from shell import TIMEOUT, call, environment, examples, on_a_terminal

from rnncli.cli import COMMANDS

PANELS = [
    "Data",
    "Files",
    "Budget",
    "Sampling",
    "Search",
    "Views",
    "Units",
    "Lag",
    "Output",
    "Model",
    "Advanced",
]
ANSWERS = ["classify", "generate", "translate"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder as the examples expect it: files of texts, and no model but the bundled."""
    folder = tmp_path_factory.mktemp("examples")
    write_lines(folder / "texts.txt", *(f"the {subject} was dreadful" for subject in SUBJECTS))
    texts = write_reviews(folder / "texts.csv")
    texts.write_text(re.sub(",good$", ",positive", texts.read_text(), flags=re.MULTILINE))
    write_story(folder / "shakespeare.txt")
    write_pairs(folder / "pairs.tsv")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("command", [*ANSWERS, "evaluate", "inspect"])
def test_a_help_page_begins_with_three_examples_that_work(command: str, folder: Path) -> None:
    lines = examples(command)
    assert len(lines) == 3
    typed = [line.replace("rnncli", f'"{sys.executable}" -m rnncli', 1) for line in lines]
    done = subprocess.run(
        ["bash", "-ec", "\n".join(typed)],
        capture_output=True,
        cwd=folder,
        env=environment({"PYTHONPATH": os.pathsep.join(sys.path)}),
        stdin=subprocess.DEVNULL,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout


def test_the_examples_of_training_work_with_fewer_steps(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        if path.is_file():
            (tmp_path / path.name).symlink_to(path)
    lines = examples("train")
    assert len(lines) == 3
    for line in lines:
        result = call(*shlex.split(line)[1:], *SMALL, "--steps", 1, cwd=tmp_path)
        assert result.code == 0, result.err


def test_the_first_page_begins_with_examples_that_work(folder: Path, tmp_path: Path) -> None:
    page = call(env={"COLUMNS": "80"}).out.decode()
    label, translate, plan, *_ = re.findall(
        r"^ +((?:echo .+ \| )?rnncli .+?) *$", page, re.MULTILINE
    )
    text, _, command = label.removeprefix("echo ").partition(" | ")
    stdin = f"{shlex.split(text)[0]}\n".encode()
    assert len(call(*shlex.split(command)[1:], stdin=stdin, cwd=tmp_path).lines) == 1
    assert call(*shlex.split(plan)[1:], cwd=folder).code == 0
    assert len(call(*shlex.split(translate)[1:], cwd=tmp_path).lines) == 1


def test_the_examples_of_labelling_name_texts_and_options_that_there_are(folder: Path) -> None:
    label, suggest, review = examples("label")
    assert "--labels" in label
    assert len(call(*shlex.split(suggest)[1:], cwd=folder).lines) == 1 + len(SUBJECTS)
    assert "--review" in review


def test_no_colour_of_a_help_page_is_unreadable_on_white_or_black() -> None:
    page = on_a_terminal("forecast", "--help").decode()
    codes = set(re.findall(r"\d+", " ".join(re.findall(r"\x1b\[([\d;]+)m", page))))
    assert codes >= {"1", "2", "35"}
    assert codes <= {"0", "1", "2", "35"}  # bold, dim, magenta


@pytest.mark.parametrize("command", [*COMMANDS])
def test_panels_stand_in_the_order_of_need(command: str) -> None:
    page = call(command, "--help", env={"COLUMNS": "80"}).out.decode()
    titles = re.findall(r"^╭─ (\w+) ─", page, re.MULTILINE)
    assert titles[:2] == ["Arguments", "Options"]
    assert titles[2:] == [panel for panel in PANELS if panel in titles]
    assert "Output" in titles
    assert len(page.splitlines()) <= 120
