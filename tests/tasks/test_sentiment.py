"""Labels that say positive, negative and neutral."""

import pytest

from rnncli.tasks.classify.sentiment import sentiment_labels


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (("positive", "negative"), {"negative": "negative", "positive": "positive"}),
        (("neg", "neutral", "pos"), {"negative": "neg", "neutral": "neutral", "positive": "pos"}),
        (("Good", "Bad"), {"negative": "Bad", "positive": "Good"}),
        (("1", "0"), {"negative": "0", "positive": "1"}),
        (("1", "2"), {"negative": "1", "positive": "2"}),
        (("0", "1", "2"), {"negative": "0", "neutral": "1", "positive": "2"}),
        (("1", "-1", "0"), {"negative": "-1", "neutral": "0", "positive": "1"}),
        (("LABEL_0", "LABEL_1"), {"negative": "LABEL_0", "positive": "LABEL_1"}),
    ],
)
def test_usual_names_and_numbers_are_known(labels: tuple[str, ...], found: dict[str, str]) -> None:
    assert sentiment_labels(labels) == found


@pytest.mark.parametrize(
    "labels",
    [
        ("ham", "spam"),
        ("positive", "other"),
        ("positive", "neutral"),
        ("pos", "positive"),
        ("1", "2", "3", "4", "5"),
        ("3", "17"),
        ("neg", "1"),
        ("very negative", "negative", "neutral", "positive", "very positive"),
    ],
)
def test_other_labels_are_none(labels: tuple[str, ...]) -> None:
    assert sentiment_labels(labels) is None
