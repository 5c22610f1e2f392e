"""The words for and against a classifier's label: colours, the strongest words, or JSON."""

from collections.abc import Sequence
from typing import Any

from rnncli.analysis.occlusion import METHOD, Span
from rnncli.cli.output import Fragment
from rnncli.cli.views.highlight import Highlight, Scale

# Limits are shares of a text's largest score. Readers with colour blindness tell blue from orange
# and red, too; where a terminal has few colours, the underline tells them apart.
SCALE = Scale(
    limits=(0.1, 0.4, 0.7),
    positive=("black on #cfe8ff", "black on #6cb6ff", "white on #0550ae"),
    negative=(
        "underline black on #ffe3bf",
        "underline black on #ffa94d",
        "underline white on #a8071a",
    ),
)
_SHARES = [f" {100 * limit:.0f} % " for limit in SCALE.limits]
LEGEND = [
    Fragment("for the label:"),
    *map(Fragment, _SHARES, SCALE.positive),
    Fragment(" against it:"),
    *map(Fragment, _SHARES, SCALE.negative),
    Fragment(" of the strongest"),
]


def highlight(text: str, spans: Sequence[Span]) -> Highlight:
    """Return a text with its words, scored as shares of its largest score."""
    largest = max((abs(span.score) for span in spans), default=0.0) or 1.0
    return Highlight(text, [(s.start, s.end, s.score / largest) for s in spans], SCALE)


def as_object(text: str, spans: Sequence[Span]) -> dict[str, Any] | None:
    """Return an explanation as a JSON object; None for a text without words."""
    if not spans:
        return None
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
