"""Gather texts, so that many are worked on at once, and never more than memory has room for."""

from collections.abc import Iterable, Iterator


def chunks(texts: Iterable[str], characters: int, most: int | None = None) -> Iterator[list[str]]:
    """Yield lists of texts in their order, each ended by so many characters or so many texts.

    A list has more characters by those of its last text.
    """
    chunk: list[str] = []
    count = 0
    for text in texts:
        chunk.append(text)
        count += len(text)
        if len(chunk) == most or count > characters:
            yield chunk
            chunk, count = [], 0
    if chunk:
        yield chunk
