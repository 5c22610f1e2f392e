"""What was typed is found, or what was perhaps meant is named."""

import os
import subprocess
from pathlib import Path

import pytest
from corpora import error_of, rows_of, write

from rnncli.data.corpus import read_corpus
from rnncli.errors import DataError


def test_the_second_file_is_found_beside_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus").mkdir()
    for name, content in (("train.en", "one\ntwo\n"), ("train.ja", "一\n二\n")):
        write(tmp_path / "corpus" / name, content)
    first, second = str(Path("corpus/train.en")), str(Path("corpus/train.ja"))
    corpus = read_corpus([first, "train.ja"])
    assert rows_of(corpus) == [("one", "一"), ("two", "二")]
    assert corpus.languages == ("en", "ja")
    assert corpus.notices[0] == f"second file: {second}, beside the first"
    assert corpus.fingerprint == read_corpus([first, second]).fingerprint
    write(tmp_path / "train.ja", "三\n四\n")
    here = read_corpus([first, "train.ja"])
    assert rows_of(here) == [("one", "三"), ("two", "四")]
    assert here.notices == ("task: translate, from en to ja",)
    assert error_of(first, "train.fr").message == "no such file: train.fr"


def test_what_does_not_exist_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "reviews-2024.csv", "text,label\na,x\nb,y\n")
    (tmp_path / "org" / "name").mkdir(parents=True)
    assert error_of("reviews-2023.csv").message == "no such file: reviews-2023.csv"
    assert error_of("reviews-2023.csv").hint == "did you mean reviews-2024.csv?"
    for path in ("data/train.en", "./imdb", "a/b/c", "text.txt.gz", "x/y.jsonl"):
        assert error_of(path).message == f"no such file: {path}"
    assert error_of("train.en", "train.fr").message == "no such file: train.en"
    assert error_of("imdb", "sst2").message == "no such file: imdb"
    assert error_of("org").message == error_of("org/name").message.replace("/name", "")
    assert error_of("org/name").hint == "name a file in it: ls org/name"
    assert error_of(os.devnull).message == f"{os.devnull} is empty"
    write(Path("org/models.csv"), "")
    assert "did you mean" not in str(error_of("org/tickets.csv").hint)
    assert error_of("org/modles.csv").hint == "did you mean org/models.csv?"
    assert error_of("imbd").hint == "did you mean imdb?"
    assert error_of("reviws").hint == "did you mean reviews?"
    assert "one of: reviews, stories, phrasebook, imdb" in (error_of("zzzzzz").hint or "")
    assert "no file" in error_of("what a fine day " * 1_000).message


def test_a_directory_is_not_taken_for_a_dataset_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stanfordnlp" / "imdb").mkdir(parents=True)
    assert "a directory here has the same name" in error_of("imdb").message


def test_only_the_hub_has_revisions(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "one\ntwo\n")
    with pytest.raises(DataError, match="is not on the hub and has no revisions"):
        read_corpus([path], revision="main")


@pytest.mark.parametrize("ending", ["csv", "txt"])
def test_several_files_are_joined_by_the_command_of_the_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.chdir(tmp_path)
    names = [f"{number} b.{ending}" for number in range(3)]
    header = "text,label\n" if ending == "csv" else ""
    for name in names:
        write(tmp_path / name, f"{header}a {name},x\n")
    hint = error_of(*names).hint
    assert hint is not None
    command = hint.removeprefix("join them first: ").removesuffix(" | rnncli train -")
    joined = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert joined.stdout == header + "".join(f"a {name},x\n" for name in names)
