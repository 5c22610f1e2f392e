"""Which words moved a classifier's decision: colours for a text, or words behind it, or JSON."""

from collections.abc import Sequence
from typing import Any

from rnncli.analysis.occlusion import METHOD, Span
from rnncli.cli.output import Fragment
from rnncli.cli.views.highlight import Highlight, Scale

# Shares of a text's largest score. All eyes tell blue from orange and red; where there are few
# colours, the line under the latter does.
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
    """Return what stands for an explanation in JSON; None for a text without words."""
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
