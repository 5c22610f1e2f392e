"""Which texts are worth a label most."""

import feedback
import pytest

import rnncli
from rnncli.errors import InputError

RARE = ["where do you open on a sunday morning", "when do you open on a holiday morning"]
TEXTS = [*feedback.MESSAGES, *RARE]


def label_of(text: str) -> str:
    return "rare" if text in RARE else feedback.label_of(text)


def test_texts_of_every_kind_come_first() -> None:
    first = rnncli.suggest(TEXTS, n=8)
    assert {label_of(each.text) for each in first} == {"praise", "defect", "rare"}
    assert all(TEXTS[each.row] == each.text for each in first)
    assert all(each.label is None for each in first)


def test_texts_with_labels_are_not_suggested_and_the_others_get_probable_ones() -> None:
    labels = [label_of(text) if row % 2 else None for row, text in enumerate(TEXTS)]
    found = rnncli.suggest(TEXTS, labels, n=100)
    assert sorted(each.row for each in found) == list(range(0, len(TEXTS), 2))
    right = [each.label == label_of(each.text) for each in found]
    assert sum(right) >= len(right) - 1
    assert all(0 < (each.probability or 0) <= 1 for each in found)


def test_the_same_call_gives_the_same_texts() -> None:
    labels = [label_of(text) for text in TEXTS[:55]] + [None] * (len(TEXTS) - 55)
    assert rnncli.suggest(TEXTS, labels, n=5) == rnncli.suggest(TEXTS, labels, n=5)


def test_texts_without_words_in_common_and_blank_ones_are_no_error() -> None:
    found = rnncli.suggest(["", "  ", "один", "zwei", "三四"], ["", "", "a", None, "b"], n=9)
    assert [each.text for each in found] == ["zwei"]
    assert rnncli.suggest([], n=3) == []
    assert rnncli.suggest(["one"], ["a"], n=3) == []


def test_labels_of_another_number_are_refused() -> None:
    with pytest.raises(InputError, match="2 labels for 1 texts"):
        rnncli.suggest(["one"], ["a", "b"])
