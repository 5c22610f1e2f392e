"""The surprisal of each part of a text: colours, bits per character, or JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rnncli.cli.output import Fragment, Output
from rnncli.cli.pipe import answer_all
from rnncli.cli.request import Request
from rnncli.cli.views.highlight import Highlight, Scale, announce_legend
from rnncli.cli.views.tokens import token_spans
from rnncli.config import Level
from rnncli.tasks.generate.surprisal import Surprisal

if TYPE_CHECKING:
    from rnncli.tasks.generate.predict import TextGenerator

STYLES = ("black on #fff1b8", "black on #ffc069", "black on #ff7a45", "white on #a8071a")
SCALES = {  # of bits: a word tells more than a character
    "char": Scale((2, 4, 6, 9), STYLES),
    "subword": Scale((5, 8, 11, 14), STYLES),
    "word": Scale((6, 9, 12, 15), STYLES),
}


def score_texts(request: Request, generator: "TextGenerator", control: str | None) -> None:
    """Answer every text of a request with its surprisal, under the control code ``control``."""
    level = generator.tokenizer.level
    if request.is_coloured:
        announce_legend(request.messenger, legend(level))

    def output(score: Surprisal) -> Output:
        fields: dict[str, Any] = {"bits_per_character": round(score.bits_per_character, 6)}
        if request.as_json:
            parts = [{"text": text, "bits": round(bits, 4)} for text, bits in score.pieces()]
            fields["characters"] = parts
        head = f"{score.bits_per_character:.4f}\t"
        if request.is_coloured:
            return Output([Fragment(head), *highlight(score, level).fragments()], fields)
        return Output(head + score.text, fields)

    def respond(texts: Sequence[str]) -> list[list[Output]]:
        return [[output(score)] for score in generator.surprisal(texts, control)]

    answer_all(request, "text", ("bits_per_character",), respond)


def legend(level: Level) -> list[Fragment]:
    """Return the legend of the colours."""
    scale = SCALES[level]
    marks = [Fragment(f" from {n} ", style) for n, style in zip(scale.limits, STYLES, strict=True)]
    return [
        Fragment(f"bits of each {'character' if level == 'char' else 'token'}:"),
        Fragment(f" under {scale.limits[0]} "),
        *marks,
    ]


def highlight(surprisal: Surprisal, level: Level) -> Highlight:
    """Return a text with the bits of its parts, without the newline at its end."""
    pieces, bits = zip(*surprisal.pieces(), strict=True)
    parts = [(*span, x) for span, x in zip(token_spans(pieces), bits, strict=True)]
    start, end, last = parts[-1]
    parts[-1] = start, end - 1, last  # without the newline
    return Highlight(surprisal.text, parts, SCALES[level])
