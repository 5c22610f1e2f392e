"""Wrong usage is explained as other errors are, with the command to type instead."""

from pathlib import Path

import pytest
from models import write_reviews
from shell import call, explained

from rnncli.cli import COMMANDS

EXPORT_HELP, PUSH_HELP = "rnncli models export --help", "rnncli models push --help"


@pytest.mark.parametrize(
    ("typed", "named", "hint"),
    [
        ("classify --onyl bad x", "--onyl", "rnncli classify --only bad x"),
        ("classify --colour=never x", "--colour", "rnncli classify --color=never x"),
        ("clasify x y", "clasify", "rnncli classify x y"),
        ("zzz", "zzz", "rnncli --help"),
        ("generate --typo", "--typo", "rnncli generate --help"),
        ("--vers", "--vers", "rnncli --version"),
        ("train -z", "-z", "rnncli train --help"),
        ("classify --batch-size x a", "'x'", "rnncli classify a --batch-size 1024"),
        ("generate -n 0", "1 to 1,000,000", "rnncli generate -n 1"),
        ("train --epochs x", "not a number", "rnncli train --help"),
        ("classify --color on x", "auto, always, never", "rnncli classify x --color auto"),
        ("classify -i", "-i needs a value", "rnncli classify --help"),
        ("classify --quiet=3 x", "--quiet takes no", "rnncli classify x --quiet"),
        ("models a b", "too many arguments for rnncli models [DIR]: b", "rnncli models --help"),
        ("models export", "MODEL is missing in rnncli models export MODEL", EXPORT_HELP),
        ("models push a", "ORG/NAME is missing in rnncli models push MODEL ORG/NAME", PUSH_HELP),
        ("models export a b", "too many arguments for rnncli models export MODEL: b", EXPORT_HELP),
        ("models export a -o b", "-o", EXPORT_HELP),
        ("models export -m a --html b", "-m", "rnncli models export a --html b"),
        ("export a --html b", "'export'", "rnncli models export a --html b"),
        ("forecast -i a.csv -m b", "-i", "rnncli forecast a.csv -m b"),
        ("evaluate --input=a.csv", "--input", "rnncli evaluate a.csv"),
        ("train --model a b.csv", "--model", "rnncli train --help"),
    ],
)
def test_wrong_usage_is_an_error_with_a_command(typed: str, named: str, hint: str) -> None:
    assert explained(call(*typed.split()), 2, named) == hint


def test_the_name_of_a_file_is_no_command(tmp_path: Path) -> None:
    write_reviews(tmp_path / "texts.csv")
    result = call("texts.csv", "-o", "m", cwd=tmp_path)
    assert explained(result, 2, "a file") == "rnncli train texts.csv -o m"


def test_without_a_command_there_is_the_first_page() -> None:
    page = call().out.decode()
    assert all(command in page for command in COMMANDS)
