"""The modules that a command loads, in a fresh process."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from models import classifier, generator, translator
from shell import HEAVY, NOT_FOR_HELP, TIMEOUT, environment, loaded_modules

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


def test_help_loads_nothing_heavy() -> None:
    pages = [["--help"], ["--version"], *([command, "--help"] for command in COMMANDS)]
    assert loaded_modules(*pages)[1] & NOT_FOR_HELP == set()


@pytest.mark.parametrize(
    ("command", "model"),
    [("generate", generator), ("classify", classifier), ("translate", translator)],
)
def test_answers_are_given_without_torch_and_without_a_console(
    command: str, model: Callable[[], Path]
) -> None:
    answer, modules = loaded_modules([command, "-m", model(), "the cat sleeps here"])
    assert answer.out and not answer.err
    assert modules & HEAVY == set()
    assert "numpy" in modules
    assert "rich.console" not in modules  # which colours alone need


def test_models_are_inspected_without_torch() -> None:
    words = [["inspect", m(), "the cat sleeps here"] for m in (classifier, generator, translator)]
    assert loaded_modules(*words)[1] & HEAVY == set()


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
