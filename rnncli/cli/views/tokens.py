"""Tokens: where they stand in a text, and how a table or a picture shows them."""

from collections.abc import Sequence
from itertools import accumulate

from rnncli.text.unicode import escape_controls

_SIGNS = str.maketrans("\n\t\r", "\u23ce\u21e5\u240d")
NO_TEXT = "\u00b7"  # of a token that is a part of the character before
SPACE = "\u2423"
MAX_LABEL = 16  # characters


def token_spans(tokens: Sequence[str]) -> list[tuple[int, int]]:
    """Return the start and the end of each token in the text that they join to."""
    ends = list(accumulate(map(len, tokens)))
    return list(zip([0, *ends], ends, strict=False))


def token_label(token: str, limit: int = MAX_LABEL) -> str:
    """Return a token on one line, without the space before a word, and shortened if it is long."""
    if not token:
        return NO_TEXT
    text = escape_controls(token.translate(_SIGNS))
    text = text.strip(" ") or SPACE
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
