"""Markdown (CommonMark with tables): paragraphs, headings and cells are translated.

Code, blocks of HTML, front matter and the addresses of links stay. What marks words within a text
stands as a tag in it, and code as a placeholder.
"""

import re
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from markdown_it import MarkdownIt

from rnncli.text.documents.document import Line, Passage, split_document
from rnncli.text.documents.inline_markup import InlineMarkup
from rnncli.text.documents.line_breaks import break_lines, columns_of
from rnncli.text.unicode import has_unspaced

_FRONT_MATTER = re.compile(r"(---|\+\+\+)[ \t]*\r?\n(?:.*?\r?\n)?\1[ \t]*(?=[\r\n]|\Z)", re.DOTALL)
# What stands before a text, and is none: the box of a task, the label of a footnote, and the kind
# of a note on a line of its own.
_LABEL = re.compile(r"\[[ xX]\]\s+|\[\^[^\]]+\]:\s*|\[!\w+\]\Z")
# The beginning of a text that would make a list, a heading, a quotation or code of it.
_BLOCK = re.compile(r"\A(\d{0,9})((?:[-+*.)]|#+)(?=\s|\Z)|>|`{3}|~{3}|[-*_]{3})")


class _Markdown(MarkdownIt):
    """Parse Markdown, and leave addresses as they are spelled."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        return link


def parse_markdown(source: str) -> list[Passage]:
    """Return the texts of paragraphs, headings and cells; a hard line break ends a text."""
    lines = list(split_document(source))
    visible = [line.text for line in lines]
    if match := _FRONT_MATTER.match(source):
        hidden = len(list(split_document(match[0])))
        visible[:hidden] = [""] * hidden
    parser = _Markdown("commonmark", {"store_labels": True}).enable(["table", "strikethrough"])
    parser.core.ruler.disable("inline")  # until it is known where a text begins
    environment: dict[str, Any] = {}
    passages, cell_end = list[Passage](), 0
    for opening, token in pairwise(parser.parse("\n".join(visible), environment)):
        if token.type != "inline" or token.map is None:
            continue
        is_cell = opening.type in ("th_open", "td_open")
        spans = _spans(token.content, lines[token.map[0] :], cell_end if is_cell else None)
        cell_end = spans[-1].end if spans else cell_end
        spans = [span for span in spans if span.text]
        if not spans:
            continue
        markup = InlineMarkup()
        content = "\n".join(span.text for span in spans)
        texts = markup.encode(parser.inline.parse(content, parser, environment, []))
        between = source[spans[0].end : spans[1].start] if len(spans) > 1 else ""
        is_filled = len(spans) > len(texts)  # or each line ends where its text does
        width = max(columns_of(span.text) for span in spans) if is_filled else None
        write = partial(_write, markup=markup, between=between, width=width, is_cell=is_cell)
        passages.append(Passage(spans[0].start, spans[-1].end, tuple(texts), write))
    return passages


class _Span(NamedTuple):
    """A line of a text, and where it stands in the document."""

    text: str  # with what may make a hard break at its end
    start: int
    end: int


def _spans(content: str, lines: Sequence[Line], cell_end: int | None) -> list[_Span]:
    """Return where each line of a content stands; none where that is not clear.

    Of a cell, ``cell_end`` is the end of the one before it.
    """
    spans = list[_Span]()
    for text, line in zip(content.split("\n"), lines, strict=False):
        text, stripped = text.lstrip(), text.strip()
        if cell_end is None:  # it is the last in the line, but for closing signs of a heading
            start = line.text.rfind(stripped)
        else:
            stripped = stripped.replace("|", "\\|")
            start = line.text.find(stripped, max(0, cell_end - line.start))
        if start < 0:
            return []
        label = 0 if spans or not (match := _LABEL.match(stripped)) else match.end()
        end = line.start + start + len(stripped)
        spans.append(_Span(text[label:], line.start + start + label, end))
    return spans


def _write(
    translations: Sequence[str],
    markup: InlineMarkup,
    between: str,
    width: int | None,
    is_cell: bool,
) -> str:
    """Return translations with markup; ``between`` the lines stands what the source has there."""
    if is_cell:
        return markup.decode(translations[0]).replace("|", r"\|")
    texts = [markup.decode(_BLOCK.sub(r"\1\\\2", text)) for text in translations]
    begin = between.lstrip(" \\")  # of a line
    hard_break = "  " if between.startswith("  ") else "\\"
    paragraphs = [
        # Where there are no spaces, a new line would put one into the text.
        [text] if width is None or has_unspaced(text) else break_lines(text, width)
        for text in texts
    ]
    return (hard_break + begin).join(
        begin.join(line.strip() for line in lines) for lines in paragraphs
    )
