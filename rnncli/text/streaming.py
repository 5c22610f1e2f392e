"""Decode tokens as they are sampled: whole characters, up to a stop string."""

import re
from collections.abc import Iterable, Sequence

from rnncli.text.tokenizer import Tokenizer

# A sentence ends with a mark and closing marks, before a space.
_SENTENCE_END = re.compile(r"[.?!…。！？][\"'”’»)\]」』）]*(?=\s)")
END_CHARACTERS = 8  # in which the marks at the end of a sentence are found
MAX_CHARACTER_TOKENS = 4  # UTF-8 has four bytes at most, and a token one at least


class StopStrings:
    """Strings before which a text ends: that of ``--stop``, and the ends of rows."""

    def __init__(self, stop: str | None, row_ends: Sequence[str]) -> None:
        strings = [*row_ends, *([stop] if stop else [])]
        self._pattern = re.compile("|".join(map(re.escape, strings))) if strings else None
        self._row_prefixes = _proper_prefixes(row_ends)
        self._prefixes = _proper_prefixes(strings)
        self._max_length = max(map(len, self._prefixes), default=0)

    def __bool__(self) -> bool:
        return self._pattern is not None

    def find(self, text: str) -> int | None:
        """Return the start of the first stop string in a text."""
        match = self._pattern.search(text) if self._pattern is not None else None
        return match and match.start()

    def partial_match(self, text: str) -> int:
        """Return the length of the longest end of a text that could begin a stop string."""
        longest = min(self._max_length, len(text))
        return next((n for n in range(longest, 0, -1) if text[-n:] in self._prefixes), 0)

    def drop_row_end(self, end: str) -> str:
        """Return the end of an unfinished text, unless it is the beginning of a row's end."""
        return "" if end in self._row_prefixes else end


def _proper_prefixes(strings: Iterable[str]) -> set[str]:
    return {text[:n] for text in strings for n in range(1, len(text))}


class TextStreamer:
    """Decode tokens one by one, withholding text that the next token may change."""

    def __init__(
        self, tokenizer: Tokenizer, stop_strings: StopStrings, length: int | None = None
    ) -> None:
        """Decode up to a stop string, and after ``length`` tokens up to the end of a sentence."""
        self._tokenizer = tokenizer
        self._stop_strings = stop_strings
        self._ids: list[int] = []  # of an incomplete character
        self._pending = ""  # perhaps the beginning of a stop string
        self._length = length
        self._count = 0  # of the tokens
        self._end = ""  # the last characters of the text so far
        self.stopped = False

    def add(self, token: int) -> str:
        """Return the text that is final after this token."""
        if self.stopped:
            return ""
        text = self._decode(token)
        self._count += 1
        if self._length is None or self.stopped:
            return text
        known, self._end = len(self._end), self._end + text
        if self._count > self._length:
            for end in _SENTENCE_END.finditer(self._end):
                if end.end() >= known:  # the space after it is new
                    self.stopped, self._pending = True, ""
                    return text[: end.end() - known]
        self._end = self._end[-END_CHARACTERS:]
        return text

    def _decode(self, token: int) -> str:
        """Return the text that no other token changes."""
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
        text = self._pending + text
        end = self._stop_strings.find(text)
        if end is not None:
            self.stopped, self._pending = True, ""
            return text[:end]
        final = len(text) - self._stop_strings.partial_match(text)
        self._pending = text[final:]
        return text[:final]

    def finish(self) -> str:
        """Return the remaining characters."""
        if self.stopped:
            return ""
        return self._stop_strings.drop_row_end(self._pending) + self._tokenizer.decode(self._ids)
