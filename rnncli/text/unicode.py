"""Which script a text is written in, by the names that Unicode gives to its letters."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

OTHER = "OTHER"
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
# What has no spaces between words, for a regular expression: the letters and signs of Thai, Lao,
# Burmese and Khmer, kana and Han.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff01-\uff9f\U00020000-\U0003ffff"
)
_KANA = ("HIRAGANA", "KATAKANA")  # CJK, too, since a Japanese sentence mixes all three

_ASCII_LETTER = re.compile("[A-Za-z]")


def script_of(text: str) -> str | None:
    """Return the script that most letters of a text are of; None where it has no letters."""
    if text.isascii():  # as most texts are: nothing has to be counted
        return "LATIN" if _ASCII_LETTER.search(text) else None
    counts: Counter[str] = Counter()
    for character, number in Counter(text).items():
        if character.isalpha():
            counts[_script_of_letter(character)] += number
    return counts.most_common(1)[0][0] if counts else None


def script_shares(texts: Iterable[str]) -> dict[str, float]:
    """Return the share of the texts in each script, the largest first; those without letters aside.

    Shares are rounded to four digits, and left out where nothing remains.
    """
    counts = Counter(filter(None, map(script_of, texts)))
    shares = {name: round(n / counts.total(), 4) for name, n in counts.most_common()}
    return {name: share for name, share in shares.items() if share > 0}


@lru_cache(1 << 14)  # letters: more than a text in any script has, a megabyte at most
def _script_of_letter(letter: str) -> str:
    plain = unicodedata.normalize("NFKC", letter)[0]  # a full-width or a bold A is an A
    name = unicodedata.name(plain, "").partition(" ")[0]
    if name in _KANA:
        return "CJK"
    return name if name in SCRIPTS else OTHER
