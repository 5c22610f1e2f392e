"""Numbers of texts and labels: equal where these are, and the same on every machine."""

from hypothesis import given
from hypothesis import strategies as st

from rnncli.data.numbering import hash_texts, number_labels, number_texts

texts_of_few_kinds = st.lists(st.text("ab\n", max_size=2))


def test_hashes_are_those_of_every_machine() -> None:
    assert hash_texts(["", "a"]).tolist() == [13_020_603_013_274_838_756, 3_405_396_810_240_292_928]
    assert hash_texts([]).tolist() == []


@given(texts_of_few_kinds)
def test_texts_have_the_same_number_if_and_only_if_they_are_equal(texts: list[str]) -> None:
    numbers = number_texts(texts).tolist()
    assert set(numbers) == set(range(len(set(texts))))
    assert len(set(zip(texts, numbers, strict=True))) == len(set(texts))


@given(texts_of_few_kinds)
def test_labels_are_numbered_as_they_first_appear(labels: list[str]) -> None:
    names, numbers = number_labels(iter(labels))
    assert [names[number] for number in numbers] == labels
    assert names == list(dict.fromkeys(labels))
