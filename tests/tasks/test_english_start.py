"""Generators of English start from the one that comes with rnncli."""

import json
from pathlib import Path

import pytest
from shell import call

import rnncli
from rnncli.data.corpora import bundled_file

GERMAN = "Am Morgen ging der Bäcker über die Brücke und kaufte frische Eier für seine Kuchen.\n"
CODE = "for (int i = 0; i < n; ++i) { if (a[i] != b[i]) return std::abs(a[i] - b[i]); }\n"


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "play.txt"
    path.write_text(bundled_file("stories.txt").read_text("utf-8")[:12_000], "utf-8")
    return path


def planned_start(path: Path, *options: str) -> object:
    """Return the model that a training would start from."""
    result = call("train", "--dry-run", "--json", path, *options)
    assert result.code == 0, result.err
    return json.loads(result.out)["init_from"]


def test_a_text_in_english_starts_from_the_model_of_english(play: Path, tmp_path: Path) -> None:
    notices: list[str] = []
    trained, new = (
        rnncli.train(play, output=tmp_path / name, announce=notices.append, steps=10, **settings)
        for name, settings in (("english", {}), ("new", {"init_from": "none"}))
    )
    (start,) = (notice for notice in notices if notice.startswith("start: "))
    assert "bundled:english" in start
    assert trained.scores["bits_per_character"] < new.scores["bits_per_character"] - 0.5
    assert "bundled:english" in (tmp_path / "english" / "README.md").read_text("utf-8")
    assert planned_start(play) == "bundled:english"


@pytest.mark.parametrize("text", [GERMAN, CODE], ids=["german", "code"])
def test_other_texts_start_from_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(text * 30, "utf-8")
    assert planned_start(path) is None


@pytest.mark.parametrize(
    "options",
    [("--init-from", "none"), ("--hidden-size", "8"), ("--cell", "gru"), ("--level", "word")],
    ids=lambda options: options[0],
)
def test_it_starts_from_nothing_where_that_or_a_size_is_asked_for(
    play: Path, options: tuple[str, str]
) -> None:
    assert planned_start(play, *options) is None
