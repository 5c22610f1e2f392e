"""What rnncli knows by name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rnncli.config import TASK_COLUMNS
from rnncli.data.corpora import BUNDLED, DEFAULT_CORPUS, PUBLIC, bundled_path
from rnncli.data.corpus import read_corpus
from rnncli.data.values import column_values
from rnncli.errors import DataError

BUNDLED_TASKS = {"reviews": "classify", "stories": "generate", "phrasebook": "translate"}


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_corpus_is_there_and_of_its_task(name: str) -> None:
    corpus = read_corpus([name])
    assert corpus.name == name
    assert corpus.task == BUNDLED_TASKS[name]
    assert corpus.licence == "MIT"


def test_the_default_corpus_is_the_bundled_reviews() -> None:
    corpus = read_corpus([])
    assert corpus.name == DEFAULT_CORPUS == "reviews"
    assert corpus.columns == {"text": "text", "label": "label"}
    assert corpus.notices[0] == "data: the bundled reviews"
    assert corpus.fingerprint == read_corpus(["reviews"]).fingerprint


def test_the_phrasebook_goes_from_english_to_french() -> None:
    corpus = read_corpus(["phrasebook"])
    assert corpus.columns == {"source": "english", "target": "french"}
    assert corpus.languages == ("en", "fr")


def test_a_bundled_corpus_can_be_read_for_another_task() -> None:
    assert read_corpus(["reviews"], task="generate").task == "generate"
    with pytest.raises(DataError, match="stories is plain text, which has no labels"):
        read_corpus(["stories"], task="classify")


def test_a_file_comes_before_a_bundled_corpus_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stories").write_text("one\ntwo\n")
    monkeypatch.chdir(tmp_path)
    assert list(column_values(read_corpus(["stories"]).splits["train"], "text")) == [
        "one\n",
        "two\n",
    ]


def test_every_bundled_path_exists() -> None:
    assert all(bundled_path(name).is_file() for name in BUNDLED)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_corpus_is_described_in_full(name: str) -> None:
    corpus = PUBLIC[name]
    assert re.fullmatch(r"[a-z0-9_-]+", name), "a name is typed by hand"
    assert re.fullmatch(r"[\w-]+/[\w.-]+", corpus.hub_id)
    assert corpus.revision is None or re.fullmatch(r"[0-9a-f]{40}", corpus.revision)
    assert tuple(corpus.columns) in TASK_COLUMNS.values()
    assert corpus.licence


def test_names_are_not_given_twice() -> None:
    assert not BUNDLED.keys() & PUBLIC.keys()


def test_the_table_imports_no_library() -> None:
    program = "import sys, rnncli.data.corpora; print(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert not {"datasets", "torch", "numpy", "huggingface_hub"} & set(output.split())
