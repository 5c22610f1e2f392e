"""Properties of characters: scripts, words, surrogates and control characters."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers.normalizers import Normalizer
    from tokenizers.pre_tokenizers import PreTokenizer

# --- Characters that are no text ----------------------------------------------------------------

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

# The symbol that Unicode has for each control character, U+2400 for NUL and so on.
_CONTROL_SYMBOLS = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"}
_CONTROL_SYMBOLS |= {0x7F: "\u2421", **dict.fromkeys(range(0x80, 0xA0), "\ufffd")}
# Characters that reverse the order of others on a screen, end a line, or are not seen. Those that
# scripts and emoji need (joiners, selectors of variants, marks of direction) stay.
_HIDDEN = (
    *(0xAD, 0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x200B, 0x3164, 0xFEFF, 0xFFA0),
    *range(0x2028, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xFFF9, 0xFFFC),
    *range(0xE0000, 0xE0080),  # tags, which can spell whole sentences
)
_CONTROL_SYMBOLS |= dict.fromkeys(_HIDDEN, "\ufffd")

_TYPOGRAPHIC_SIGNS = {
    "'": "\u2018\u2019\u201a\u201b\u02bc\u2032\uff07\u00b4",
    '"': "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212",
    "...": "\u2026",
    " ": "\u00a0\u2007\u2009\u202f",
}
PLAIN_SIGNS = {ord(sign): plain for plain, signs in _TYPOGRAPHIC_SIGNS.items() for sign in signs}

_FIELD_ENDS = str.maketrans("\t\n\r", "   ")


def replace_surrogates(text: str) -> str:
    r"""Replace lone surrogates by U+FFFD: ``str`` and JSON can hold them, UTF-8 cannot.

    The length stays the same.
    """
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def compose(text: str) -> str:
    """Return a text in Unicode normalisation form C: é is one character, however it was typed."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def plain_signs(text: str) -> str:
    """Return a text with plain quotation marks, apostrophes, dashes, ellipses and spaces.

    For reading alone: a text whose apostrophes are curly is to mean the same as one whose are not.
    An ellipsis becomes three signs, each other sign one.
    """
    return text if text.isascii() else text.translate(PLAIN_SIGNS)


def escape_controls(text: str) -> str:
    """Replace control characters by visible symbols, so that no text steers a terminal.

    So are characters that change the order of others, or that nobody sees. Newlines and tabs stay.
    """
    return text.translate(_CONTROL_SYMBOLS)


# Letters of other scripts that look like those of the Latin alphabet, in pairs.
_LOOKALIKES = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445"
    "\u0455\u0456\u0458\u04bb\u0501\u051b\u051d\u03b1\u03b2\u03b5\u03b6\u03b7"
    "\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u0131",
    "abekmhopctyxsijhdqwabeznikmvoptuxi",
)


def latin_lookalike(text: str) -> str:
    """Return a text in small letters, with Latin ones for those of other scripts that look alike.

    Capitals look alike where the small letters do, or as Greek ones: both are taken for the same.
    """
    return text.casefold().translate(_LOOKALIKES)


def as_field(text: str) -> str:
    """Replace tabs and line ends by spaces, which makes a text one field of a line."""
    return text.translate(_FIELD_ENDS)


# --- Scripts without spaces between words -------------------------------------------------------

# For a character class of `tokenizers`, whose regular expressions (Oniguruma) know the scripts of
# Unicode, as Python's do not. Tokenizers of words split texts by it, too.
UNSPACED_SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Myanmar}\p{Khmer}"
# With the punctuation of Chinese and Japanese, which has no spaces around it either.
UNSPACED = rf"[{UNSPACED_SCRIPTS}\u3000-\u303f\u30a0-\u30ff\uff01-\uff9f]"

