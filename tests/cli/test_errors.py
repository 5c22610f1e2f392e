"""Errors: message, hint, exit code, and nothing on disk has changed."""

import json
import os
import pickle
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from models import (
    SMALL,
    classifier,
    generator,
    reviews,
    story,
    train,
    translator,
    write_lines,
    write_reviews,
)
from shell import TIMEOUT, Result, call, command, environment, explained, rnncli, tree

from rnncli.config import FORMAT_VERSION


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write data of all kinds, of which only reviews.csv is valid."""
    write_reviews(tmp_path / "reviews.csv")
    write_lines(tmp_path / "empty.csv")
    write_lines(tmp_path / "header.csv", "text,label")
    write_lines(tmp_path / "columns.csv", "first,second", "the soup was lovely,5", "too cold,1")
    write_lines(tmp_path / "one.csv", "text,label", "lovely,good", "bright,good", "warm,good")
    write_lines(tmp_path / "text.txt", "One line.", "And another line.")
    write_lines(tmp_path / "three.en", "one", "two", "three")
    write_lines(tmp_path / "two.fr", "un", "deux")
    write_lines(tmp_path / "short.txt", "Oh!")
    (tmp_path / "notes").mkdir()
    write_lines(tmp_path / "notes" / "plans.txt", "Buy flour.")
    return tmp_path


BAD_DATA: dict[str, tuple[list[object], list[str]]] = {
    "missing file": (["nowhere.csv"], ["nowhere.csv"]),
    "missing file in a missing folder": (["no/where.csv"], ["no/where.csv"]),
    "a word that is nothing": (["nowhere"], ["nowhere"]),
    "a folder": (["notes"], ["notes"]),
    "empty file": (["empty.csv"], ["empty.csv", "empty"]),
    "header alone": (["header.csv"], ["header.csv", "empty"]),
    "columns of other names": (["columns.csv", "--task", "classify"], ["first, second"]),
    "missing text column": (["reviews.csv", "--text", "body"], ["'body'", "text, label"]),
    "missing label column": (["reviews.csv", "--label", "stars"], ["'stars'", "text, label"]),
    "no pairs": (["reviews.csv", "--task", "translate"], ["text, label"]),
    "options of two tasks": (["reviews.csv", "--label", "label", "--source", "text"], ["--source"]),
    "one class only": (["one.csv"], ["one.csv", "one class", "'good'"]),
    "no labels": (["text.txt", "--task", "classify"], ["text.txt", "labels"]),
    "not aligned": (["three.en", "two.fr"], ["three.en", "two.fr"]),
    "three files": (["text.txt", "text.txt", "text.txt"], ["3"]),
    "too short": (["short.txt"], ["short"]),
}


@pytest.mark.parametrize("name", BAD_DATA)
def test_data_that_cannot_be_learned_from_is_explained(name: str, folder: Path) -> None:
    arguments, words = BAD_DATA[name]
    before = tree(folder)
    result = call("train", *arguments, "-o", "m", *SMALL, "--steps", 1, cwd=folder)
    explained(result, 1, *words)
    assert tree(folder) == before


def test_a_missing_file_in_an_empty_folder_has_a_hint_too(tmp_path: Path) -> None:
    explained(call("train", "reviews.csv", cwd=tmp_path), 1, "reviews.csv")


def test_a_misspelt_name_gets_a_suggestion(folder: Path) -> None:
    assert "reviews.csv" in explained(call("train", "reviws.csv", cwd=folder), 1, "reviws.csv")
    assert "label" in explained(
        call("train", "reviews.csv", "--label", "lable", cwd=folder), 1, "'lable'"
    )


BAD_VALUES: dict[str, list[object]] = {
    "--dropout": [2],
    "--max-time": ["soon"],
    "--validation": [1],
    "--learning-rate": [-1],
    "--steps": [0],
    "--epochs": [0],
    "--label-smoothing": [1],
    "--clip": [0],
    "--seed": [-1],
}


@pytest.mark.parametrize("option", BAD_VALUES)
def test_invalid_training_settings_are_refused_before_training(option: str, folder: Path) -> None:
    before = tree(folder)
    result = call("train", "reviews.csv", "-o", "m", option, *BAD_VALUES[option], cwd=folder)
    explained(result, 2, str(BAD_VALUES[option][0]))
    assert tree(folder) == before


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (["--temperature", -1], "--temperature"),
        (["--temperature", "inf"], "--temperature"),
        (["--temperature", "nan"], "--temperature"),
        (["--top-k", 0], "--top-k"),
        (["--top-p", 1.5], "--top-p"),
        (["--min-p", -0.5], "--min-p"),
        (["--repetition-penalty", 0], "--repetition-penalty"),
        (["--length", 0], "--length"),
        (["--seed", -1], "--seed"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_invalid_sampling_settings_are_refused(values: list[object], word: str) -> None:
    explained(call("generate", "-m", generator(), *values, "The ferry"), 2, word, str(values[1]))


@pytest.mark.parametrize(
    "values",
    [["--nbest", 9, "--beam", 2], ["--nbest", 0], ["--beam", 0], ["--length-penalty", "nan"]],
    ids=lambda values: " ".join(map(str, values)),
)
def test_invalid_search_settings_are_refused(values: list[object]) -> None:
    explained(call("translate", "-m", translator(), *values, "the cat"), 2, *map(str, values[:2]))


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "reviews.csv", "--cell", "transformer"],
        ["train", "reviews.csv", "--hidden-size", "0"],
        ["train", "reviews.csv", "--hidden-size", "many"],
        ["classify", "--colour", "never"],
        ["clasify"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_runs_nothing(arguments: list[str], folder: Path) -> None:
    before = tree(folder)
    result = call(*arguments, cwd=folder)
    assert (result.code, result.out) == (2, b"")
    assert arguments[-1] in result.err or arguments[-2] in result.err
    assert tree(folder) == before


# models that cannot be read


def damaged(tmp_path: Path, damage: Callable[[Path], Any]) -> Path:
    """Return a copy of the classifier after some damage."""
    model = shutil.copytree(classifier(), tmp_path / "m")
    damage(model)
    return model


def edit_config(**changes: Any) -> Callable[[Path], None]:
    def edit(model: Path) -> None:
        path = model / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return edit


def cut(name: str, to: int) -> Callable[[Path], None]:
    return lambda model: os.truncate(model / name, to)


class Bomb:
    """Becomes, unpickled, a folder: the trace of code that has run."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._trace),)


