"""Copy texts with names, places, numbers, handles and words of identity exchanged, the label kept.

What a person is called, or is, does not change whether a text praises: a classifier learns that
from copies in which nothing else differs (counterfactual data augmentation, Kaushik et al. 2020,
section 2; Garg et al. 2019, section 4).
"""

import random
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from grammar import fill, read_words

WORDS = read_words(Path(__file__).parent / "words.txt")
#: The slots whose words are exchanged, and what for.
EXCHANGED = {
    "name": "{name}",
    "city": "{city}",
    "people": "{people}",
    "religion": "{religion}",
    "origin": "{origin}",
    "faith": "{identity}",
    "orientation": "{identity}",
    "condition": "{condition}",
}
CAPITALISED = {"name", "city"}  # "mark" and "china" are more often something else
#: Words that are more often something else in running text.
AMBIGUOUS = {
    "adopted", "blind", "divorced", "female", "foreign", "grace", "immigrant", "male", "mark",
    "married", "mei", "ming", "old", "orthodox", "paralysed", "peter", "pregnant", "raj", "retired",
    "secular", "single", "straight", "turkey", "young",
}  # fmt: skip
GENDERS = [
    ("he", "she"), ("man", "woman"), ("men", "women"), ("boy", "girl"), ("boys", "girls"),
    ("husband", "wife"), ("father", "mother"), ("dad", "mum"), ("son", "daughter"),
    ("brother", "sister"), ("uncle", "aunt"), ("grandfather", "grandmother"), ("actor", "actress"),
    ("waiter", "waitress"), ("gentleman", "lady"),
]  # fmt: skip
OTHER_GENDER = {word: other for pair in GENDERS for word, other in (pair, pair[::-1])}
#: Whole numbers that are no marks, prices or shares.
NUMBER = re.compile(
    r"(?<![\w.,$£€%/-])(?<!out of )([2-9]|[1-9]\d{1,3})"
    r"(?!\w)(?![.,]?\d|%|/|[ -]stars?\b| out of\b| per cent| percent)"
)
HANDLE = re.compile(r"@\w+")


def any_of(words: Iterable[str]) -> str:
    """Return a pattern of whole words, the longest first."""
    ordered = sorted(words, key=len, reverse=True)
    return r"(?<![\w-])(" + "|".join(map(re.escape, ordered)) + r")(?![\w-])"


PATTERNS = {
    slot: re.compile(
        r"\b(?:([Aa])n? )?" + any_of({w for w in WORDS[slot] if w.casefold() not in AMBIGUOUS}),
        re.NOFLAG if slot in CAPITALISED else re.IGNORECASE,
    )
    for slot in EXCHANGED
}
GENDERED = re.compile(any_of(OTHER_GENDER), re.IGNORECASE)


def exchange(text: str, rng: random.Random) -> str:
    """Exchange words of `EXCHANGED`, numbers, handles and, in half of the texts, genders."""
    is_lower = text.islower()

    def other(slot: str, match: re.Match[str]) -> str:
        article = f"{match[1]} " if match[1] else ""  # fill() makes it agree
        word = fill(article + EXCHANGED[slot], WORDS, rng)
        return word.lower() if is_lower else word

    for slot, pattern in PATTERNS.items():
        text = pattern.sub(partial(other, slot), text)
    if rng.random() < 0.5:
        text = GENDERED.sub(_other_gender, text)
    text = NUMBER.sub(lambda match: str(rng.randint(2, 10 ** len(match[0]) - 1)), text)
    return HANDLE.sub(lambda _: "@" + rng.choice(WORDS["handle"]), text)


def _other_gender(match: re.Match[str]) -> str:
    word = OTHER_GENDER[match[0].lower()]
    return word.capitalize() if match[0][0].isupper() else word


def dress(text: str, rng: random.Random) -> str:
    """Add what says nothing about the label: an address, a handle, a tag."""
    added = rng.choice(
        ("@{handle} ", "http://t.co/{code} ", "#{city} ", "https://{handle}.com/{code} ")
    )
    code = "".join(rng.choices("abcdefghkmnpqrstuvwxyz23456789", k=6))
    added = added.format(
        handle=rng.choice(WORDS["handle"]),
        code=code,
        city=rng.choice(WORDS["city"]).replace(" ", ""),
    )
    return added + text if rng.random() < 0.5 else f"{text} {added.strip()}"


def counterfactuals(rows: Iterable[tuple[str, str]], seed: int = 0) -> list[tuple[str, str]]:
    """Give each text in which something can be exchanged a copy, and one in twenty an addition."""
    rng = random.Random(seed)
    copies = []
    for text, label in rows:
        changed = exchange(text, rng)
        if changed != text:
            copies.append((changed, label))
        elif rng.random() < 0.05:
            copies.append((dress(text, rng), label))
    return copies
