"""The settings that only some tasks have."""

import json
from pathlib import Path

import pytest
from models import SMALL, classifier, generator, pairs, reviews, story
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


def test_a_generator_of_many_words_smooths_its_labels_too(tmp_path: Path) -> None:
    text = tmp_path / "words.txt"
    text.write_text("".join(f"w{i} w{i}\n" for i in range(11_000)))  # the softmax is sampled
    losses = []
    for smoothing in (0, 0.5):
        options = ("--level", "word", "--label-smoothing", smoothing, "--steps", 1, "--force")
        result = call("train", text, "-o", tmp_path / "m", *SMALL, "--batch-size", 2, *options)
        assert result.code == 0, result.err
        (line,) = (tmp_path / "m" / "metrics.jsonl").read_text().splitlines()
        losses.append(json.loads(line)["training_loss"])
    assert losses[1] > losses[0] + 0.01


def test_weights_that_grow_without_bounds_are_told_by_the_loss_alone(tmp_path: Path) -> None:
    options = ("--steps", 2, "--weight-decay", 1e9)
    result = call("train", reviews(), "-o", tmp_path / "m", *SMALL, *options)
    assert result.code == 0 and "half the learning rate" in result.err
    assert "Warning" not in result.err


def test_more_samples_than_memory_holds_are_refused() -> None:
    for number in (1_000_001, 10**20):
        result = call("generate", "-m", generator(), "-n", number, "The ")
        assert result.code == 2 and "1,000,000" in result.err and not result.out


def test_a_long_name_of_a_column_is_told_by_its_beginning(tmp_path: Path) -> None:
    data = tmp_path / "pairs.tsv"
    lines = pairs().read_text().splitlines()
    data.write_text("\n".join([f"{'x' * 20_000}\ty", *lines[1:]]) + "\n")
    columns = ("--source", "x" * 20_000, "--target", "y")
    result = call("train", data, "--task", "translate", *columns, "--dry-run")
    assert result.code == 0, result.err
    assert len(result.err) < 5_000
