"""Documents whose text is translated while all else stays: subtitles, Markdown, gettext."""

from pathlib import PurePath

SUFFIXES = (".srt", ".vtt", ".md", ".markdown", ".po", ".pot")


def is_document(name: str) -> bool:
    """Return whether the name of a file, compressed or not, is that of a document."""
    return suffix_of(name) in SUFFIXES


def suffix_of(name: str) -> str:
    """Return the suffix that tells the format of a file."""
    return PurePath(name.lower().removesuffix(".gz")).suffix
