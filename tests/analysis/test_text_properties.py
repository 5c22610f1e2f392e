"""Properties of texts at each character, on texts where they can be seen."""

import numpy as np
import pytest

from rnncli.analysis.text_properties import PROPERTIES, at_ends, last_word_in


def digits_of(name: str, text: str) -> str:
    """Return the values of a property, each as one digit, below the characters of the text."""
    values = PROPERTIES[name](text)
    assert values.shape == (len(text),)
    return "".join(str(int(value)) for value in values)


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("quote", 'a "bc" d', "00111000"),
        ("quote", "a “bc” d", "00111000"),
        ("quote", 'a "b\nc" d', "001111000"),
        ("quote", 'a "b\n\nc d', "001110000"),
        ("line", "ab\nc\n\nde", "12010012"),
        ("indent", "a\n  b c\n\td", "0012222044"),
        ("digit", "a1 22", "01011"),
        ("upper", "Ab CD", "10011"),
        ("position", "abc", "123"),
    ],
)
def test_a_property_has_a_value_at_each_character(name: str, text: str, values: str) -> None:
    assert digits_of(name, text) == values


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_blank_text_has_no_values(name: str) -> None:
    assert digits_of(name, "") == ""


def test_the_last_word_is_one_of_a_list_until_the_next_is_complete() -> None:
    values = last_word_in(["NOT", "never"])("(not) so never")
    assert "".join(str(int(value)) for value in values) == "00011110000001"
    assert last_word_in(["not"])("").shape == (0,)


def test_tokens_have_the_values_of_their_last_characters() -> None:
    np.testing.assert_array_equal(at_ends(np.array([0.0, 1, 2, 3]), [2, 2, 4]), [1, 1, 3])
