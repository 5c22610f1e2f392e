"""From tokens to text, as they come: whole characters, up to where the text ends."""

import re
from collections.abc import Sequence

from rnncli.text.tokenizer import Tokenizer

LONGEST_CHARACTER = 4  # bytes of UTF-8, each of them perhaps a token


class Ends:
    """Know where a text ends: before what a person named, or where its row does."""

    def __init__(self, stop: str | None, rows: Sequence[str]) -> None:
        self._texts = [*rows, *([stop] if stop else [])]
        self._pattern = re.compile("|".join(map(re.escape, self._texts)))
        self._begin_row = _beginnings(rows)
        self._begin = self._begin_row | _beginnings([stop] if stop else [])
        self._longest = max(map(len, self._begin), default=0)

    def __bool__(self) -> bool:
        return bool(self._texts)

    def find(self, text: str) -> int | None:
        """Return where the first end in a text begins."""
        found = self._pattern.search(text)
        return found and found.start()

    def overlap(self, text: str) -> int:
        """Return how many of the last characters could be the beginning of an end."""
        longest = min(self._longest, len(text))
        return next((k for k in range(longest, 0, -1) if text[-k:] in self._begin), 0)

    def without(self, held: str) -> str:
        """Return what was held back of a text that is cut, without half a label."""
        return "" if held in self._begin_row else held


def _beginnings(texts: Sequence[str]) -> set[str]:
    return {text[:k] for text in texts for k in range(1, len(text))}


class Writer:
    """Turn tokens into text as they come, holding back what may yet change."""

    def __init__(self, tokenizer: Tokenizer, ends: Ends) -> None:
        self._tokenizer = tokenizer
        self._ends = ends
        self._ids: list[int] = []  # of a character that is not whole yet
        self._held = ""  # could be the beginning of an end
        self.stopped = False

    def add(self, token: int) -> str:
        """Return the text that has become certain with this token."""
        if self.stopped:
            return ""
        self._ids.append(token)
        text = self._tokenizer.decode_token(token) if len(self._ids) == 1 else self._decoded()
        if text.endswith("\ufffd") and len(self._ids) < LONGEST_CHARACTER:
            return ""
        self._ids.clear()
        if not self._ends:
            return text
        text = self._held + text
        end = self._ends.find(text)
        if end is not None:
            self.stopped, self._held = True, ""
            return text[:end]
        certain = len(text) - self._ends.overlap(text)
        self._held = text[certain:]
        return text[:certain]

    def finish(self) -> str:
        """Return what was held back."""
        return "" if self.stopped else self._ends.without(self._held) + self._decoded()

    def _decoded(self) -> str:
        return self._tokenizer.decode(self._ids)
