"""The README says what is true: its commands run, and it names every command and option."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rnncli.cli import COMMANDS, SUBCOMMANDS, load_command

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
# The module of every command, by its name.
MODULES = {name: name for name in COMMANDS} | {
    " ".join(words): module for words, module in SUBCOMMANDS.items()
}
# What a person types in the tour, line by line: `$ ` in the console blocks.
TYPED = re.findall(r"^\$ (.+)$", README, re.MULTILINE)


def quick(line: str) -> str:
    """Return the line with this interpreter's rnncli, and with training cut to two steps.

    A translator's datastore takes long to build, and tests of its own.
    """
    line = line.replace("rnncli", f"{shlex.quote(sys.executable)} -m rnncli")
    line = line.replace("rnncli train phrasebook", "rnncli train phrasebook --no-memory")
    return re.sub(r"(-m rnncli train)\b", r"\1 --steps 2", line)


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    """Run what the tour has to be typed, and return the folder where it was."""
    folder = tmp_path_factory.mktemp("tour")
    assert len(TYPED) >= 8
    for line in TYPED:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", quick(line)],
            cwd=folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    return folder


@pytest.mark.slow
def test_the_tour_runs_as_it_is_written(tour):
    assert {path.name for path in (tour / "models").iterdir()} == {
        "classify",
        "generate",
        "lstm",
        "rnn",
        "translate",
    }


@pytest.mark.slow
@pytest.mark.parametrize("example", re.findall(r"```python\n(.+?)```", README, re.DOTALL))
def test_python_examples_run(example, tour):
    for name in re.findall(r"^(?:import|from) (\w+)", example, re.MULTILINE):
        pytest.importorskip(name)
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tour, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_recorded_screen_is_a_picture_that_needs_nothing_else():
    (path,) = re.findall(r"!\[.+\]\((.+\.svg)\)", README)
    picture = Path(__file__).parent.parent / path
    assert picture.stat().st_size < 60_000
    texts = [element.text for element in ElementTree.parse(picture).iter() if element.text]
    shown = "".join(texts).replace("\xa0", " ")
    assert "$ rnncli train" in shown
    assert "saved models/classify" in shown
    assert "url(http" not in shown


@pytest.mark.parametrize("name", MODULES)
def test_every_command_and_option_has_help_and_stands_in_the_readme(name):
    assert f"rnncli {name}" in README
    parameters = load_command(MODULES[name]).params
    assert len(parameters) >= 4
    for parameter in parameters:
        if parameter.name == "help":
            continue
        assert parameter.help, f"{name}: {parameter.name} has no help"
        if parameter.opts[0].startswith("-"):
            longest = max(parameter.opts, key=len)
            assert f"`{longest}`" in README, f"{longest} does not stand in the README"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_their_own_help_begins_with(name):
    assert " ".join(load_command(name).help.split()).startswith(COMMANDS[name])


def test_every_public_corpus_stands_in_the_readme():
    from rnncli.data.corpora import BUNDLED, PUBLIC

    for name in [*BUNDLED, *PUBLIC]:
        assert f"`{name}`" in README
