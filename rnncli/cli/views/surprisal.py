"""How little a model expected texts: a number for each line, and colours for its parts."""

import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rnncli.cli.console import escape_controls, is_terminal
from rnncli.cli.pipe import Request, answer_all, batches
from rnncli.cli.records import Lines, Output
from rnncli.tasks.generate.predict import TextGenerator
from rnncli.tasks.generate.surprisal import Surprise

if TYPE_CHECKING:
    from rich.console import Console

# Letters have a colour, too, so that they can be read on light and on dark terminals.
STYLES = ("none", "black on #fff1b8", "black on #ffc069", "black on #ff7a45", "white on #a8071a")
# The bits from which on each style but the first is used: a word tells more than a character.
LIMITS = {"char": (2, 4, 6, 9), "subword": (5, 8, 11, 14), "word": (6, 9, 12, 15)}


def answer_surprise(request: Request, generator: TextGenerator, control: str | None) -> None:
    """Say of every text of a stream how little the model expected it, as one of a label."""
    console = request.messenger.console(stderr=False)
    in_colours = console.color_system is not None and not console.no_color
    if in_colours and not request.as_json and request.column is None and request.output is None:
        _answer_in_colours(request, generator, control, console)
        return

    def respond(texts: Sequence[str]) -> list[list[Output]]:
        found = generator.surprise(texts, control)
        return [[_answer(surprise, request.as_json)] for surprise in found]

    answer_all(request, "text", ("bits_per_character",), respond)


def _answer(surprise: Surprise, with_pieces: bool) -> Output:
    fields: dict[str, Any] = {"bits_per_character": round(surprise.bits_per_character, 6)}
    if with_pieces:
        fields["characters"] = [
            {"text": text, "bits": round(bits, 4)} for text, bits in surprise.pieces()
        ]
    return Output(f"{surprise.bits_per_character:.4f}\t{surprise.text}", fields)


def _answer_in_colours(
    request: Request, generator: TextGenerator, control: str | None, console: "Console"
) -> None:
    limits = LIMITS[generator.info["level"]]
    _say_legend(request, limits, "character" if generator.info["level"] == "char" else "token")
    codes = _codes(console)
    for lines in batches(request):
        texts = [record.text for record in Lines().records(lines)]
        for surprise in generator.surprise(texts, control):
            line = f"{surprise.bits_per_character:.4f}\t{_painted(surprise, limits, codes)}\n"
            sys.stdout.buffer.write(line.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()


def _painted(surprise: Surprise, limits: Sequence[float], codes: Sequence[tuple[str, str]]) -> str:
    """Return a text with the codes that colour each piece by its bits."""
    visible = escape_controls if is_terminal(stderr=False) else str
    left = len(surprise.text)  # the newline is not painted
    painted = []
    for degree, pieces in groupby(surprise.pieces(), lambda piece: _degree(piece[1], limits)):
        text = "".join(text for text, _ in pieces)[:left]
        left -= len(text)
        before, behind = codes[degree]
        painted.append(before + visible(text) + behind if text else "")
    return "".join(painted)


def _degree(bits: float, limits: Iterable[float]) -> int:
    return sum(bits >= limit for limit in limits)


def _codes(console: "Console") -> list[tuple[str, str]]:
    """Return what a terminal is sent before and behind a text of each style."""
    from rich.segment import Segment, Segments
    from rich.style import Style

    found = []
    for style in STYLES:
        with console.capture() as captured:
            console.print(Segments([Segment("|", Style.parse(style))]), end="")
        before, _, behind = captured.get().partition("|")
        found.append((before, behind))
    return found


def _say_legend(request: Request, limits: Sequence[float], unit: str) -> None:
    from rich.text import Text

    console = request.messenger.console()
    if request.messenger.quiet or console.color_system is None:
        return
    words = [f"under {limits[0]}", *(f"from {limit}" for limit in limits)]
    parts = [(f" {word} ", style) for word, style in zip(words, STYLES, strict=True)]
    console.print(Text.assemble(f"bits of each {unit}:", *parts))
