"""Split texts and their tokens into batches that fit into memory, and pad each batch."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnncli.text.special_tokens import PAD

Item = TypeVar("Item")


def batched(
    items: Iterable[Item],
    *,
    max_items: int | None = None,
    max_size: int | None = None,
    size: Callable[[Item], int] = len,  # type: ignore[assignment]  # characters, of texts
) -> Iterator[list[Item]]:
    """Yield items in their order in lists of at most ``max_items`` (`itertools.batched`).

    A list also ends with the item that takes its total ``size`` beyond ``max_size``, so that no
    item is too large for a list.
    """
    batch: list[Item] = []
    total = 0
    for item in items:
        batch.append(item)
        if max_size is not None:
            total += size(item)
        if len(batch) == max_items or (max_size is not None and total > max_size):
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def batch_by_length(
    encoded: Sequence[Sequence[int]], max_tokens: int, max_texts: int
) -> list[NDArray[np.int64]]:
    """Return batches of texts of similar length, as their indices, from long to short.

    A batch has at most ``max_tokens``, padding included, unless a single text has more.
    """
    lengths = np.array([len(ids) for ids in encoded], np.int64)
    order = np.argsort(-lengths, kind="stable")
    batches = []
    while len(order):
        size = min(max_texts, max(1, max_tokens // max(1, int(lengths[order[0]]))))
        batches.append(order[:size])
        order = order[size:]
    return batches


def pad(
    sequences: Sequence[Sequence[int] | NDArray[Any]], multiple_of: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return token ids as (N, S), padded on the right, and the lengths (N,) of the sequences.

    S is the smallest multiple of ``multiple_of`` that holds the longest sequence.
    """
    lengths = np.array([len(ids) for ids in sequences], np.int64)
    width = -(-int(lengths.max()) // multiple_of) * multiple_of
    tokens = np.full((len(sequences), width), PAD, np.int64)
    for row, ids in zip(tokens, sequences, strict=True):
        row[: len(ids)] = ids
    return tokens, lengths


def split_between_words(text: str, max_characters: int) -> list[str]:
    """Split a text before single spaces into pieces of at most ``max_characters``.

    No word, nor what is read together with its space, is in two pieces, unless half a piece has no
    such space. The pieces join to the text.
    """
    pieces = []
    start = 0
    while len(text) - start > max_characters:
        end = start + max_characters
        low = start + max(1, max_characters // 2)
        space = text.rfind(" ", low, end)
        while space > low and (text[space - 1].isspace() or text[space + 1].isspace()):
            space = text.rfind(" ", low, space)
        end = space if space > low else end
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:]]


def split_long_text(text: str, max_characters: int) -> list[str]:
    """Split a text into pieces of at most ``max_characters``, after spaces if there are any.

    The pieces join to the text.
    """
    pieces = []
    start = 0
    while len(text) - start > max_characters:
        space = text.rfind(" ", start + max_characters // 2, start + max_characters)
        end = space + 1 or start + max_characters
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:]]
