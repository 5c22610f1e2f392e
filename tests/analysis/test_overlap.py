"""Verbatim overlap of texts and a source, against a brute-force search."""

import gzip
import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from models import STORY, generator, story
from shell import Result, call, on_a_terminal

from rnncli.analysis import overlap
from rnncli.analysis.overlap import MIN_MATCH, Overlap, Source, read_source
from rnncli.errors import DataError

# Of few characters, so that there is much to find; of several widths in memory.
TEXTS = st.text("ab\n\u00e9\U0001f642", max_size=90)


def searched(text: str, source: str) -> Overlap:
    """Measure the overlap by brute force."""
    spans = [
        (start, end)
        for start in range(len(text))
        for end in range(start + 1, len(text) + 1)
        if text[start:end] in source
    ]
    covered = {i for start, end in spans if end - start >= MIN_MATCH for i in range(start, end)}
    longest = max((end - start for start, end in spans), default=0)
    return Overlap(longest, len(covered) / len(text) if text else 0.0)


@st.composite
def sources_and_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Draw a source, and texts that contain parts of it."""
    source = draw(TEXTS | st.sampled_from([STORY[:200], "ab" * 60, "a" * 80]))
    places = st.integers(0, len(source))
    parts = st.builds(lambda a, b: source[min(a, b) : max(a, b)], places, places)
    texts = st.lists(parts | TEXTS.map(lambda text: text[:9]), max_size=4).map("".join)
    return source, draw(st.lists(texts, max_size=3))


@given(sources_and_texts())
@example(("", ["", "a"]))
@example(("a", []))
@example((STORY[:100], [STORY[:100], STORY[3:35], STORY[3:34], "x" + STORY[3:36] + "x"]))
def test_the_overlap_equals_that_of_brute_force(case: tuple[str, list[str]]) -> None:
    source, texts = case
    output = Source(source).overlaps(texts)
    assert len(output) == len(texts)
    for text, beginning in zip(texts, output, strict=True):
        expected = searched(text, source)
        assert beginning.longest == expected.longest
        assert beginning.share == pytest.approx(expected.share)
    for length in (1, 2, MIN_MATCH, 50):
        expected_long = [beginning.longest >= length for beginning in output]
        assert Source(source).has_match(texts, length) == expected_long


@given(sources_and_texts(), st.integers(1, 50))
def test_the_block_size_does_not_change_the_overlap(
    case: tuple[str, list[str]], block: int
) -> None:
    source, texts = case
    whole = Source(source).overlaps(texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlap, "BLOCK", block)
        assert Source(source).overlaps(texts) == whole


def test_a_megabyte_is_searched() -> None:
    rng = random.Random(0)
    words = ["".join(rng.choices("etaoinshrd", k=rng.randint(2, 7))) for _ in range(3_000)]
    source = " ".join(rng.choices(words, k=180_000))[:1_000_000]
    sample = (" ".join(rng.choices(words, k=400)) + "#" + source[600_000:600_050] + "#")[-2_000:]
    (output,) = Source(source).overlaps([sample])
    assert output.longest >= 50
    assert output.share == pytest.approx(50 / len(sample), rel=0.01)


def test_a_source_is_read_as_in_training_also_gzipped(tmp_path: Path) -> None:
    data = "\ufeffone\r\ntwo\n".encode() + b"\xff"
    plain, packed = tmp_path / "t.txt", tmp_path / "t.txt.gz"
    plain.write_bytes(data)
    packed.write_bytes(gzip.compress(data))
    for path in (plain, packed):
        assert read_source(path).overlaps(["one\ntwo\n\ufffd", "\ufeff"]) == [
            Overlap(9, 0.0),
            Overlap(0, 0.0),
        ]


@pytest.mark.parametrize("kind", ["missing", "a folder", "cut"])
def test_a_source_that_cannot_be_read_is_explained(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "t.gz"
    if kind == "a folder":
        path.mkdir()
    elif kind == "cut":
        path.write_bytes(gzip.compress(STORY.encode())[:-20])
    with pytest.raises(DataError) as caught:
        read_source(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


# The command


def generate(*options: object, code: int = 0) -> Result:
    result = call("generate", "-m", generator(), "--seed", 1, *options)
    assert result.code == code, result.err
    return result


@pytest.fixture
def beginning(tmp_path: Path) -> Path:
    """Write a file with the beginning of the sample that the generator will write."""
    path = tmp_path / "beginning.txt"
    path.write_bytes(generate("The", "--length", 60, "--temperature", 0.5).out[:-11])
    return path


def test_each_sample_is_followed_by_its_overlap(beginning: Path) -> None:
    words = ("The", "--length", 60, "--temperature", 0.5, "-n", 2)
    output = generate(*words, "--copied-from", beginning)
    assert output.out == generate(*words).out
    first, second = output.err.splitlines()
    assert first == "copied: longest 50 characters, 83 % in stretches of 32 or more"
    assert second.startswith("copied: longest ")
    assert second.endswith(" 0 % in stretches of 32 or more")
    assert generate(*words, "--copied-from", beginning, "-q").err == ""


def test_json_and_csv_have_the_overlap(beginning: Path, tmp_path: Path) -> None:
    words = ("--length", 60, "--temperature", 0.5, "--copied-from", beginning)
    result = generate("The", *words, "--json")
    assert result.err == ""
    assert '"copied_longest": 50, "copied_share": 0.8333}' in result.out.decode()
    table = tmp_path / "t.csv"
    table.write_text("text\nThe\n")
    header, row = generate(*words, "--column", "text", "-i", table).lines
    assert header == "text,predicted_text,copied_longest,copied_share"
    assert row.endswith(",50,0.8333")


def test_lines_have_the_overlap(beginning: Path) -> None:
    result = generate("--lines", 3, "--length", 30, "--copied-from", beginning)
    assert len(result.lines) == result.err.count("copied: longest ") == 3


def test_on_a_terminal_the_note_stands_below_each_sample(beginning: Path) -> None:
    words = ("--seed", 1, "--length", 60, "--temperature", 0.5, "--copied-from", beginning)
    seen = on_a_terminal("generate", "-m", generator(), "The", *words).decode()
    sample, note, rest = seen.split("\n")
    assert sample.startswith("The")
    assert note == "copied: longest 50 characters, 83 % in stretches of 32 or more"
    assert rest == ""


@pytest.mark.parametrize("kind", [["-n", 20], ["--lines", 20]], ids=lambda kind: kind[0])
def test_no_sample_exceeds_the_largest_overlap(kind: list[object]) -> None:
    words = ("The", "--length", 12, *kind, "--copied-from", story())
    source = read_source(story())

    def copied(*more: object) -> list[Overlap]:
        lines = generate(*words, "--json", *more).lines
        return source.overlaps([json.loads(line)["text"] for line in lines])

    before, after = copied(), copied("--max-copy", 3)
    assert max(beginning.longest for beginning in before) > 3
    assert max(beginning.longest for beginning in after) <= 3
    assert len(after) == 20


def test_only_copies_are_an_error(beginning: Path) -> None:
    words = ("The", "--length", 60, "--temperature", 0, "--copied-from", beginning, "--max-copy", 1)
    result = generate(*words, code=1)
    assert result.out == b""
    assert result.err.startswith(
        "error: the model copied more than 1 characters in a row in each of 20 tries"
    )
    assert re.search(r"\nhint: rnncli generate .* --max-copy \d+\n", result.err)


def test_the_options_need_a_source_and_samples() -> None:
    assert "--copied-from" in generate("The", "--max-copy", 5, code=2).err
    scored = call("generate", "-m", generator(), "--score", "a", "--copied-from", story())
    assert scored.code == 2
    assert "--copied-from does not go with --score" in scored.err
