"""What a terminal shows while a model is trained and scored."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from models import QUICK, SMALL, generator, pairs, reviews, write_lines
from shell import call, on_a_terminal

from rnncli import TextGenerator
from rnncli.cli.progress import single_line
from rnncli.storage.reading import load
from rnncli.tasks.generate.recipe import PREVIEW
from rnncli.tasks.trainer import recipe_of

SHOWN = re.compile(r"\x1b\[2m {9}([^\x1b]+)\x1b")
BELL, BELL_SHOWN = "\x07", "\u2407"


def train_on_a_terminal(*words: object) -> str:
    return on_a_terminal("train", *words).decode()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a text in which every other character is the bell (U+0007)."""
    path = tmp_path_factory.mktemp("data") / "bells.txt"
    # With other numbers of tabs in each line, so that it is no table.
    lines = [f"a{BELL}" + n * f"\tb{BELL}" for n in (1, 2, 3)]
    return write_lines(path, *lines * 100)


@pytest.fixture(scope="module")
def trained(data: Path) -> tuple[Path, str]:
    """Train, and return the model and the output on the terminal."""
    model = data.parent / "terminal"
    return model, train_on_a_terminal(data, "-o", model, *SMALL, *QUICK)


def test_a_sample_is_printed_on_one_line_below_the_scores(trained: tuple[Path, str]) -> None:
    samples = SHOWN.findall(trained[1])
    assert samples
    assert all(30 < len(sample) <= 71 for sample in samples)  # of a line of 80
    assert trained[1].index("held out ") < trained[1].index(samples[0])


def test_control_characters_of_a_sample_are_shown(trained: tuple[Path, str]) -> None:
    assert BELL not in trained[1]
    seen = "".join(SHOWN.findall(trained[1]))
    assert BELL_SHOWN in seen
    assert "\u2409" in seen  # a tab
    assert "\u240a" in seen  # a newline


def test_each_stage_shows_itself_on_a_terminal_alone(
    trained: tuple[Path, str], data: Path, tmp_path: Path
) -> None:
    stages = ["reading the data", "loading PyTorch", "building the vocabulary"]
    assert all(stage in trained[1] for stage in [*stages, "encoding the texts"])
    classifier = train_on_a_terminal(reviews(), "-o", tmp_path / "c", *SMALL, "--steps", 2)
    assert "fitting the n-gram model" in classifier
    words = (pairs(), "-o", tmp_path / "t", *SMALL, "--max-time", "3s", "--level", "word")
    translator = train_on_a_terminal(*words)
    for stage in ("measuring the speed of this machine", "counting co-occurrences"):
        assert stage in translator
    left = [int(seconds) for seconds in re.findall(r"(\d+)s left", translator)]
    assert left and max(left) <= 3  # of the time budget
    assert "epoch: once through the data" in " ".join(translator.split())
    piped = call("train", data, "-o", tmp_path / "g", *SMALL, "--steps", 2)
    assert not any(stage in piped.err for stage in stages)


def test_a_translation_of_a_held_out_sentence_is_printed_while_it_trains(tmp_path: Path) -> None:
    words = (pairs(), "-o", tmp_path / "m", *SMALL, *QUICK, "--level", "word")
    sample = SHOWN.findall(train_on_a_terminal(*words))[-1]
    source, _, rest = sample.partition(" → ")
    _, _, reference = rest.partition(" (")
    assert f"{source}\t{reference.removesuffix(')')}" in pairs().read_text()


def test_the_losses_are_drawn_at_the_end(trained: tuple[Path, str]) -> None:
    model, shown = trained
    losses = [json.loads(line) for line in (model / "metrics.jsonl").read_text().splitlines()]
    highest = max(max(line["loss"], line["training_loss"]) for line in losses)
    drawing = shown.partition("saved ")[2]
    assert f"{highest:.2f} ┤" in drawing
    assert drawing.index("loss: · training  ● held out") < drawing.index("next: ")
    svg = ElementTree.fromstring((model / "curve.svg").read_text())
    curves = [e for e in svg.iter() if e.tag.endswith("polyline")]
    assert len(curves) == 2
    assert {"loss:", "training", "held out"} <= {e.text for e in svg.iter()}
    for curve in curves:
        assert len((curve.get("points") or "").split()) == len(losses)


def test_nothing_is_wider_than_the_terminal_and_no_word_is_cut(trained: tuple[Path, str]) -> None:
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", trained[1])
    for line in re.split(r"[\r\n]+", plain):
        if not line.startswith("next: "):
            assert len(line.rstrip()) <= 80, line


def test_lines_are_broken_between_words_and_commands_stay_whole(tmp_path: Path) -> None:
    name = "a table with a name of several words, which is rather long for a file.csv"
    sent = on_a_terminal("train", name, cwd=tmp_path).decode()
    error, hint = re.findall(r"error: (.*?)\nhint: (.*)", sent, re.DOTALL)[0]
    assert " ".join(error.split()) == f"no such file: {name}"
    assert all(len(line) <= 80 for line in sent.splitlines()[:2])
    assert "\n" not in hint.strip()


def test_a_quoted_text_of_a_command_is_not_broken() -> None:
    text = "a text of several words, which is rather long for the end of a line"
    sent = on_a_terminal("train", "nothing.csv", "--text", text, "--max-time", "x").decode()
    assert f"'{text}'" in sent.partition("hint: ")[2]


def test_previews_do_not_change_the_weights(trained: tuple[Path, str], data: Path) -> None:
    result = call("train", data, "-o", data.parent / "pipe", *SMALL, *QUICK)
    assert "held out" in result.err
    assert BELL_SHOWN not in result.err  # nothing is drawn into a pipe
    weights = [(m / "model.safetensors").read_bytes() for m in (trained[0], data.parent / "pipe")]
    assert weights[0] == weights[1]


def test_quiet_training_shows_nothing_on_a_terminal(data: Path) -> None:
    words = (data, "-o", data.parent / "quiet", *SMALL, "--steps", 2)
    assert train_on_a_terminal(*words, "-q") == ""
    assert SHOWN.search(train_on_a_terminal(*words, "--force"))


def test_a_sample_is_what_the_saved_model_writes() -> None:
    saved = load(generator())
    prepared: Any = SimpleNamespace(
        architecture=saved.description.architecture, tokenizer=saved.tokenizer
    )
    weights = {name: torch.from_numpy(array.copy()) for name, array in saved.weights.items()}
    weights["decoder.output.weight"] = weights["decoder.embedding.weight"]  # tied, as in training
    before = torch.get_rng_state()
    drawn = recipe_of("generate").preview(prepared, weights)
    (written,) = TextGenerator.load(generator())([""], PREVIEW)
    assert drawn is not None and len(drawn) > 40
    assert drawn == written.text
    assert single_line(drawn) == drawn.replace("\n", "\u240a")
    assert torch.equal(torch.get_rng_state(), before)