# Chinese and Japanese with their punctuation and full-width forms, for Python's expressions.
_CJK = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff9f"
_CJK_SPACES = rf"(?<=[{_CJK}])[ \t]+(?=[{_CJK}])"  # takes 2 ms to compile
_KANA = re.compile("[\u3041-\u30ff]")


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return the start and the end of each word of a text.

    Spaces separate words; in a script without spaces, each character is a word.
    """
    pieces = _word_splitter().pre_tokenize_str(replace_surrogates(text))
    return [span for piece, span in pieces if not piece.isspace()]


@lru_cache(1 << 14)
def has_unspaced(text: str) -> bool:
    """Return whether a text has a character of a script without spaces, or its punctuation."""
    if text.isascii():
        return False
    return len(_unspaced_remover().normalize_str(replace_surrogates(text))) < len(text)


def separate_unspaced(texts: Sequence[str]) -> Sequence[str]:
    """Put spaces around each character of a script without spaces, as around a word."""
    characters = set[str]().union(*(text for text in texts if not text.isascii()))
    spaced = {ord(c): f" {c} " for c in characters if has_unspaced(c)}
    return [text.translate(spaced) for text in texts] if spaced else texts


@cache
def _word_splitter() -> "PreTokenizer":
    from tokenizers import Regex, pre_tokenizers  # 30 ms, which most commands do not need

    return pre_tokenizers.Split(Regex(rf"\s+|{UNSPACED}"), "isolated")


@cache
def _unspaced_remover() -> "Normalizer":
    from tokenizers import Regex, normalizers

    return normalizers.Replace(Regex(UNSPACED), "")


def join_cjk(text: str) -> str:
    """Remove spaces between Chinese or Japanese characters, which corpora put between words."""
    return text if text.isascii() else re.sub(_CJK_SPACES, "", text)


def has_kana(text: str) -> bool:
    """Return whether a text has Japanese syllables."""
    return _KANA.search(text) is not None


# --- The script of a text -----------------------------------------------------------------------

OTHER = "OTHER"
# First words of the Unicode names of letters. Those come with Python; a library that knows scripts
# takes as long to import as a line to classify.
SCRIPTS = (
    "LATIN",
    "CYRILLIC",
    "GREEK",
    "CJK",
    "HANGUL",
    "ARABIC",
    "HEBREW",
    "DEVANAGARI",
    OTHER,
)
_KANA_NAMES = ("HIRAGANA", "KATAKANA")  # CJK, too: a Japanese sentence mixes all three
_ASCII_LETTER = re.compile("[A-Za-z]")


def script_of(text: str) -> str | None:
    """Return the most frequent script of the letters of a text; None if it has none."""
    if text.isascii():  # a shortcut: most texts are
        return "LATIN" if _ASCII_LETTER.search(text) else None
    counts: Counter[str] = Counter()
    for character, number in Counter(text).items():
        if character.isalpha():
            counts[_script_of_letter(character)] += number
    return counts.most_common(1)[0][0] if counts else None


def has_letter(text: str) -> bool:
    """Return whether a text has a letter of any script, unlike a number or a line of symbols."""
    return any(map(str.isalpha, text))


def letterless_share(texts: Iterable[str]) -> float:
    """Return the share of texts without a letter."""
    letterless = [not has_letter(text) for text in texts]
    return sum(letterless) / max(len(letterless), 1)


def script_shares(texts: Iterable[str]) -> dict[str, float]:
    """Return the share of each script among the texts that have letters, the largest first.

    Shares are rounded to four digits, and left out if they round to zero.
    """
    counts = Counter(filter(None, map(script_of, texts)))
    shares = {name: round(n / counts.total(), 4) for name, n in counts.most_common()}
    return {name: share for name, share in shares.items() if share > 0}


@lru_cache(1 << 14)  # letters: more than a script has, and a megabyte at most
def _script_of_letter(letter: str) -> str:
    plain = unicodedata.normalize("NFKC", letter)[0]  # a full-width or a bold A is an A
    name = unicodedata.name(plain, "").partition(" ")[0]
    if name in _KANA_NAMES:
        return "CJK"
    return name if name in SCRIPTS else OTHER
