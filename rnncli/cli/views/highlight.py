"""Which words moved a classifier's decision: a field behind each text, or colours for its words."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from rnncli.analysis.occlusion import METHOD, Classifier, Span, explain
from rnncli.cli.console import Messenger
from rnncli.cli.output import Fragment, Output
from rnncli.cli.pipe import Request, Respond, answer_all

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


def answer_explained(
    request: Request, names: Sequence[str], classifier: Classifier, respond: Respond
) -> None:
    """Answer every text of a request, and say which words spoke for the label and which against.

    ``respond`` gives the answers, of which each ends with its text.
    """
    announce_once = cache(request.messenger.announce)
    if request.is_coloured:
        shares = [f" {100 * limit:.0f} % " for limit in LIMITS]
        announce_legend(
            request.messenger,
            [
                Fragment("for the label:"),
                *map(Fragment, shares, FOR),
                Fragment(" against it:"),
                *map(Fragment, shares, AGAINST),
                Fragment(" of the strongest"),
            ],
        )

    def explained(texts: list[str]) -> list[list[Output]]:
        answers = respond(texts)
        asked = [text if own else "" for text, own in zip(texts, answers, strict=True)]
        return [
            [present(answer, text, spans) for answer in own]
            for text, own, spans in zip(
                texts, answers, explain(classifier, asked, announce_once), strict=True
            )
        ]

    def present(answer: Output, text: str, spans: Sequence[Span]) -> Output:
        assert isinstance(answer.line, str)
        words = strongest(text, spans)
        fields = {**answer.fields, "explanation": as_object(text, spans) if spans else None}
        if request.is_coloured:
            before = Fragment(answer.line.removesuffix(text))
            return replace(answer, line=[before, *highlighted(text, spans)], fields=fields)
        return Output(f"{answer.line}\t{words}", fields, cells={"explanation": words})

    answer_all(request, "text", (*names, "explanation"), explained)


def as_object(text: str, spans: Sequence[Span]) -> dict[str, Any]:
    """Return what stands for an explanation in JSON."""
    return {
        "method": METHOD,
        "spans": [
            {
                "start": span.start,
                "end": span.end,
                "text": text[span.start : span.end],
                "score": round(span.score, 6),
            }
            for span in spans
        ],
    }


def strongest(text: str, spans: Sequence[Span]) -> str:
    """Return the words that speak most for the label or against it: ``+great -not``."""
    visible = [span for span, degree in zip(spans, _degrees(spans), strict=True) if degree]
    return " ".join(
        ("+" if span.score > 0 else "-") + _quoted(text[span.start : span.end])
        for span in sorted(visible, key=lambda span: -abs(span.score))[:NAMED]
    )


def highlighted(text: str, spans: Sequence[Span]) -> Iterator[Fragment]:
    """Yield the parts of a text, its words with the styles of their scores."""
    end = 0
    for span, degree in zip(spans, _degrees(spans), strict=True):
        yield Fragment(text[end : span.start])
        styles = FOR if span.score > 0 else AGAINST
        yield Fragment(text[span.start : span.end], styles[degree - 1] if degree else "")
        end = span.end
    yield Fragment(text[end:])


def announce_legend(messenger: Messenger, fragments: Sequence[Fragment]) -> None:
    """Say on stderr what colours mean, where it shows any."""
    from rich.text import Text

    console = messenger.console()
    if not messenger.quiet and console.color_system is not None:
        console.print(Text.assemble(*fragments))


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
