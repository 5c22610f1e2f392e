"""The generators that come with rnncli, as a person meets them who has trained none."""

import json
import os
import pty
import re
import select
import subprocess
from pathlib import Path

import pytest
from models import generator, story
from shell import TIMEOUT, call, command, environment, explained
from shell import rnncli as rnncli_process

from rnncli.storage.bundled import bundled_models

STORIES = "bundled:stories"
GENERATORS = (STORIES, "bundled:shakespeare")


@pytest.mark.parametrize("name", GENERATORS)
def test_each_writes_text(name: str, tmp_path: Path) -> None:
    result = call("generate", "-m", name, "--length", 60, "--seed", 1, "The ", cwd=tmp_path)
    assert (result.code, result.err) == (0, "")
    text = result.out.decode()
    assert text.startswith("The ")
    assert len(text.split()) > 6


def test_at_a_terminal_it_starts_with_a_sample_and_then_asks(tmp_path: Path) -> None:
    screen, terminal = pty.openpty()
    words = command("generate", "-m", STORIES, "--length", 40, "--seed", 1)
    env = environment({"TERM": "xterm", "XDG_STATE_HOME": str(tmp_path)})
    with subprocess.Popen(
        words, stdin=terminal, stdout=terminal, stderr=subprocess.STDOUT, env=env
    ) as process:
        os.close(terminal)
        sent = b""
        while b"> " not in sent:
            assert select.select([screen], [], [], TIMEOUT)[0], sent
            sent += os.read(screen, 4_096)
        os.write(screen, b"\x04")
        assert process.wait(TIMEOUT) == 0
        os.close(screen)
    assert re.match(rb"\[?[A-Z]", sent)  # a name, or what happens on the stage


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", GENERATORS)
def test_a_text_without_a_prompt_begins_as_a_speech_does(name: str, seed: int) -> None:
    result = call("generate", "-m", name, "-n", 20, "--seed", seed, "--length", 12, "--json")
    texts = [json.loads(line)["text"] for line in result.lines]
    # Names and stage directions; seldom a word is neither.
    names = [re.match(r"\[[A-Z]|[A-Z]{2,}|[A-Z][a-z]+ [A-Z]", text) for text in texts]
    assert sum(map(bool, names)) >= 18


@pytest.mark.parametrize("name", GENERATORS)
def test_it_knows_its_own_kind_of_text_best(name: str, tmp_path: Path) -> None:
    texts = ("She does not know what she has done.", "xq zzgh qpqwr vkvk jjhx.")
    scores = call("generate", "-m", name, "--score", "--json", *texts, cwd=tmp_path)
    english, noise = (json.loads(line)["bits_per_character"] for line in scores.lines)
    assert english < 3 < noise


def test_text_is_written_without_any_training(tmp_path: Path) -> None:
    result = rnncli_process("generate", "--length", 40, "--seed", 1, cwd=tmp_path, stdin=b"A gull")
    assert result.code == 0
    assert result.out.startswith(b"A gull")
    assert result.err.count(STORIES) == 1
    assert "rnncli train" in result.err
    assert list(tmp_path.iterdir()) == []


def test_a_generator_of_ones_own_goes_first(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/generate").symlink_to(generator())
    assert "bundled" not in call("generate", "--length", 5, "The", cwd=tmp_path).err


def test_running_text_is_scored_by_the_stories(tmp_path: Path) -> None:
    result = call("evaluate", story(), "--json", cwd=tmp_path)
    assert result.code == 0, result.err
    assert result.err.count(f"model: {STORIES}") == 1
    assert json.loads(result.out)["bits_per_character"] < 4


@pytest.mark.parametrize("name", GENERATORS)
def test_its_card_names_source_licence_and_scores(name: str) -> None:
    card = (bundled_models()[name] / "README.md").read_text()
    licence = "MIT" if name == STORIES else "public domain"
    for words in (licence, "rnncli train", "| nats_per_character |", "held-out part"):
        assert words in card


def test_a_generator_that_is_not_there_is_explained(tmp_path: Path) -> None:
    result = call("generate", "-m", "bundled:shakespear", "x", cwd=tmp_path)
    explained(result, 1, "bundled:shakespear")
