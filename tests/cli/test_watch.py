"""``train --watch``: a page of live pictures on a terminal."""

import re
from pathlib import Path

import pytest
from models import QUICK, SMALL, reviews, story
from shell import call
from test_progress import train_on_a_terminal

CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def test_a_page_shows_curves_gates_a_sample_and_the_answer_to_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "The baker \x07"
    monkeypatch.chdir(tmp_path)  # a long path would not fit into a line
    words = (story(), "-o", "m", *SMALL, *QUICK, "--watch", "--watch-text", text)
    sent = CONTROLS.sub("", train_on_a_terminal(*words))
    page = sent[sent.rindex("gradient norm") - 2_000 : sent.rindex("saved")]
    for part in ("held out", "clipped", "forget gate", "sample: ", "The baker ", "step "):
        assert part in page
    assert "\x07" not in sent
    assert "loss: " not in sent[sent.index("saved m: ") + len("saved m: loss: ") :]  # drawn twice
    assert all(len(line) <= 80 for line in re.split(r"[\r\n]+", sent) if "next: " not in line)


def test_a_classifier_labels_a_held_out_text_and_its_weights_stay(tmp_path: Path) -> None:
    words = (reviews(), *SMALL, *QUICK, "--steps", 10)
    sent = CONTROLS.sub("", train_on_a_terminal(*words, "-o", tmp_path / "w", "--watch"))
    assert re.search(r"step \d+: (good|bad) \d+ %", sent)
    result = call("train", *words, "-o", tmp_path / "p", "--watch")
    assert "--watch draws on a terminal" in result.err
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("w", "p")]
    assert weights[0] == weights[1]
