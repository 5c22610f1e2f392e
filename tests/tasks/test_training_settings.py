"""The settings that only some tasks have."""

from pathlib import Path

import pytest
from models import classifier, generator, pairs, reviews, story
from shell import call, explained

DATA = {"classify": reviews, "translate": pairs, "generate": story}


@pytest.mark.parametrize(
    ("task", "option", "of"),
    [
        ("generate", ["--freeze"], "classify"),
        ("translate", ["--freeze"], "classify"),
        ("generate", ["--ngrams"], "classify"),
        ("translate", ["--vectors", "english"], "classify"),
        ("translate", ["--unlabelled", __file__], "classify"),
        ("classify", ["--memory"], "translate"),
        ("classify", ["--bptt", "8"], "generate"),
        ("generate", ["--word-dropout", "0.1"], "classify or translate"),
    ],
)
def test_a_setting_of_another_task_is_an_error(
    task: str, option: list[str], of: str, tmp_path: Path
) -> None:
    words = ["train", DATA[task](), "-o", tmp_path / "m", "--steps", 1, *option]
    for command in (words, [*words, "--dry-run"]):
        hint = explained(call(*command), 2, option[0], f"for the task {of}", task)
        assert hint.startswith(f"leave {option[0]} out")
    assert not (tmp_path / "m").exists()


def test_a_model_to_start_from_does_not_make_freezing_a_setting_of_a_generator(
    tmp_path: Path,
) -> None:
    words = ("--freeze", "--init-from", generator(), "-o", tmp_path / "m")
    explained(call("train", story(), *words), 2, "--freeze", "classify")
    with_labels = ("--freeze", "--init-from", classifier(), "--dry-run")
    assert call("train", reviews(), *with_labels).code == 0


@pytest.mark.parametrize(
    "without", [["--no-freeze"], ["--no-ngrams"], ["--vectors", "none"], ["--word-dropout", "0"]]
)
def test_to_be_without_a_setting_is_nothing_that_other_tasks_refuse(without: list[str]) -> None:
    assert call("train", story(), "--dry-run", *without).code == 0
