"""The cases of a probe: those that come with rnncli, and those of a file."""

import csv
from collections import Counter
from pathlib import Path

import pytest
from models import write_lines

from rnncli.data.corpora import bundled_path
from rnncli.data.probe_cases import ProbeCase, read_probe_cases
from rnncli.errors import DataError

EVERYDAY = Path(__file__).parent.parent / "benchmarks" / "everyday.tsv"
EXPECTATIONS = {
    "positive", "negative", "neutral", "not negative", "same", "not lower", "not higher",
}  # fmt: skip


def test_each_row_of_the_bundled_probe_has_forty_cases_of_its_own() -> None:
    cases = read_probe_cases(None)
    rows = Counter(case.row for case in cases)
    assert len(rows) == 21
    assert min(rows.values()) >= 40
    assert {case.expected for case in cases} == EXPECTATIONS
    assert len({(case.text, case.text2) for case in cases}) == len(cases)
    assert all(case.text != case.text2 for case in cases)


def test_no_row_of_the_bundled_probe_is_passed_by_one_label() -> None:
    labels: dict[str, Counter[str]] = {}
    for case in read_probe_cases(None):
        labels.setdefault(case.row, Counter())[case.expected] += 1
    for row, counts in labels.items():
        if "positive" in counts:
            assert counts["positive"] >= 10, row
            assert counts["negative"] >= 10, row


def test_no_text_that_measures_a_model_is_trained_on() -> None:
    """Neither the cases of the probe nor the lines of the benchmark stand in the reviews."""
    cases = read_probe_cases(None)
    lines = EVERYDAY.read_text("utf-8").split("\n")[1:-1]
    measuring = {_bare(text) for case in cases for text in (case.text, case.text2) if text}
    measuring |= {_bare(line.partition("\t")[0]) for line in lines}
    assert len(lines) == 160
    with bundled_path("reviews").open(encoding="utf-8", newline="") as file:
        reviews = {_bare(row["text"]) for row in csv.DictReader(file)}
    assert len(reviews) > 2_000
    assert measuring & reviews == set()


def _bare(text: str) -> str:
    return text.casefold().strip(" .!")


def test_cases_of_a_file_may_be_texts_with_labels_and_pairs(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "cases.tsv",
        "text\texpected\ttext2\trow",
        "Printer on fire.\thardware\t\tclear ones",
        "Ask Ann.\t\tAsk Bob.\tnames",
        "It is slow.\tnot lower\tIt is slow, but good.\t",
    )
    assert read_probe_cases(str(path)) == [
        ProbeCase("clear ones", "hardware", "Printer on fire."),
        ProbeCase("names", "same", "Ask Ann.", "Ask Bob."),
        ProbeCase("texts", "not lower", "It is slow.", "It is slow, but good."),
    ]


def test_two_columns_are_enough(tmp_path: Path) -> None:
    texts = write_lines(tmp_path / "t.csv", "text,expected", "Nice.,good")
    assert read_probe_cases(str(texts)) == [ProbeCase("texts", "good", "Nice.")]
    pairs = write_lines(tmp_path / "p.tsv", "text\ttext2", "In Rome.\tIn Oslo.")
    assert read_probe_cases(str(pairs)) == [ProbeCase("texts", "same", "In Rome.", "In Oslo.")]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["text\tlabel", "a\tb"], "a probe needs text, and expected or text2"),
        (["expected\ttext2", "a\tb"], "has the columns expected, text2; a probe needs text"),
        (["text\texpected"], "no cases"),
        (["text\texpected", "a\tgood", "\tgood"], "line 3: text is empty"),
        (["text\texpected", "a\t"], "line 2: expected is empty"),
        (["text\texpected\ttext2", "a\tgood\tb"], "line 2: expected is 'good', and text2 is given"),
        (["text\texpected\ttext2", "a\tsame\t"], "line 2: expected is 'same', and text2 is empty"),
    ],
)
def test_a_malformed_file_is_explained(lines: list[str], words: str, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "cases.tsv", *lines)
    with pytest.raises(DataError) as caught:
        read_probe_cases(str(path))
    assert words in caught.value.message
    assert caught.value.hint