DAMAGE: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "empty directory": (lambda m: [f.unlink() for f in m.iterdir()], ["config.json"]),
    "no config.json": (lambda m: (m / "config.json").unlink(), ["config.json"]),
    "config.json is no JSON": (lambda m: (m / "config.json").write_text("{"), ["config.json"]),
    "config.json is no text": (lambda m: (m / "config.json").write_bytes(b"\xff\0"), ["config"]),
    "config.json is a list": (lambda m: (m / "config.json").write_text("[1]"), ["config.json"]),
    "config.json of another tool": (
        lambda m: (m / "config.json").write_text('{"model_type": "bert"}'),
        ["config.json"],
    ),
    "a newer format": (edit_config(format_version=99), ["99", "newer"]),
    "an older format": (edit_config(format_version=1), ["format 1", "not read any more"]),
    "an unknown task": (edit_config(task="dance"), ["dance"]),
    "no architecture": (edit_config(architecture={}), ["config.json"]),
    "an architecture of words": (edit_config(architecture="big"), ["config.json"]),
    "labels left out": (edit_config(labels=["good"]), ["labels"]),
    "no weights": (lambda m: (m / "model.safetensors").unlink(), ["model.safetensors"]),
    "weights cut short": (cut("model.safetensors", 1_000), ["model.safetensors"]),
    "empty weights": (cut("model.safetensors", 0), ["model.safetensors"]),
    "weights of another model": (
        lambda m: shutil.copy(generator() / "model.safetensors", m),
        ["model.safetensors"],
    ),
    "no tokenizer": (lambda m: (m / "tokenizer.json").unlink(), ["tokenizer.json"]),
    "tokenizer cut short": (cut("tokenizer.json", 100), ["tokenizer.json"]),
    "tokenizer of another model": (
        lambda m: shutil.copy(generator() / "tokenizer.json", m),
        ["tokenizer"],
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_model_is_explained(name: str, tmp_path: Path) -> None:
    damage, words = DAMAGE[name]
    model = damaged(tmp_path, damage)
    before = tree(tmp_path)
    explained(call("classify", "-m", model, "the soup was lovely"), 1, *words)
    explained(call("evaluate", model, reviews(), "-q"), 1, *words)
    assert tree(tmp_path) == before


def test_a_newer_format_asks_for_a_newer_rnncli(tmp_path: Path) -> None:
    model = damaged(tmp_path, edit_config(format_version=FORMAT_VERSION + 1))
    hint = explained(call("classify", "-m", model, "lovely"), 1)
    assert "pip install --upgrade rnncli" in hint


def test_a_pickle_that_poses_as_weights_is_refused_and_never_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    model = damaged(
        tmp_path, lambda m: (m / "model.safetensors").write_bytes(pickle.dumps(Bomb(trace)))
    )
    explained(call("classify", "-m", model, "lovely"), 1, "model.safetensors")
    assert not trace.exists()


def test_a_pickle_that_poses_as_a_model_is_refused_and_never_run(tmp_path: Path) -> None:
    trace, model = tmp_path / "trace", tmp_path / "model.pt"
    model.write_bytes(pickle.dumps(Bomb(trace)))
    explained(call("classify", "-m", model, "lovely"), 1, "model.pt", "file")
    explained(call("evaluate", model, reviews()), 1, "model.pt", "file")
    assert not trace.exists()


def test_a_bomb_does_go_off_when_it_is_unpickled(tmp_path: Path) -> None:
    """Without this, the two tests above would show nothing."""
    pickle.loads(pickle.dumps(Bomb(tmp_path / "trace")))
    assert (tmp_path / "trace").exists()


@pytest.mark.parametrize("name", ["classify", "generate", "translate"])
def test_a_missing_model_is_explained(name: str, tmp_path: Path) -> None:
    usual = call(name, "-m", f"models/{name}", "some text", cwd=tmp_path)
    assert "rnncli train" in explained(usual, 1, f"models/{name}")
    explained(call(name, "-m", tmp_path / "nothing", "some text"), 1, "nothing")
    explained(call(name, "x", env={"RNNCLI_MODEL": str(tmp_path / "nothing")}), 1, "nothing")
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("asked", ["classify", "generate", "translate"])
def test_a_model_of_another_task_names_the_right_command(asked: str) -> None:
    for task, model in (
        ("classify", classifier()),
        ("generate", generator()),
        ("translate", translator()),
    ):
        if task != asked:
            hint = explained(call(asked, "-m", model, "some text"), 1, task)
            assert hint == f"rnncli {task} -m {model}"


def test_a_missing_input_file_is_explained(tmp_path: Path) -> None:
    explained(call("classify", "-m", classifier(), "-i", tmp_path / "no.txt"), 1, "no.txt")
    hint = explained(call("classify", "-m", classifier(), "-i", tmp_path), 2, "a folder")
    assert hint.endswith(f"-i {tmp_path} -o answers")


# places that cannot be written


@pytest.mark.parametrize("place", ["named", "models/classify"])
def test_a_finished_model_is_left_as_it_is(place: str, folder: Path) -> None:
    shutil.copytree(classifier(), folder / place)
    before = tree(folder)
    named = ["-o", place] if place == "named" else []
    result = call("train", "reviews.csv", *named, *SMALL, cwd=folder)
    assert explained(result, 1, place).endswith(f" -o {place}-2")
    assert result.err.endswith(" --force\n")
    assert tree(folder) == before


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["", "force"])
def test_a_directory_of_other_files_is_left_as_it_is(force: list[str], folder: Path) -> None:
    before = tree(folder)
    result = call("train", "reviews.csv", "-o", "notes", *SMALL, *force, cwd=folder)
    assert "-o" in explained(result, 1, "notes")
    assert tree(folder) == before


