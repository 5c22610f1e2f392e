"""The keys of labels: a digit, and the first letter where it is free."""

import string
from collections.abc import Iterable

COMMANDS = {"u": "undo", "s": "skip", "n": "new label", "?": "help", "q": "end"}
DIGITS = "1234567890"


class LabelKeys:
    """Labels in order, each with its keys, which stay when others are added."""

    def __init__(self, labels: Iterable[str]) -> None:
        self.labels: list[str] = []
        self.by_key: dict[str, str] = {}
        self.notices = [notice for label in labels if (notice := self.add(label))]

    def add(self, label: str) -> str:
        """Give a label its keys, unless it has them already; say where a command has its letter.

        The eleventh and later ones, without a digit, get another letter; with all letters taken,
        none: then ``n`` and the name choose a label.
        """
        if label in self.labels:
            return ""
        digit = DIGITS[len(self.labels) : len(self.labels) + 1]
        self.labels.append(label)
        first = label[:1].lower()
        letters = first if digit else first + label.lower() + string.ascii_letters
        free = (each for each in letters if each.isalpha() and self._is_free(each))
        for key in (digit, next(free, "")):
            if key:
                self.by_key[key] = label
        if first not in COMMANDS:
            return ""
        return f"{label} has the key {self.of(label) or 'n'}, since {first} is {COMMANDS[first]}"

    def of(self, label: str) -> str:
        """Return the keys of a label, with a space between."""
        return " ".join(key for key, each in self.by_key.items() if each == label)

    def _is_free(self, key: str) -> bool:
        return key not in COMMANDS and key not in self.by_key
