"""Which words moved a classifier's decision: a field behind each text, or colours for its words."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from rnncli.analysis.occlusion import METHOD, Classifier, Span, explain
from rnncli.cli.console import escape_controls, is_terminal
from rnncli.cli.pipe import Request, Respond, answer_all, batches
from rnncli.cli.records import Lines, Output

if TYPE_CHECKING:
    from rich.console import Console

# Shares of a text's largest score: below the first a word is neither coloured nor named.
LIMITS = (0.1, 0.4, 0.7)
# Letters have a colour, too, so that they can be read on light and on dark terminals. All eyes tell
# blue from orange and red; where there are few colours, the line under the latter does.
FOR = ("black on #cfe8ff", "black on #6cb6ff", "white on #0550ae")
AGAINST = (
    "underline black on #ffe3bf",
    "underline black on #ffa94d",
    "underline white on #a8071a",
)
NAMED = 5  # words in the field behind a text: what can be read at a glance


class Explanation(dict[str, Any]):
    """An explanation: an object in JSON; in a cell or a field the strongest words, as a text."""

    def __init__(self, text: str, spans: Sequence[Span]) -> None:
        super().__init__(
            method=METHOD,
            spans=[
                {
                    "start": span.start,
                    "end": span.end,
                    "text": text[span.start : span.end],
                    "score": round(span.score, 6),
                }
                for span in spans
            ],
        )
        told = [span for span, degree in zip(spans, _degrees(spans), strict=True) if degree]
        strongest = sorted(told, key=lambda span: -abs(span.score))[:NAMED]
        self._named = " ".join(
            ("+" if span.score > 0 else "-") + _quoted(text[span.start : span.end])
            for span in strongest
        )

    def __str__(self) -> str:
        return self._named


def answer_explained(
    request: Request, names: Sequence[str], classifier: Classifier, respond: Respond
) -> None:
    """Answer every text of a request, and say which words spoke for the label and which against.

    ``respond`` gives the answers, of which each ends with its text.
    """
    say_once = cache(request.messenger.announce)
    console = request.messenger.console(stderr=False)
    in_colours = (
        console.color_system is not None
        and not console.no_color
        and not request.as_json
        and request.column is None
        and request.output is None
    )

    def explained(texts: list[str]) -> list[list[Output]]:
        answers = respond(texts)
        asked = [text if own else "" for text, own in zip(texts, answers, strict=True)]
        return [
            [present(answer, text, spans) for answer in own]
            for text, own, spans in zip(
                texts, answers, explain(classifier, asked, say_once), strict=True
            )
        ]

    def present(answer: Output, text: str, spans: Sequence[Span]) -> Output:
        if in_colours:
            return replace(answer, line=_painted(answer.line, text, spans, console))
        explanation = Explanation(text, spans) if spans else None
        return Output(
            f"{answer.line}\t{explanation or ''}", {**answer.fields, "explanation": explanation}
        )

    if in_colours:
        _say_legend(request)
        _write_as_they_are(request, explained)
    else:
        answer_all(request, "text", (*names, "explanation"), explained)


def _write_as_they_are(request: Request, respond: Respond) -> None:
    """Write answers with the codes for colours in them, which else would be shown."""
    for lines in batches(request):
        for answers in respond([record.text for record in Lines().records(lines)]):
            for answer in answers:
                sys.stdout.buffer.write(answer.line.encode("utf-8", "replace") + b"\n")
        sys.stdout.buffer.flush()


def _painted(line: str, text: str, spans: Sequence[Span], console: "Console") -> str:
    """Return a line that ends with a text, with colours for the words of the text."""
    from rich.segment import Segment, Segments
    from rich.style import Style

    visible = escape_controls if is_terminal(stderr=False) else str
    parts = [Segment(visible(line[: len(line) - len(text)]))]
    end = 0
    for span, degree in zip(spans, _degrees(spans), strict=True):
        parts.append(Segment(visible(text[end : span.start])))
        styles = FOR if span.score > 0 else AGAINST
        style = Style.parse(styles[degree - 1]) if degree else None
        parts.append(Segment(visible(text[span.start : span.end]), style))
        end = span.end
    parts.append(Segment(visible(text[end:])))
    with console.capture() as captured:
        console.print(Segments(parts), end="")
    return captured.get()


def _degrees(spans: Sequence[Span]) -> list[int]:
    """Return how strong each word is among those of its text: 0 where it is not worth a colour."""
    largest = max((abs(span.score) for span in spans), default=0.0)
    return [sum(0 < limit * largest <= abs(span.score) for limit in LIMITS) for span in spans]


def _quoted(words: str) -> str:
    """Return a word as it is, several as a JSON string: spaces stand between those that are named.

    A word that begins with a quotation mark is a string, too, so that it can be told from one.
    """
    plain = not any(map(str.isspace, words)) and not words.startswith('"')
    return words if plain else json.dumps(words, ensure_ascii=False)


def _say_legend(request: Request) -> None:
    from rich.text import Text

    console = request.messenger.console()
    if request.messenger.quiet or console.color_system is None:
        return
    shares = [f" {100 * limit:.0f} % " for limit in LIMITS]
    console.print(
        Text.assemble(
            "for the label:",
            *zip(shares, FOR, strict=True),
            " against it:",
            *zip(shares, AGAINST, strict=True),
            " of the strongest",
        )
    )
