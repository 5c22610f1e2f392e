"""The settings that `train` chooses by the data and the speed of this machine."""

import time
from pathlib import Path
from typing import Any

import pytest
from models import pairs, story, write_lines

from rnncli.config import DEFAULTS, Settings, Task
from rnncli.data.corpus import read_corpus
from rnncli.data.split import hold_out
from rnncli.tasks.trainer import recipe_of
from rnncli.training.contract import TrainingData
from rnncli.training.sizing import stage_seconds

SECOND, WEEK = 1.0, 7 * 24 * 3600.0
sized_by_time = pytest.mark.parametrize(
    ("task", "data"), [("generate", story), ("translate", pairs)]
)


def choose(task: Task, path: Any, **overrides: Any) -> tuple[Settings, list[str]]:
    train, _ = hold_out(read_corpus([str(path)], task=task), fraction=0.1, seed=0)
    announced: list[str] = []
    overrides |= {"device": "cpu", "precision": "float32"}
    data = TrainingData(train, train)
    return recipe_of(task).choose(data, overrides, announced.append), announced


def test_a_translator_is_wider_where_there_is_more_time() -> None:
    short, announced = choose("translate", pairs(), max_time=SECOND)
    long, _ = choose("translate", pairs(), max_time=WEEK)
    default = DEFAULTS["translate"].hidden_size
    assert short.hidden_size < default < long.hidden_size
    assert (short.embedding_dim, long.embedding_dim) == (short.hidden_size, long.hidden_size)
    assert any("target tokens a second" in line for line in announced)


def test_a_short_budget_reads_only_the_pairs_that_it_can_learn_from(tmp_path: Path) -> None:
    rows = (f"{n} " * 20 + f"birds\t{n} " + "oiseaux " * 20 for n in range(20_000))
    data = write_lines(tmp_path / "pairs.tsv", "source\ttarget", *rows)
    short, announced = choose("translate", data, max_time=SECOND)
    whole, _ = choose("translate", data, epochs=1.0)
    assert short.max_rows is not None and short.max_rows < 18_000
    assert whole.max_rows is None
    assert short.vocab_size < whole.vocab_size
    assert any(line.startswith(f"{short.max_rows:,} pairs of 18,000, as") for line in announced)


def test_half_of_a_short_budget_stays_for_the_network() -> None:
    settings = DEFAULTS["classify"].with_overrides({"max_time": 100.0})
    now = time.monotonic()
    for spent, seconds in ((0, 20), (25, 20), (40, 10), (60, 5)):
        assert stage_seconds(settings, now - spent, 0.2, 0.3) == pytest.approx(seconds, abs=1)
    assert stage_seconds(settings.with_overrides({"steps": 1}), now, 0.2, 0.3) == float("inf")


def test_pairs_of_single_words_are_read_by_character(tmp_path: Path) -> None:
    words = [f"{a}{b}" for a in ("weird", "until", "friend") for b in ("ly", "ness", "s", "less")]
    rows = [f"{word[1:]}\t{word}" for word in words]
    data = write_lines(tmp_path / "words.tsv", "source\ttarget", *rows)
    settings, announced = choose("translate", data, epochs=1.0)
    assert settings.level == "char"
    assert "pairs of single words: tokens are characters" in announced
    assert choose("translate", data, epochs=1.0, level="word")[0].level == "word"
    unspaced = [f"{n}月{n}日の天気\t{n}天气怎么样" for n in range(20)]
    data = write_lines(tmp_path / "sentences.tsv", "source\ttarget", *unspaced)
    for path in (data, pairs()):
        assert choose("translate", path, epochs=1.0)[0].level == "subword"


@sized_by_time
def test_an_explicit_width_is_kept(task: Task, data: Any) -> None:
    settings, _ = choose(task, data(), max_time=SECOND, hidden_size=77)
    assert settings.hidden_size == 77


@sized_by_time
def test_settings_of_a_reproducible_run_do_not_depend_on_the_machine(task: Task, data: Any) -> None:
    once, announced = choose(task, data(), epochs=3.0)
    again, _ = choose(task, data(), epochs=3.0)
    assert once == again
    assert not any("a second" in line for line in announced)
