"""The modules that a command loads, in a fresh process."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from models import classifier, generator, translator
from shell import HEAVY, NOT_FOR_HELP, TELL, TIMEOUT, environment

COMMANDS = (
    "train",
    "generate",
    "classify",
    "translate",
    "transcribe",
    "evaluate",
    "inspect",
    "label",
    "models",
)


def imported(tmp_path: Path, *arguments: object) -> set[str]:
    """Run a command in a fresh process and return the libraries that it loaded."""
    modules = tmp_path / "modules.json"
    done = subprocess.run(
        [sys.executable, "-c", TELL, modules, *map(str, arguments)],
        capture_output=True,
        env=environment(),
        timeout=TIMEOUT,
        check=True,
    )
    code, names = json.loads(modules.read_text())
    assert not code
    assert done.stdout
    assert "typer" in names
    return set(names)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], *([command, "--help"] for command in COMMANDS)],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    assert imported(tmp_path, *arguments) & NOT_FOR_HELP == set()


@pytest.mark.parametrize(
    ("command", "model"),
    [("generate", generator), ("classify", classifier), ("translate", translator)],
)
def test_answers_are_given_without_torch(
    command: str, model: Callable[[], Path], tmp_path: Path
) -> None:
    names = imported(tmp_path, command, "-m", model(), "the cat sleeps here")
    assert names & HEAVY == set()
    assert "numpy" in names
    assert imported(tmp_path, "inspect", model(), "the cat sleeps here") & HEAVY == set()


# Write the files below the bundled models that a command opened to stdout.
OPENED = """
import contextlib, sys
opened = set()
def note(event, arguments):
    if event == "open" and "models" in str(arguments[0]):
        opened.add(str(arguments[0]))
sys.addaudithook(note)
import rnncli.cli
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(sys.stderr):
    rnncli.cli.app(prog_name="rnncli")
from rnncli.storage.bundled import PLACES
print(*sorted(name for name in opened if any(name.startswith(str(place)) for place in PLACES)))
"""


@pytest.mark.parametrize("command", ["--help", "translate --help", "classify", "bundled"])
def test_a_bundled_model_is_read_where_it_is_asked(command: str) -> None:
    arguments = command.split()
    if command == "classify":
        arguments += ["-m", str(classifier()), "lovely"]
    if command == "bundled":
        arguments = ["classify", "-m", "bundled:sentiment", "lovely"]
    done = subprocess.run(
        [sys.executable, "-c", OPENED, *arguments],
        capture_output=True,
        env=environment(),
        timeout=TIMEOUT,
        check=True,
        text=True,
    )
    models = {Path(name).parent.name for name in done.stdout.split()}
    assert models == ({"sentiment"} if command == "bundled" else set())


def test_the_package_loads_nothing_until_it_is_asked() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, rnncli; before = set(sys.modules); rnncli.TextClassifier;"
            "print(sorted(before & {'numpy', 'torch', 'typer', 'rnncli.tasks'}));"
            "print(sorted(set(sys.modules) & {'torch', 'datasets', 'typer'}))",
        ],
        capture_output=True,
        env=environment(),
        timeout=TIMEOUT,
        check=True,
        text=True,
    )
    assert done.stdout == "[]\n[]\n"


@pytest.mark.parametrize(
    ("command", "model"),
    [("generate", generator), ("classify", classifier), ("translate", translator)],
)
def test_a_console_is_made_for_colours_alone(command: str, model: Callable[[], Path]) -> None:
    code = (
        "import sys, rnncli.cli, contextlib\n"
        "with contextlib.suppress(SystemExit): rnncli.cli.app()\n"
        "print('rich.console' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, command, "-m", str(model()), "the cat sleeps here"],
        capture_output=True,
        env=environment(),
        timeout=TIMEOUT,
        check=True,
    )
    assert done.stdout
    assert done.stderr == b"False\n"
