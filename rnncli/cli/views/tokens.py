"""Tokens as they are shown in a table, beside a row or above a column."""

from rnncli.text.unicode import escape_controls

_SIGNS = str.maketrans("\n\t\r", "\u23ce\u21e5\u240d")
NO_TEXT = "\u00b7"  # of a token that is a part of the character before
SPACE = "\u2423"
MAX_LABEL = 16  # characters


def token_label(token: str, limit: int = MAX_LABEL) -> str:
    """Return a token on one line, without the space before a word, and shortened if it is long."""
    if not token:
        return NO_TEXT
    text = escape_controls(token.translate(_SIGNS))
    text = text.strip(" ") or SPACE
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
