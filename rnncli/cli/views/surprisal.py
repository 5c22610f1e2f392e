"""How little a model expected texts: a number for each line, and colours for its parts."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from rnncli.cli.output import Fragment, Output
from rnncli.cli.pipe import Request, answer_all
from rnncli.cli.views.highlight import announce_legend
from rnncli.tasks.generate.predict import TextGenerator
from rnncli.tasks.generate.surprisal import Surprise

# Letters have a colour, too, so that they can be read on light and on dark terminals.
STYLES = ("none", "black on #fff1b8", "black on #ffc069", "black on #ff7a45", "white on #a8071a")
# The bits from which on each style but the first is used: a word tells more than a character.
LIMITS = {"char": (2, 4, 6, 9), "subword": (5, 8, 11, 14), "word": (6, 9, 12, 15)}


def answer_surprise(request: Request, generator: TextGenerator, control: str | None) -> None:
    """Say of every text of a request how little the model expected it, as one of a label."""
    limits = LIMITS[generator.info["level"]]
    if request.is_coloured:
        unit = "character" if generator.info["level"] == "char" else "token"
        words = [f" under {limits[0]} ", *(f" from {limit} " for limit in limits)]
        legend = map(Fragment, words, STYLES)
        announce_legend(request.messenger, [Fragment(f"bits of each {unit}:"), *legend])

    def output(surprise: Surprise) -> Output:
        fields: dict[str, Any] = {"bits_per_character": round(surprise.bits_per_character, 6)}
        if request.as_json:
            fields["characters"] = [
                {"text": text, "bits": round(bits, 4)} for text, bits in surprise.pieces()
            ]
        number = f"{surprise.bits_per_character:.4f}\t"
        if request.is_coloured:
            return Output([Fragment(number), *_highlighted(surprise, limits)], fields)
        return Output(number + surprise.text, fields)

    def respond(texts: Sequence[str]) -> list[list[Output]]:
        return [[output(surprise)] for surprise in generator.surprise(texts, control)]

    answer_all(request, "text", ("bits_per_character",), respond)


def _highlighted(surprise: Surprise, limits: Sequence[float]) -> Iterator[Fragment]:
    """Yield the parts of a text, each with the style of its bits."""
    left = len(surprise.text)  # the newline is not shown
    for style, pieces in groupby(surprise.pieces(), lambda piece: _style(piece[1], limits)):
        text = "".join(text for text, _ in pieces)[:left]
        left -= len(text)
        yield Fragment(text, style)


def _style(bits: float, limits: Sequence[float]) -> str:
    return STYLES[sum(bits >= limit for limit in limits)]
