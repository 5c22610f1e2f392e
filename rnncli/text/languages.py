"""Recognise languages by their names and their ISO 639 codes."""

import re
from functools import cache
from pathlib import Path

# ISO 639-1 code: ISO 639-3 code, name in English, name in the language itself.
_LANGUAGES = """
af afr afrikaans      ar ara arabic         az aze azerbaijani    be bel belarusian
bg bul bulgarian      bn ben bengali        bs bos bosnian        ca cat catalan català
cs ces czech čeština  cy cym welsh cymraeg  da dan danish dansk   de deu german deutsch
el ell greek          en eng english        eo epo esperanto      es spa spanish español
et est estonian eesti eu eus basque euskara fa fas persian        fi fin finnish suomi
fr fra french français                      ga gle irish gaeilge  gl glg galician galego
gu guj gujarati       he heb hebrew         hi hin hindi          hr hrv croatian hrvatski
hu hun hungarian magyar                     hy hye armenian       id ind indonesian
is isl icelandic íslenska                   it ita italian italiano
ja jpn japanese 日本語 ka kat georgian       kk kaz kazakh         km khm khmer
kn kan kannada        ko kor korean 한국어   la lat latin          lt lit lithuanian
lv lav latvian        mk mkd macedonian     ml mal malayalam      mn mon mongolian
mr mar marathi        ms msa malay          mt mlt maltese        my mya burmese
nb nob bokmål         ne nep nepali         nl nld dutch nederlands
nn nno nynorsk        no nor norwegian norsk                      pl pol polish polski
pt por portuguese português                 ro ron romanian română
ru rus russian русский                      si sin sinhala        sk slk slovak
sl slv slovenian      sq sqi albanian       sr srp serbian        sv swe swedish svenska
sw swa swahili        ta tam tamil          te tel telugu         th tha thai
tl tgl tagalog        tr tur turkish türkçe uk ukr ukrainian      ur urd urdu
uz uzb uzbek          vi vie vietnamese     xh xho xhosa          yo yor yoruba
zh zho chinese 中文    zu zul zulu
"""


@cache
def _codes() -> dict[str, str]:
    """Return the ISO 639-1 code of each name and each code of a language."""
    codes: dict[str, str] = {}
    code = ""
    for word in _LANGUAGES.split():
        if len(word) == 2 and word.isascii():
            code = word
        codes[word] = code
    return codes


def language_of(name: str) -> str | None:
    """Return the ISO 639-1 code of the language that a column is named after, if any.

    ``English``, ``en``, ``en-GB`` and ``eng_Latn`` all name English.
    """
    region = re.fullmatch(r"([a-z]{2,3})[-_]([A-Z]{2}|[A-Z][a-z]{3})", name)
    return _codes().get(region[1] if region else name.casefold())


def language_of_file(path: Path) -> str | None:
    """Return the language of ``train.en``, ``train.en.gz`` or ``english.txt``."""
    return next(filter(None, map(language_of, reversed(path.name.split(".")))), None)


def languages_of(
    columns: dict[str, str], pair: tuple[str, str] | None = None
) -> tuple[str, str] | None:
    """Return the languages of the source and target column, or None if one is unknown.

    With a ``pair`` of languages of the data, one column is enough.
    """
    source, target = (language_of(columns.get(side, "")) for side in ("source", "target"))
    if pair and source in pair and not target:
        target = pair[pair.index(source) - 1]
    if pair and target in pair and not source:
        source = pair[pair.index(target) - 1]
    return (source, target) if source and target else None
