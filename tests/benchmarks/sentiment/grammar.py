"""Make sentences whose sentiment follows by rule, from patterns.txt and words.txt.

python tests/benchmarks/sentiment/grammar.py 10000 > sentences.csv
"""

import csv
import random
import re
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
SLOT = re.compile(r"\{(\w+)\}")
AN = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])(?![Uu](?:ni|se|k|ga|ru)|[Ee]u|[Oo]ne\b)")
CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")
UNCONTRACTED = [
    (" is not", " isn't"), (" was not", " wasn't"), (" do not", " don't"), (" did not", " didn't"),
    (" are not", " aren't"), (" were not", " weren't"), (" it is ", " it's "), (" I am ", " I'm "),
    (" cannot ", " can't "), (" would not ", " wouldn't "), (" could not ", " couldn't "),
]  # fmt: skip


class Pattern(NamedTuple):
    """A pattern, its label, and how often it is drawn."""

    label: str
    text: str
    weight: int


def read_words(path: Path) -> dict[str, list[str]]:
    """Read the words of each slot: lines of `slot: word, word`."""
    slots = {}
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            name, words = line.split(": ", 1)
            # A comma at a word's end belongs to it ("honestly,"): it is doubled in the file.
            slots[name] = [
                word.strip().replace("\0", ",") for word in words.replace(",,", "\0,").split(",")
            ]
    return slots


def read_patterns(path: Path) -> list[Pattern]:
    """Read the patterns: lines of `label weight: text`."""
    patterns = []
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            head, text = line.split(": ", 1)
            label, weight = head.split()
            patterns.append(Pattern(label, text, int(weight)))
    return patterns


def fill(pattern: str, words: dict[str, list[str]], rng: random.Random) -> str:
    """Replace alternatives, then slots, until none is left."""
    while match := CHOICE.search(pattern):
        chosen = rng.choice(match[1].split("|"))
        pattern = pattern[: match.start()] + chosen + pattern[match.end() :]
    while match := SLOT.search(pattern):
        pattern = pattern[: match.start()] + rng.choice(words[match[1]]) + pattern[match.end() :]
    pattern = re.sub(r"\s+([,.?!])", r"\1", re.sub(r"\s+", " ", pattern)).strip(" ")
    return AN.sub(r"\1n ", pattern)


def vary(text: str, words: dict[str, list[str]], rng: random.Random) -> str:
    """Write a sentence as people do: contractions, an aside before or after, capitals, marks."""
    if rng.random() < 0.12:
        text = f"{fill('{opener}', words, rng)} {text}"
    if rng.random() < 0.12 and not text.endswith("?"):
        text = f"{text} {fill('{tailnote}', words, rng)}"
    if rng.random() < 0.4:
        for long, short in UNCONTRACTED:
            text = text.replace(long, short)
    style = rng.random()
    if style < 0.55:
        text = text[:1].upper() + text[1:]
    elif style < 0.6:
        text = text.upper()
    elif style < 0.8:
        text = text.lower()
    if rng.random() < 0.06:
        text = text.replace("'", "" if rng.random() < 0.5 else "’")
    if rng.random() < 0.05 and len(text) > 12:
        place = rng.randrange(3, len(text) - 2)
        text = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    if text[-1:].isalnum():
        text += rng.choice((".", ".", ".", "", "", "", "!", "!!", "..."))
    return text


def sentences(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Draw different sentences and their labels."""
    words = read_words(HERE / "words.txt")
    patterns = read_patterns(HERE / "patterns.txt")
    rng = random.Random(seed)
    weights = [pattern.weight for pattern in patterns]
    drawn: dict[str, str] = {}
    while len(drawn) < count:
        pattern = rng.choices(patterns, weights)[0]
        drawn.setdefault(vary(fill(pattern.text, words, rng), words, rng), pattern.label)
    return list(drawn.items())


if __name__ == "__main__":
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("text", "label"))
    writer.writerows(sentences(int(sys.argv[1])))
