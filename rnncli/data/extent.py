"""How large the data of a table is, estimated by its first rows, and how much of it is read."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rnncli.data.limits import require_readable
from rnncli.data.scratch import require_space
from rnncli.data.tables import Table

# On disk, of each token, which may be a character, and of each text: see `encoded`.
TOKEN_BYTES, OFFSET_BYTES = 2, 8


@dataclass(frozen=True)
class Extent:
    """About how many rows there are, and how many characters and bytes of text in them."""

    rows: int
    characters: int
    bytes: int

    @classmethod
    def of(cls, rows: Iterable[Sequence[str]]) -> "Extent":
        """Count rows of cells."""
        texts = ["".join(row) for row in rows]
        return cls(len(texts), sum(map(len, texts)), sum(len(text.encode()) for text in texts))

    def times(self, factor: float) -> "Extent":
        """Return a part or a multiple of it."""
        rows, characters, size = (
            round(factor * x) for x in (self.rows, self.characters, self.bytes)
        )
        return Extent(rows, characters, size)


def extent_to_read(
    table: Table, whole: Extent, limits: Mapping[str, int], *, is_running_text: bool
) -> Extent:
    """Return how much of the whole is read within limits of "rows" and "characters".

    Of running text, any number of lines is read. What is left out, and much disk, is announced.

    Raises:
        DataError: it is too much, or there is no room for it.
    """
    share = min(1.0, limits.get("characters", math.inf) / max(1, whole.characters))
    if not is_running_text:
        share = min(share, limits.get("rows", math.inf) / max(1, whole.rows))
    part = whole.times(share)
    if share < 1:
        which = (
            f"the first {part.rows:,}" if is_running_text else f"{part.rows:,}, drawn at random,"
        )
        table.notices += (f"rows: {which} of about {whole.rows:,}, as many as there is time for",)
    require_readable(table.where, part.rows, part.characters, is_running_text=table.is_plain_text)
    size = part.bytes + TOKEN_BYTES * part.characters + OFFSET_BYTES * part.rows
    table.notices += require_space(table.where, size)
    return part
