"""Files of which each is one text."""

import gzip
import json
import os
from pathlib import Path

import pytest
from models import classifier
from shell import call, explained

import rnncli

TEXTS = {
    "a.txt": "the soup was lovely\n\nthe bread was cold and dull\nthe lamp was warm and bright\n",
    "b/c.txt": "the ferry let us all down",
    "d": "\n",
    "e\tf.txt": "the choir was dreadful\r\nthe map was dreadful\r\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of texts, one of them compressed."""
    for name, text in TEXTS.items():
        path = tmp_path / "texts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    (tmp_path / "texts/z.txt.gz").write_bytes(gzip.compress(TEXTS["a.txt"].encode()))
    return tmp_path


def test_each_file_is_answered_as_one_text(folder: Path) -> None:
    result = call("classify", "-m", classifier(), "--whole", "-i", "texts", cwd=folder)
    answers = rnncli.load(classifier())([*TEXTS.values(), TEXTS["a.txt"]])
    names = ["texts/a.txt", "texts/b/c.txt", "texts/d", "texts/e f.txt", "texts/z.txt.gz"]
    expected = [
        f"{answer.label}\t{answer.probability:.4f}\t{name}" if name != "texts/d" else f"\t\t{name}"
        for name, answer in zip(names, answers, strict=True)
    ]
    assert result.lines == expected, result.err
    whole = call("classify", "-m", classifier(), "--whole", "-i", "texts", "--json", cwd=folder)
    assert [json.loads(line)["file"] for line in whole.lines][3] == "texts/e\tf.txt"


def test_files_are_filtered_explained_and_written(folder: Path) -> None:
    command = ("classify", "-m", classifier(), "--whole", "-i", "texts/*.txt", "--explain")
    result = call(*command, "--only", "bad", "-o", "answers.tsv", cwd=folder)
    assert result.code == 0, result.err
    (line,) = (folder / "answers.tsv").read_text().splitlines()
    label, _, name, words = line.split("\t")
    assert (label, name) == ("bad", "texts/e f.txt")
    assert "+dreadful" in words


def test_a_name_that_is_no_unicode_is_shown(folder: Path) -> None:
    with (folder / "texts" / os.fsdecode(b"\xff.txt")).open("w") as file:
        file.write("the soup was lovely")
    result = call("classify", "-m", classifier(), "--whole", "-i", "texts", cwd=folder)
    assert any(line.endswith("/\N{REPLACEMENT CHARACTER}.txt") for line in result.lines)


def test_a_folder_without_an_output_names_both_ways(folder: Path) -> None:
    result = call("classify", "-m", classifier(), "-i", "texts", cwd=folder)
    assert "-o answers" in explained(result, 2, "need a folder")
    assert "each file as one text: rnncli classify" in result.err
    assert "--whole" not in call("translate", "--to", "fr", "-i", "texts", cwd=folder).err
