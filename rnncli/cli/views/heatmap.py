"""Where a translator looked: a table of shades below each translation, or an object in JSON.

::

               Where
               │ is
               │ │ the
               │ │ │ station?
            Où ██
           est   ██
            la     ▓▓
          gare       ██
             ?       ▓▓
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

from rich.cells import cell_len

from rnncli.analysis.alignment import Alignment
from rnncli.cli.output import Output
from rnncli.cli.pipe import Request, Respond, answer_all
from rnncli.cli.views.heatmap_svg import Drawing, require_place
from rnncli.tasks.translate.predict import Translator
from rnncli.text.unicode import escape_controls

SHADES = " ░▒▓█"
LIMITS = (0.1, 0.3, 0.5, 0.7)  # weights from which each shade but the first is used
NAMED = 3  # words of the source in a line of a list: more have hardly a share
LIST_MARGIN = 20  # columns before the arrow of a list, unless a word is longer
LEGEND = (
    "source across, translation down; "
    + " ".join(
        f"{shade} {100 * limit:.0f} %" for shade, limit in zip(SHADES[1:], LIMITS, strict=True)
    )
    + " or more"
)


def answer_aligned(
    request: Request,
    names: Sequence[str],
    translator: Translator,
    respond: Respond,
    *,
    shows: bool,
    drawing: Path | None,
) -> None:
    """Answer every text of a request, and show how its best translation is aligned with it.

    With ``shows``, below the translation or, in JSON, as a member; with ``drawing``, in that file.

    Raises:
        ConfigError: the file is not named as SVG files are, or the translations go there.
        DataError: there is no folder for it.

    """
    if drawing is not None:
        require_place(drawing, request.output)
    pictures = None if drawing is None else Drawing(drawing, request.messenger)
    width = get_terminal_size().columns
    say_once = cache(request.messenger.announce)

    def aligned(texts: list[str]) -> list[list[Output]]:
        answers = [own[0] for own in respond(texts)]
        translations = [answer.fields["translation"] for answer in answers]
        found = translator.align(texts, translations)
        if pictures is not None:
            for alignment in found:
                pictures.add(alignment)
        if not shows:
            return [[answer] for answer in answers]
        return [[present(*both)] for both in zip(answers, found, strict=True)]

    def present(answer: Output, alignment: Alignment) -> Output:
        fields = {**answer.fields, "alignment": as_object(alignment)}
        assert isinstance(answer.line, str)
        if request.as_json or not alignment:
            return replace(answer, fields=fields)
        lines = table(alignment)
        if max(map(cell_len, lines)) > width:
            say_once(f"where a table is wider than {width} columns, a list stands in its place")
            lines = listed(alignment)
        return Output("\n".join([answer.line, *lines, ""]), fields)

    if shows and not request.as_json:
        request.messenger.announce(LEGEND)
    answer_all(request, "source", names, aligned)
    if pictures is not None:
        pictures.write()


def as_object(alignment: Alignment) -> dict[str, Any]:
    """Return what stands for an alignment in JSON."""
    return {
        "source": list(alignment.source),
        "target": list(alignment.target),
        "weights": [[round(weight, 4) for weight in row] for row in alignment.weights.tolist()],
    }


def table(alignment: Alignment) -> list[str]:
    """Return the lines of a table: each word of the source above a column two characters wide."""
    target = list(map(escape_controls, alignment.target))
    margin = max(map(cell_len, target))
    lines = [
        " " * (margin + 1) + "│ " * i + escape_controls(word)
        for i, word in enumerate(alignment.source)
    ]
    for word, row in zip(target, alignment.weights.tolist(), strict=True):
        cells = "".join(2 * SHADES[_degree(weight)] for weight in row)
        lines.append(f"{_right(word, margin)} {cells}".rstrip())
    return lines


def listed(alignment: Alignment) -> list[str]:
    """Return a line for each word of the translation: which words it attended to most."""
    target = list(map(escape_controls, alignment.target))
    margin = min(max(map(cell_len, target)), LIST_MARGIN)
    lines = []
    for word, row in zip(target, alignment.weights.tolist(), strict=True):
        strongest = sorted(zip(row, alignment.source, strict=True), key=lambda own: -own[0])[:NAMED]
        told = [
            f"{escape_controls(source)} {100 * weight:.0f} %"
            for weight, source in strongest
            if weight >= LIMITS[0]
        ]
        lines.append(f"{_right(word, margin)} ← {'  '.join(told) or '–'}")
    return lines


def _right(word: str, width: int) -> str:
    return " " * (width - cell_len(word)) + word


def _degree(weight: float) -> int:
    return sum(weight >= limit for limit in LIMITS)
