"""Copy texts with names, places, numbers, handles and words of identity exchanged, the label kept.

What a person is called, or is, does not change whether a text praises: a classifier learns that
from copies in which nothing else differs (counterfactual data augmentation, Kaushik et al. 2020,
section 2; Garg et al. 2019, section 4).
"""

import random
import re
from collections.abc import Iterable
from pathlib import Path

from grammar import read_words

WORDS = read_words(Path(__file__).parent / "words.txt")
#: The slots whose words may stand for one another in a text that is not of the grammar.
EXCHANGED = ("name", "city", "identity")
#: Words that are more often something else in running text.
AMBIGUOUS = {
    "black",
    "white",
    "brown",
    "straight",
    "old",
    "young",
    "blind",
    "mei",
    "raj",
    "peter",
    "ming",
}
NUMBER = re.compile(r"(?<![\w.,$£€%-])([2-9]|[1-9]\d{1,3})(?![\w.,%]*\d|%|/)")
HANDLE = re.compile(r"@\w+")


def exchange(text: str, rng: random.Random) -> str:
    """Exchange each word of EXCHANGED, each number and each handle for another of its kind."""
    for slot in EXCHANGED:
        known = {word.casefold() for word in WORDS[slot]} - AMBIGUOUS
        pattern = (
            r"(?<![\w-])("
            + "|".join(sorted(map(re.escape, known), key=len, reverse=True))
            + r")(?![\w-])"
        )

        def other(match: re.Match[str], slot: str = slot) -> str:
            word = rng.choice(WORDS[slot])
            return word if match[0][0].isupper() or slot != "identity" else word.lower()

        text = re.sub(pattern, other, text, flags=re.IGNORECASE)
    text = NUMBER.sub(lambda match: str(rng.randint(2, 10 ** len(match[0]) - 1)), text)
    return HANDLE.sub(lambda _: "@" + rng.choice(WORDS["handle"]), text)


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
