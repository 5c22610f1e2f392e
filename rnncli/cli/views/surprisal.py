"""How little a model expected each part of a text: colours, a number before it, or JSON."""

from itertools import accumulate
from typing import Any

from rnncli.cli.output import Fragment
from rnncli.cli.views.highlight import Highlight, Scale
from rnncli.config import Level
from rnncli.tasks.generate.surprisal import Surprisal

STYLES = ("black on #fff1b8", "black on #ffc069", "black on #ff7a45", "white on #a8071a")
SCALES = {  # of bits: a word tells more than a character
    "char": Scale((2, 4, 6, 9), STYLES),
    "subword": Scale((5, 8, 11, 14), STYLES),
    "word": Scale((6, 9, 12, 15), STYLES),
}


def legend(level: Level) -> list[Fragment]:
    """Return what the colours mean."""
    scale = SCALES[level]
    marks = [Fragment(f" from {n} ", style) for n, style in zip(scale.limits, STYLES, strict=True)]
    return [
        Fragment(f"bits of each {'character' if level == 'char' else 'token'}:"),
        Fragment(f" under {scale.limits[0]} "),
        *marks,
    ]


def highlight(surprisal: Surprisal, level: Level) -> Highlight:
    """Return a text with the bits of its parts; the newline behind it is left out."""
    pieces, bits = zip(*surprisal.pieces(), strict=True)
    ends = list(accumulate(map(len, pieces)))
    ends[-1] -= 1  # the newline
    return Highlight(surprisal.text, list(zip([0, *ends], ends, bits, strict=False)), SCALES[level])


def as_objects(surprisal: Surprisal) -> list[dict[str, Any]]:
    """Return what stands for the parts of a text in JSON."""
    return [{"text": text, "bits": round(bits, 4)} for text, bits in surprisal.pieces()]
