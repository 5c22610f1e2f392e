"""Warnings of dataset shift."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import QUICK, SMALL, classifier, reviews, write_lines, write_reviews
from shell import call, read_line, start

from rnncli.analysis.drift import MIN_TEXTS, DriftMonitor, drift_warnings, profile
from rnncli.storage.description import TextProfile
from rnncli.storage.reading import read_description
from rnncli.text.tokenizer import Tokenizer

RUSSIAN = "Суп был чудесный, и чайник тоже"
UNHEARD = "quarks entangle whenever bosons tunnel through lattices"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    texts = (line.partition(",")[0] for line in reviews().read_text().splitlines())
    return Tokenizer.train(texts, "word", 1_000, fold=True)


def topics_of(texts: list[str], reference: TextProfile | None, tokenizer: Tokenizer) -> list[str]:
    return [line.partition(":")[0] for line in drift_warnings(texts, reference, tokenizer)]


KNOWN = "the soup was lovely"  # four words that the vocabulary has


def test_a_model_has_a_profile_of_its_data() -> None:
    reference = read_description(classifier()).profile
    assert reference is not None and reference.unknown_words is not None
    assert reference.scripts == {"LATIN": 1.0}
    assert 0 <= reference.unknown_words < 0.5


def test_a_warning_of_scripts_has_number_and_example(tokenizer: Tokenizer) -> None:
    reference = profile([KNOWN], [KNOWN], tokenizer)
    (line,) = drift_warnings([KNOWN] * 19 + [RUSSIAN], reference, tokenizer)
    assert line.startswith("script: 1 of 20 texts in CYRILLIC, such as 'Суп ")
    assert "LATIN" in line


@pytest.mark.parametrize(
    ("texts", "scripts"),
    [
        ([KNOWN] * 20, {"LATIN": 1.0}),
        ([KNOWN] * 20 + [RUSSIAN], {"LATIN": 1.0}),  # a stray
        ([KNOWN] * 15 + [RUSSIAN] * 5, {"LATIN": 0.98, "CYRILLIC": 0.02}),
        (["12:30", "?!"], {"LATIN": 1.0}),
        ([RUSSIAN], {}),
        ([RUSSIAN], {"\x1b[31m": 1.0}),
    ],
)
def test_no_warning_of_scripts_without_shift(
    texts: list[str], scripts: dict[str, float], tokenizer: Tokenizer
) -> None:
    assert "script" not in topics_of(texts, TextProfile(scripts, 1.0), tokenizer)


@pytest.mark.parametrize(
    ("unknown", "reference", "is_announced"),
    [
        (10, 0.0, False),  # of fifty
        (11, 0.0, True),
        (11, 0.1, True),
        (11, 0.11, False),
        (11, None, True),  # the model does not say it
        (10, None, False),
    ],
)
def test_a_warning_of_unknown_words_needs_many_and_more_than_in_training(
    unknown: int, reference: float | None, is_announced: bool, tokenizer: Tokenizer
) -> None:
    text = " ".join(["Quarks"] * unknown + ["soup"] * (50 - unknown))
    lines = list(drift_warnings([text], TextProfile({}, reference), tokenizer))
    assert len(lines) == is_announced
    if is_announced:
        assert lines[0].startswith("words: the model does not know 22 %")
        assert "'Quarks'" in lines[0]


def test_a_model_without_a_profile_has_the_warnings_that_need_none(
    tokenizer: Tokenizer,
) -> None:
    assert topics_of([RUSSIAN, UNHEARD] * 9, None, tokenizer) == ["words"]


@given(st.lists(st.text(), min_size=1))
def test_warnings_are_printable(tokenizer: Tokenizer, texts: list[str]) -> None:
    for line in drift_warnings(texts * 20, TextProfile({"HEBREW": 1.0}, 0.0), tokenizer):
        assert line.isprintable()


@given(st.lists(st.sampled_from([UNHEARD, " ", RUSSIAN]), max_size=60), st.integers(1, 9))
def test_a_stream_has_its_warnings_once_and_after_enough_texts(
    tokenizer: Tokenizer, texts: list[str], size: int
) -> None:
    message: list[str] = []
    watch = DriftMonitor(TextProfile({"LATIN": 1.0}), tokenizer, message.append)
    seen = 0
    for first in range(0, len(texts), size):
        batch = texts[first : first + size]
        watch.update(batch)
        seen += sum(map(bool, map(str.strip, batch)))
        assert seen >= MIN_TEXTS or not message
    before = list(message)
    watch.finish()
    if seen >= MIN_TEXTS:
        assert message == before != []
    watch.finish()
    assert len(message) == len({line.partition(":")[0] for line in message})


# Commands


@pytest.fixture
def old_model(tmp_path: Path) -> Path:
    """Return a model without a profile."""
    model = tmp_path / "old"
    shutil.copytree(classifier(), model)
    info = json.loads((model / "config.json").read_text())
    del info["profile"]
    (model / "config.json").write_text(json.dumps(info))
    return model


def test_classify_warns_at_the_end_of_few_texts(old_model: Path) -> None:
    result = call("classify", "-m", classifier(), RUSSIAN)
    assert result.code == 0 and len(result.lines) == 1
    assert result.err.startswith("script: 1 of 1 texts in CYRILLIC")
    assert call("classify", "-m", classifier(), KNOWN).err == ""
    assert call("classify", "-m", classifier(), "-q", RUSSIAN).err == ""
    assert call("classify", "-m", old_model, RUSSIAN).err == ""


def test_classify_warns_once_before_a_stream_ends() -> None:
    with start("classify", "-m", classifier()) as process:
        assert process.stdin is not None
        for _ in range(MIN_TEXTS):
            process.stdin.write(f"{UNHEARD}\n".encode())
            assert UNHEARD in read_line(process).decode()
        assert read_line(process, "stderr").startswith(b"words: ")
        out, err = process.communicate(2 * MIN_TEXTS * f"{UNHEARD}\n".encode())
    assert (process.returncode, err) == (0, b"")
    assert out.count(b"\n") == 2 * MIN_TEXTS


def test_classify_does_not_warn_of_an_empty_input() -> None:
    result = call("classify", "-m", classifier(), stdin=b"\n \n")
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize(
    ("write", "topics"),
    [
        (write_reviews, []),
        (lambda path: write_lines(path, "text,label", f'"{RUSSIAN}",good'), ["script"]),
        (lambda path: write_lines(path, "text,label", *[f"{UNHEARD},bad"] * 30), ["words"]),
    ],
    ids=["like", "script", "words"],
)
def test_evaluate_warns_of_other_data(
    write: Callable[[Path], Path], topics: list[str], tmp_path: Path
) -> None:
    result = call("evaluate", classifier(), write(tmp_path / "other.csv"))
    assert result.code == 0
    output = [line.partition(":")[0] for line in result.err.splitlines()]
    assert [topic for topic in output if topic in ("script", "words")] == topics


def test_evaluate_does_not_warn_of_the_training_data(tmp_path: Path) -> None:
    model = tmp_path / "m"
    data = write_lines(
        tmp_path / "data.csv",
        "text,label",
        *(f"w{i} x{i} y{i} z{i} u{i},{i % 2}" for i in range(200)),
    )
    assert call("train", data, "-o", model, *SMALL, *QUICK, "--steps", 2).code == 0
    assert "words: " not in call("evaluate", model).err
