"""The judgement of single cases: labels, pairs, probabilities that must not fall or rise."""

from collections.abc import Sequence

import numpy as np
import pytest

from rnncli.analysis.probe import Probabilities, RowScores, mean_failure, probe
from rnncli.data.probe_cases import ProbeCase

LABELS = ("bad", "good")


def by_cheer(texts: Sequence[str]) -> Probabilities:
    """Answer by the exclamation marks: 0.5 without any, 0.1 more of good for each."""
    good = np.array([min(0.5 + 0.1 * text.count("!") - 0.1 * text.count("?"), 1) for text in texts])
    return np.stack([1 - good, good], axis=1)


def probed(*cases: ProbeCase) -> list[RowScores]:
    return probe(cases, LABELS, by_cheer, "good")


def test_a_row_has_the_share_of_its_failures_with_the_most_confident_first() -> None:
    (row,) = probed(
        ProbeCase("r", "good", "yes!"),
        ProbeCase("r", "bad", "oh!!"),
        ProbeCase("r", "bad", "well!!!"),
        ProbeCase("r", "bad", "no?"),
    )
    assert (row.name, row.cases, row.failure) == ("r", 4, 0.5)
    assert [failure.text for failure in row.failures] == ["well!!!", "oh!!"]
    worst = row.failures[0]
    assert (worst.expected, worst.answer) == ("bad", "good")
    assert worst.probability == pytest.approx(0.8)
    assert worst.probability2 is None


def test_any_label_but_one_may_be_expected() -> None:
    wrong, right = probed(ProbeCase("1", "not good", "fine!"), ProbeCase("2", "not good", "is it?"))
    assert (wrong.failure, right.failure) == (1.0, 0.0)


def test_a_pair_fails_where_its_labels_differ() -> None:
    same, other = probed(
        ProbeCase("1", "same", "Ann!", "Bea!!!!"), ProbeCase("2", "same", "Ann!", "Bea?")
    )
    assert same.failures == []
    (failure,) = other.failures
    assert (failure.answer, failure.answer2) == ("good", "bad")
    assert failure.probability == pytest.approx(0.6)
    assert failure.probability2 == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("expected", "second", "fails"),
    [
        ("not lower", "a!!", False),  # the first has two of these marks
        ("not lower", "a!!!", False),
        ("not lower", "a", True),
        ("not higher", "a!!!!", True),
        ("not higher", "a?", False),
        ("not higher", "a!!", False),
    ],
)
def test_a_probability_must_not_go_the_wrong_way(expected: str, second: str, fails: bool) -> None:
    (row,) = probed(ProbeCase("r", expected, "a!!", second))
    assert bool(row.failures) == fails
    for failure in row.failures:
        assert failure.answer == failure.answer2 == "good"
        assert failure.probability == pytest.approx(0.7)


def test_a_small_change_the_wrong_way_is_tolerated() -> None:
    def answers(texts: Sequence[str]) -> Probabilities:
        good = np.array([float(text) for text in texts])
        return np.stack([1 - good, good], axis=1)

    cases = [ProbeCase("r", "not lower", "0.9", second) for second in ("0.85", "0.75")]
    (row,) = probe(cases, LABELS, answers, "good")
    assert [failure.text2 for failure in row.failures] == ["0.75"]


def test_rows_keep_their_order_and_count_alike_in_the_mean() -> None:
    rows = probed(
        *[ProbeCase("long", "good", "a!")] * 8,
        ProbeCase("short", "good", "a?"),
        ProbeCase("long", "good", "b!"),
    )
    assert [(row.name, row.cases) for row in rows] == [("long", 9), ("short", 1)]
    assert mean_failure(rows) == 0.5
