"""What training says about more labels: how much they would bring, if that is clear."""

import json
from pathlib import Path

import numpy as np
import pytest
from models import write_lines
from shell import call

import rnncli

SMALL = ("--hidden-size", 4, "--embedding-dim", 4, "--vectors", "none", "--steps", 2)


def test_it_tells_what_twice_the_labels_would_bring(tmp_path: Path) -> None:
    # A text's label follows from one word, and pieces of words say nothing.
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(rng.choice(letters, 6)) for _ in range(400)]
    lines = [
        f"the {words[i]} thing,{'good' if i < 200 else 'bad'}" for i in rng.integers(0, 400, 500)
    ]
    data = write_lines(tmp_path / "words.csv", "text,label", *lines)
    result = call("train", data, "-o", tmp_path / "m", *SMALL, "--json")
    assert result.code == 0, result.err
    gain = json.loads(result.out)["doubling_gain"]
    assert 0.01 < gain < 0.3
    assert f"twice the labels: about +{100 * gain:.1f} points of accuracy" in result.err
    card = (tmp_path / "m/README.md").read_text("utf-8")
    assert f"Twice the labels would bring about +{100 * gain:.1f} points" in card


@pytest.mark.parametrize("number", [480, 100])  # a quarter is enough; there are too few
def test_it_says_nothing_where_that_is_not_clear(tmp_path: Path, number: int) -> None:
    lines = [f"the {i} thing was {'good,yes' if i % 2 else 'bad,no'}" for i in range(number)]
    data = write_lines(tmp_path / "easy.csv", "text,label", *lines)
    said: list[str] = []
    result = rnncli.train(
        data,
        output=tmp_path / "m",
        announce=said.append,
        hidden_size=4,
        embedding_dim=4,
        vectors="none",
        steps=2,
    )
    assert result.doubling_gain is None
    assert not [line for line in said if "twice the labels" in line]
    assert "Twice the labels" not in (tmp_path / "m/README.md").read_text("utf-8")
