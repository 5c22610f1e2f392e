"""Figures as one HTML page that needs nothing else: no network, no other file.

With a text, it has an explorer of the units, which keys and mouse work. Texts and the names in a
model are escaped; a content security policy lets no script run but the page's own.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from rnncli.cli.views.figure import Figure
from rnncli.cli.views.highlight import Highlight, legend
from rnncli.cli.views.predictions import trace_label
from rnncli.cli.views.states import most_variable
from rnncli.cli.views.svg import STYLE, picture_svg
from rnncli.cli.views.svg_text import printable
from rnncli.cli.views.table import Table
from rnncli.networks.numerics import Floats
from rnncli.tasks.inspection import TextInspection

MAX_VALUES = 160_000  # of the explorer: a page of 300 characters stays below 400 kB
LEVELS = 127  # values are stored as whole numbers from minus to plus this

EXPLORER = """<figure id="explorer">
<h2>Units, token by token</h2>
<p class="controls">
<label>values <select id="array"></select></label>
<label>unit <input id="unit" type="number" min="0"></label>
<button id="previous" type="button">previous</button>
<button id="next" type="button">next</button>
<label><input id="numbers" type="checkbox"> numbers</label>
</p>
<p class="passage" id="passage" tabindex="0" aria-label="text, by the values of one unit"></p>
<p id="readout" aria-live="polite"></p>
<div class="scroll"><canvas id="heatmap" tabindex="0" aria-label="all units"></canvas></div>
<p class="note">Arrow keys and clicks choose a token and a unit. Positive values are blue; negative
ones are orange, underlined in the text and with a hole in the picture. Of a long text the tokens
run from left to right and the units downwards, of a short one the other way. A stripe along the
text is a unit that remembers, a spot one that reacts. (Karpathy et al. 2015, section 4.2) NOTE</p>
<noscript><p class="note">The explorer needs JavaScript; the other pictures do not.</p></noscript>
</figure>
"""


def page(title: str, figures: Sequence[Figure], inspection: TextInspection | None = None) -> str:
    """Return an HTML document with the figures and, for a text, the explorer of its units."""
    script = _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{_escaped(title)}</title>",
        f"<style>{_asset('page.css')}{STYLE}</style></head>",
        f"<body><h1>{_escaped(title)}</h1>",
    ]
    if inspection is not None:
        parts.append(_explorer(inspection))
    parts += map(_figure, figures)
    if inspection is not None:
        parts.append(f"<script>{script}</script>")
    return "\n".join([*parts, "</body></html>"])


def _explorer(inspection: TextInspection) -> str:
    data, note = _explorer_data(inspection)
    # As JSON inside of HTML: no text of it can end the element.
    content = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    script = f'<script type="application/json" id="data">{content}</script>'
    return EXPLORER.replace("NOTE", note) + script


def _figure(figure: Figure) -> str:
    match figure.picture:
        case Table() as table:
            drawn = _table(table)
        case Highlight() as highlight:
            passages = ("".join(_marks(each)) for each in (highlight, legend(highlight.scale)))
            drawn = "".join(f'<p class="passage">{passage}</p>' for passage in passages)
        case _:
            drawn = picture_svg(figure)
    return (
        f'<figure><h2>{_escaped(figure.title)}</h2><div class="scroll">{drawn}</div>'
        f'<p class="note">{_escaped(figure.note)}</p></figure>'
    )


def _table(table: Table) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        kinds = ["" if i < table.text_columns else ' class="number"' for i in range(len(cells))]
        pairs = zip(kinds, cells, strict=True)
        return "".join(f"<{tag}{kind}>{_escaped(cell)}</{tag}>" for kind, cell in pairs)

    rows = "\n".join(f"<tr>{row(cells, 'td')}</tr>" for cells in table.rows)
    return f"<table><tr>{row(table.header, 'th')}</tr>\n{rows}</table>"


def _marks(highlight: Highlight) -> Iterator[str]:
    """Yield the text with its parts marked by their strength, which can be read as numbers, too."""
    position = 0
    for start, end, score in highlight.parts:
        yield _escaped(highlight.text[position:start])
        part, strength = _escaped(highlight.text[start:end]), highlight.scale.strength(score)
        kind = ' class="negative"' if score < 0 else ""
        style = f' style="--strength:{strength}" title="{score:.2f}"'
        yield f"<mark{kind}{style}>{part}</mark>" if strength else part
        position = end
    yield _escaped(highlight.text[position:])


def _explorer_data(inspection: TextInspection) -> tuple[dict[str, Any], str]:
    """Return the data of the explorer, and a note where it has not all units."""
    tokens = {reading.half: list(reading.tokens) for reading in inspection.readings}
    arrays = [
        (f"{trace_label(trace)}: {name}", trace.half, values)
        for trace in inspection.traces.values()
        for name, values in [
            *trace.states.items(), *((f"{gate} gate", x) for gate, x in trace.gates.items())
        ]
    ]  # fmt: skip
    steps = sum(len(values) for _, _, values in arrays)
    count = max(MAX_VALUES // steps, 1)
    largest = max(values.shape[1] for _, _, values in arrays)
    note = "" if largest <= count else f"Shown are the {count} units that change most of each."
    drawn = [
        {"name": name, "half": half, **_encoded(values, most_variable(values, count))}
        for name, half, values in arrays
    ]
    return {"tokens": tokens, "arrays": drawn}, note


def _encoded(values: Floats, units: Sequence[int]) -> dict[str, Any]:
    """Return the values (T, H) of some units as whole numbers in base 64."""
    shown = values[:, units]
    maximum = float(np.abs(shown).max(initial=0)) or 1.0
    levels = np.round(shown / maximum * LEVELS).astype(np.int8)
    text = base64.b64encode(levels.tobytes()).decode()
    start = int(shown.std(0).argmax())  # where a reader begins
    return {"units": units, "start": start, "maximum": round(maximum, 6), "values": text}


def _escaped(text: str) -> str:
    return escape(printable(text))


@cache
def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