def test_a_directory_with_the_config_of_another_tool_is_left_as_it_is(folder: Path) -> None:
    (folder / "notes" / "config.json").write_text('{"name": "my web page"}')
    before = tree(folder)
    options = ("-o", "notes", "--force", *SMALL, "--steps", 1)
    explained(call("train", "reviews.csv", *options, cwd=folder), 1, "notes")
    assert tree(folder) == before


def test_force_removes_files_of_the_model_alone(folder: Path) -> None:
    model = shutil.copytree(classifier(), folder / "m")
    write_lines(model / "my-results.txt", "A week of work.")
    call("train", "reviews.csv", "-o", "m", "--force", *SMALL, "--steps", 1, cwd=folder)
    assert (model / "my-results.txt").read_text() == "A week of work.\n"


@pytest.mark.parametrize("place", ["reviews.csv", "reviews.csv/m"])
def test_a_file_where_the_model_should_go_is_left_as_it_is(place: str, folder: Path) -> None:
    before = tree(folder)
    explained(call("train", "reviews.csv", "-o", place, *SMALL, cwd=folder), 1, "reviews.csv")
    assert tree(folder) == before


@pytest.mark.parametrize("target", ["m", "nowhere"])
def test_a_link_to_nothing_where_the_model_should_go_is_left_as_it_is(
    target: str, folder: Path
) -> None:
    (folder / "m").symlink_to(target)
    explained(call("train", "reviews.csv", "-o", "m", *SMALL, cwd=folder), 1, "m is", "link")
    assert (folder / "m").readlink() == Path(target)


