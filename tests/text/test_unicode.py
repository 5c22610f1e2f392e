"""Scripts, words, surrogates and control characters."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rnncli.text.unicode import (
    SCRIPTS,
    as_field,
    escape_controls,
    has_kana,
    has_unspaced,
    join_cjk,
    replace_surrogates,
    script_of,
    script_shares,
    separate_unspaced,
    word_spans,
)

ANY_TEXT = st.text(st.characters())  # lone surrogates, too


@given(ANY_TEXT)
@example("\ud83d\ude00 \udcff")
def test_a_text_without_surrogates_is_as_long_and_can_be_encoded(text: str) -> None:
    replaced = replace_surrogates(text)
    assert len(replaced) == len(text)
    replaced.encode()
    for before, after in zip(text, replaced, strict=True):
        assert after == ("\ufffd" if unicodedata.category(before) == "Cs" else before)


@given(ANY_TEXT)
@example("\0\x1b[2J\x7f\x85\r")
def test_control_characters_are_replaced_but_newlines_and_tabs(text: str) -> None:
    escaped = escape_controls(text)
    assert len(escaped) == len(text)
    left = {c for c in escaped if unicodedata.category(c) == "Cc"}
    assert left <= {"\n", "\t"}
    assert escape_controls(escaped) == escaped


def test_characters_that_hide_or_reverse_text_are_seen() -> None:
    assert escape_controls("a\u202eb\u2066c\u200bd\ufeff") == "a\ufffdb\ufffdc\ufffdd\ufffd"
    # Emoji are joined, and Persian words need a character that keeps letters apart.
    for text in ("\U0001f468\u200d\U0001f469", "\u0645\u06cc\u200c\u0631\u0648"):
        assert escape_controls(text) == text


def test_a_field_ends_no_line_and_no_other_field() -> None:
    assert as_field("one\ttwo\r\nthree\x0b") == "one two  three\x0b"


# Scripts without spaces


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("so, it  goes\n on", ["so,", "it", "goes", "on"]),
        ("日本語 text", ["日", "本", "語", "text"]),
        ("カー。a", ["カ", "ー", "。", "a"]),
        ("ไทย", ["ไ", "ท", "ย"]),
        ("ລາວ abc", ["ລ", "າ", "ວ", "abc"]),
        ("မြန်", ["မ", "ြ", "န", "်"]),
        ("ខ្មែរ", ["ខ", "្", "ម", "ែ", "រ"]),
        ("한국어 말", ["한국어", "말"]),
        ("a\ud800b", ["a\ud800b"]),
        (" \n", []),
    ],
)
def test_a_word_stands_between_spaces_or_is_a_character(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in word_spans(text)] == words
    assert [spaced.split() for spaced in separate_unspaced([text, "abc"])] == [words, ["abc"]]


@given(ANY_TEXT)
def test_words_leave_out_nothing_but_spaces(text: str) -> None:
    end = 0
    for start, next_end in word_spans(text):
        assert not text[end:start].strip()
        assert start < next_end
        end = next_end
    assert not text[end:].strip()


@pytest.mark.parametrize("text", ["a日", "ไ", "ລ", "မ", "ខ", "ﾊ", "々"])
def test_scripts_without_spaces_are_recognised(text: str) -> None:
    assert has_unspaced(text)


@pytest.mark.parametrize("text", ["", "word", "слово", "한국어", "नमस्ते", "\ud800"])
def test_scripts_with_spaces_are_not_among_them(text: str) -> None:
    assert not has_unspaced(text)


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("私 は 猫 です 。", "私は猫です。"),
        ("我 \t 爱 你", "我爱你"),
        ("カ タ カ ナ ！", "カタカナ！"),
        ("two words", "two words"),
        ("猫 and 犬", "猫 and 犬"),
        ("これ は Python です", "これは Python です"),
        ("猫\n犬", "猫\n犬"),
        (" 猫 ", " 猫 "),
    ],
)
def test_spaces_between_chinese_or_japanese_are_removed_and_no_others(
    text: str, joined: str
) -> None:
    assert join_cjk(text) == joined


def test_kana_tells_japanese_from_chinese() -> None:
    assert has_kana("猫が好き")
    assert has_kana("カメラ")
    assert not has_kana("我爱你。cat")


# The script of a text


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("a day", "LATIN"),
        ("Çà va, Łódź?", "LATIN"),
        ("добрый day", "CYRILLIC"),
        ("καλή", "GREEK"),
        ("日本語", "CJK"),
        ("ひらがな", "CJK"),
        ("カタカナ", "CJK"),
        ("한국어", "HANGUL"),
        ("مرحبا", "ARABIC"),
        ("שלום", "HEBREW"),
        ("नमस्ते", "DEVANAGARI"),
        ("สวัสดี", "OTHER"),
        ("\uff21\U0001d400", "LATIN"),  # A, full-width and bold
        ("12 :-) \U0001f44d", None),
        ("", None),
    ],
)
def test_the_script_of_a_text_is_that_of_most_letters(text: str, script: str | None) -> None:
    assert script_of(text) == script


@given(st.lists(st.text()))
def test_every_text_with_letters_is_in_one_script_and_shares_add_up(texts: list[str]) -> None:
    for text in texts:
        assert (script_of(text) in SCRIPTS) == any(map(str.isalpha, text))
    shares = script_shares(texts)
    assert set(shares) == {script_of(text) for text in texts} - {None}
    assert sum(shares.values()) == pytest.approx(1 if shares else 0, abs=1e-3)
