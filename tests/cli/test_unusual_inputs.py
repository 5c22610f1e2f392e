"""Inputs that hold no text, or tables of which no column is named."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from models import classifier, generator, reviews, translator, write_lines
from shell import Result, call, explained, rnncli

from rnncli import Translator
from rnncli.config import BUNDLED_CORPORA, TASKS

COMMANDS: dict[str, Callable[[], Path]] = {
    "classify": classifier,
    "generate": generator,
    "translate": translator,
}
every_command = pytest.mark.parametrize("command", COMMANDS)


def words(command: str) -> list[object]:
    return [command, "-m", COMMANDS[command](), *(["--length", 3] if command == "generate" else [])]


@every_command
def test_an_empty_file_is_an_error(command: str, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    for name in ("lines.txt", "table.csv", "table.tsv", "table.jsonl"):
        (tmp_path / name).touch()
        hint = explained(call(*words(command), "-i", tmp_path / name, "-o", out), 1, name, "empty")
        assert hint == f"look at it: ls -l {tmp_path / name}"
    (tmp_path / "table.csv").touch()
    explained(call(*words(command), "-i", tmp_path / "table.csv", "--column", "text"), 1, "empty")
    assert not out.exists()


@pytest.mark.parametrize("command", ["classify", "translate"])
def test_an_empty_stdin_is_told_in_a_pipe_and_an_error_for_a_file(
    command: str, tmp_path: Path
) -> None:
    result = call(*words(command))
    assert (result.code, result.out) == (0, b"")
    assert result.err == "stdin is empty: there is no line to answer\n"
    out = tmp_path / "out.txt"
    explained(call(*words(command), "-o", out), 1, "stdin is empty", str(out))
    assert not out.exists()


@pytest.mark.parametrize("options", [(), ("--json",), ("-n", 2)])
def test_a_generator_draws_from_the_start_where_stdin_is_empty(options: tuple[object, ...]) -> None:
    command = (*words("generate"), "--seed", 1, *options)
    result = call(*command)
    assert (result.code, result.err) == (0, "")
    assert result.out == call(*command, stdin=b"\n").out != b""
    closed = rnncli(*command, preexec_fn=lambda: os.close(0))
    assert (closed.err, closed.out) == ("", result.out)


@every_command
@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("t.csv", ["id,text,source", "1,the soup,a"]),
        ("t.tsv", ["id\ttext\tsource", "1\tthe soup\ta"]),
        ("t.jsonl", ['{"id": 1, "text": "the soup", "source": "a"}']),
    ],
)
def test_a_table_without_a_named_column_is_asked_about(
    command: str, name: str, lines: list[str], tmp_path: Path
) -> None:
    path = write_lines(tmp_path / name, *lines)
    result = call(*words(command), "-i", path)
    hint = explained(result, 1, name, "id, text, source")
    assert shlex.split(hint)[-2:] == ["--column", "text"]
    answered = call(*shlex.split(hint)[1:])
    assert answered.code == 0
    assert len(answered.out.splitlines()) >= len(lines)
    (other,) = re.findall(r"or, for its lines as they are: rnncli (.*)", result.err)
    assert other.endswith(f"< {path}")
    lines_alone = call(*shlex.split(other.partition(" < ")[0]), stdin=path.read_bytes())
    assert lines_alone.code == 0
    assert len(lines_alone.lines) >= len(lines)  # a sample may have several


def test_lines_without_tabs_are_no_table_by_their_name_alone(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "lines.tsv", "the soup was lovely", "the bread")
    assert len(call("classify", "-m", classifier(), "-i", path).lines) == 2


def test_a_text_without_a_letter_stays_as_it_is() -> None:
    texts = ["42", "3.14 %", "---", "2021-04-05", "", "the cat sleeps here"]
    model = Translator.load(translator())
    answers = [translation.text for translation in model(texts)]
    assert answers[:-1] == texts[:-1]
    assert answers[-1] not in ("", texts[-1])
    assert [best[0].text for best in model.nbest(texts, nbest=3)] == answers


def test_a_model_of_numbers_translates_them(tmp_path: Path) -> None:
    rows = [f"{n}-{m}\tthe {n} of {m}" for n in range(10, 30) for m in range(10, 13)]
    data = write_lines(tmp_path / "dates.tsv", "source\ttarget", *rows)
    command = ("train", data, "-o", tmp_path / "m", "--task", "translate", "--level", "char")
    result = call(*command, "--hidden-size", 8, "--embedding-dim", 8, "--steps", 4)
    assert result.code == 0, result.err
    (translation,) = Translator.load(tmp_path / "m")(["12-10"])
    assert translation.text != "12-10"
    assert translation.length > 0


def test_a_file_that_cannot_be_read_is_explained(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    write_lines(tmp_path / "folder" / "b.txt", "the soup")
    (tmp_path / "link.txt").symlink_to("nowhere.txt")
    (tmp_path / "empty").mkdir()

    def ask(name: str) -> Result:
        return call(*words("classify"), "-i", name, cwd=tmp_path)

    hint = explained(ask("folder"), 2, "the answers to a folder")
    assert call(*shlex.split(hint)[1:], cwd=tmp_path).code == 0
    assert (tmp_path / "answers" / "b.txt").read_text().endswith("\tthe soup\n")
    generating = call(*words("generate"), "-i", "empty", cwd=tmp_path)
    assert explained(generating, 1, "a directory without files")
    assert "curl" in explained(ask("https://example.com/a.txt"), 1, "https://example.com/a.txt is")
    assert "ls -l" in explained(ask("link.txt"), 1, "a link to nowhere.txt")
    assert "folder/b.txt" in explained(ask("folder/b.tx"), 1, "no such file")


def test_a_pipe_of_another_encoding_is_converted_in_the_pipe() -> None:
    text = "the soup was dreadful\n"
    hint = explained(call(*words("classify"), stdin=text.encode("utf-16")), 1, "is UTF-16")
    iconv, _, typed = hint.partition(": ")[2].partition(" | ")
    assert shlex.split(typed) == ["rnncli", *map(str, words("classify"))]
    converted = subprocess.run(
        shlex.split(iconv), input=text.encode("utf-16"), capture_output=True, check=True
    )
    assert converted.stdout == text.encode()


@pytest.mark.parametrize("command", COMMANDS)
def test_lines_that_end_in_carriage_returns_alone_are_one_text_and_that_is_told(
    command: str, tmp_path: Path
) -> None:
    content = b"the soup\rwas dreadful\r"
    options = ["--score"] if command == "generate" else []
    asked = [command, "-m", COMMANDS[command](), *options]
    piped = call(*asked, stdin=content)
    assert (piped.code, len(piped.lines)) == (0, 1)
    assert piped.err.count("standard input: its lines end in carriage returns alone") == 1
    *_, converter, typed = piped.err.splitlines()[-1].replace(" | ", ": ").split(": ")
    lines = subprocess.run(shlex.split(converter), input=content, capture_output=True, check=True)
    assert len(call(*shlex.split(typed)[1:], stdin=lines.stdout).lines) == 2
    (tmp_path / "a.txt").write_bytes(content)
    named = call(*asked, "-i", "a.txt", cwd=tmp_path)
    assert "hint: convert it: tr '\\r' '\\n' < a.txt > unix-a.txt\n" in named.err
    assert "carriage" not in call(*asked, stdin=b"the soup\r\n\r\n").err


@pytest.mark.parametrize("task", TASKS)
def test_where_there_is_no_model_one_of_the_task_can_be_trained(task: str, tmp_path: Path) -> None:
    usual = call(task, "-m", f"models/{task}", "a day", cwd=tmp_path)
    hint = explained(usual, 1, f"models/{task} does not exist")
    typed = shlex.split(hint.removeprefix("train one: "))
    if task in BUNDLED_CORPORA:
        planned = call(*typed[1:], "--dry-run", "--json", cwd=tmp_path)
        assert json.loads(planned.out)["task"] == task
    else:
        assert typed == ["rnncli", "train", "DATA"]
    assert "-o" not in typed
    evaluated = call("evaluate", f"models/{task}", cwd=tmp_path)
    assert explained(evaluated, 1, "does not exist") == hint
    elsewhere = explained(call(task, "-m", "mine", "a day", cwd=tmp_path), 1, "mine does not exist")
    assert shlex.split(elsewhere)[-2:] == ["-o", "mine"]


def test_a_model_in_use_is_scored_without_being_named(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    nothing = explained(call("evaluate", cwd=tmp_path), 1, "no model in models")
    assert nothing == "train one: rnncli train"
    (tmp_path / "models/classify").symlink_to(classifier())
    expected = call("evaluate", classifier(), reviews(), "--no-baselines").lines
    for arguments in ([reviews()], ["-m", "models/classify", reviews()]):
        result = call("evaluate", *arguments, "--no-baselines", cwd=tmp_path)
        assert (result.code, result.lines) == (0, expected)
    (tmp_path / "models/generate").symlink_to(generator())
    hint = explained(call("evaluate", reviews(), cwd=tmp_path), 1, "several models")
    result = call(*shlex.split(hint)[1:], cwd=tmp_path)
    assert result.code == 0
    assert "bits per character" in "".join(result.lines)
    environment = {"RNNCLI_MODEL": str(classifier())}
    result = call("evaluate", reviews(), "--no-baselines", cwd=tmp_path, env=environment)
    assert (result.code, result.lines) == (0, expected)
    explained(call("evaluate", "models/translate", cwd=tmp_path), 1, "models/translate does not")


def test_a_folder_of_classes_is_data_to_score_on(tmp_path: Path) -> None:
    for label in ("good", "bad"):
        (tmp_path / "texts" / label).mkdir(parents=True)
        write_lines(tmp_path / "texts" / label / "1.txt", f"the soup was {label}")
    result = call("evaluate", "-m", classifier(), tmp_path / "texts", "--json", "--no-baselines")
    assert json.loads(result.out)["texts"] == 2
    environment = {"RNNCLI_MODEL": str(classifier())}
    other = call("evaluate", tmp_path / "texts", "--json", "--no-baselines", env=environment)
    assert other.out == result.out
