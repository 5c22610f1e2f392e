"""From tokens to text as they are drawn: whole characters, up to a stop string."""

import re
from collections.abc import Iterable, Sequence

from rnncli.text.tokenizer import Tokenizer

MAX_CHARACTER_TOKENS = 4  # UTF-8 has four bytes at most, each of them perhaps a token


class StopStrings:
    """Strings that end a text, which stops before them: one a person names, and ends of rows."""

    def __init__(self, stop: str | None, row_ends: Sequence[str]) -> None:
        strings = [*row_ends, *([stop] if stop else [])]
        self._pattern = re.compile("|".join(map(re.escape, strings))) if strings else None
        self._row_prefixes = _proper_prefixes(row_ends)
        self._prefixes = _proper_prefixes(strings)
        self._max_length = max(map(len, self._prefixes), default=0)

    def __bool__(self) -> bool:
        return self._pattern is not None

    def find(self, text: str) -> int | None:
        """Return where the first stop string in a text begins."""
        match = self._pattern.search(text) if self._pattern is not None else None
        return match and match.start()

    def partial_match(self, text: str) -> int:
        """Return how many of the last characters could be the beginning of a stop string."""
        longest = min(self._max_length, len(text))
        return next((n for n in range(longest, 0, -1) if text[-n:] in self._prefixes), 0)

    def drop_row_end(self, rest: str) -> str:
        """Return the rest of a text that was cut off, without the beginning of a row's end."""
        return "" if rest in self._row_prefixes else rest


def _proper_prefixes(strings: Iterable[str]) -> set[str]:
    return {text[:n] for text in strings for n in range(1, len(text))}


class TextStreamer:
    """Turn tokens into text one by one, holding back what the next token may change."""

    def __init__(self, tokenizer: Tokenizer, stop_strings: StopStrings) -> None:
        self._tokenizer = tokenizer
        self._stop_strings = stop_strings
        self._ids: list[int] = []  # of a character that is not whole yet
        self._held = ""  # could be the beginning of a stop string
        self.stopped = False

    def add(self, token: int) -> str:
        """Return the text that has become certain with this token."""
        if self.stopped:
            return ""
        self._ids.append(token)
        if len(self._ids) == 1:
            text = self._tokenizer.decode_token(token)
        else:
            text = self._tokenizer.decode(self._ids)
        if text.endswith("\ufffd") and len(self._ids) < MAX_CHARACTER_TOKENS:
            return ""
        self._ids.clear()
        if not self._stop_strings:
            return text
        text = self._held + text
        end = self._stop_strings.find(text)
        if end is not None:
            self.stopped, self._held = True, ""
            return text[:end]
        certain = len(text) - self._stop_strings.partial_match(text)
        self._held = text[certain:]
        return text[:certain]

    def finish(self) -> str:
        """Return the remaining characters."""
        if self.stopped:
            return ""
        return self._stop_strings.drop_row_end(self._held) + self._tokenizer.decode(self._ids)