def test_a_folder_that_cannot_be_written_is_refused_before_training(folder: Path) -> None:
    locked = folder / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    # Root may write anywhere, but not without this capability.
    drop: list[str] = []
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root may write anywhere")
        drop = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]
    done = subprocess.run(
        [*drop, *command("train", "reviews.csv", "-o", "locked/m")],
        capture_output=True,
        cwd=folder,
        env=environment(),
        timeout=TIMEOUT,
        check=False,
    )
    locked.chmod(0o755)
    explained(Result(done.returncode, done.stdout, done.stderr.decode()), 1, "locked")
    assert tree(locked) == {}


def test_training_into_the_current_folder_works_or_is_refused_at_once(tmp_path: Path) -> None:
    result = call("train", reviews(), "-o", ".", *SMALL, "--steps", 1, cwd=tmp_path)
    if result.code == 0:
        assert (tmp_path / "model.safetensors").is_file()
    else:
        assert "training:" not in result.err
        explained(result, 1)
        assert tree(tmp_path) == {}


# evaluate


def test_data_that_changed_since_training_is_not_scored_as_held_out(tmp_path: Path) -> None:
    data = write_reviews(tmp_path / "reviews.csv")
    model = train(data, tmp_path / "m", "--steps", 1)
    with data.open("a") as file:
        file.write("the soup came late,bad\n")
    explained(call("evaluate", model), 1, "changed")
    data.unlink()
    explained(call("evaluate", model), 1, "reviews.csv")


def test_data_of_another_task_is_not_scored() -> None:
    explained(call("evaluate", classifier(), story()), 1, "labels")
    explained(call("evaluate", translator(), reviews()), 1, "text, label")


def test_a_missing_split_is_explained() -> None:
    explained(call("evaluate", classifier(), reviews(), "--split", "test"), 1, "test")


# the whole way through a process


def test_a_traceback_is_printed_for_debugging() -> None:
    arguments = ("classify", "-m", generator(), "some text")
    explained(call(*arguments), 1, "generate")
    debug = rnncli(*arguments, env={"RNNCLI_DEBUG": "1"})
    assert "Traceback" in debug.err
    assert (debug.code, debug.out) == (1, b"")
