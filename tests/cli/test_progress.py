"""The progress of training on a terminal."""

import io
import os
import pty
import re
import sys
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from models import QUICK, SMALL, generator, write_lines
from shell import call

from rnncli import TextGenerator
from rnncli.cli import app
from rnncli.cli.progress import single_line
from rnncli.storage.reading import load
from rnncli.tasks.generate.recipe import PREVIEW
from rnncli.tasks.trainer import recipe_of

SHOWN = re.compile(r"\x1b\[2m {9}([^\x1b]+)\x1b")
BELL, BELL_SHOWN = "\x07", "\u2407"


def train_on_a_terminal(*words: object) -> str:
    """Train in this process, with a terminal as stderr, and return its output."""
    screen, terminal = pty.openpty()
    sent: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(screen, 4_096):
                sent.append(data)
        except OSError:  # the other side is closed
            pass

    reader = Thread(target=read)
    reader.start()
    with pytest.MonkeyPatch.context() as patch, open(terminal, "w") as stderr:  # noqa: PTH123
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "argv", ["rnncli", "train"])
        patch.setattr(sys, "stderr", stderr)
        patch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO()))
        with pytest.raises(SystemExit) as ended:
            app(["train", *map(str, words)], prog_name="rnncli")
    reader.join()
    os.close(screen)
    assert not ended.value.code
    return b"".join(sent).decode()


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
