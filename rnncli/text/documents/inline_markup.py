"""Inline markup of Markdown as tags and placeholders, which a translation keeps.

"See [the *short* manual](short.md), and run `make`." becomes "See <g1>the <g2>short</g2>
manual</g1>, and run {#3}.".
"""

import re
from collections.abc import Iterable
from itertools import pairwise

from markdown_it.token import Token

from rnncli.text.unicode import has_unspaced

_CODE = re.compile(r"</?g\d+>|<x\d+/>|\{#\d+\}")
# In a text, what is none: formulas, references to footnotes, and what looks like a code.
_FOREIGN = re.compile(r"\$(?![\s$])[^$]*(?<!\s)\$(?![\d$])|\[\^[^\]\s]+\]|\{#\d+\}")
_KEPT_HTML = re.compile(
    r"(?:\w*<(?P<name>code|kbd|samp|var|sub|sup)\b[^<>]*>.*?</(?P=name)>[\w+-]*)+"
)
_PLAIN_ADDRESS = re.compile(r"[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*")


class InlineMarkup:
    """Encode the markup of a text, and decode that of a translation."""

    def __init__(self) -> None:
        self._codes: dict[str, str] = {}  # what each stands for

    def encode(self, tokens: Iterable[Token]) -> list[str]:
        """Return the texts of tokens, with hard line breaks between them."""
        texts, opened = [""], list[tuple[str, str]]()  # tags, and the spelling of their ends
        for before, token in pairwise([Token("", "", 0), *tokens]):
            match token.type:
                case "hardbreak":
                    texts.append("")
                case "softbreak":
                    texts[-1] += " "
                case "text" if before.type == "link_open" and before.markup == "autolink":
                    texts[-1] += self._kept(f"<{token.content}>")
                case "text":
                    texts[-1] += _FOREIGN.sub(self._foreign, token.content)
                case "text_special" if token.info == "entity":
                    texts[-1] += token.markup
                case "text_special":
                    texts[-1] += self._mark(token.markup)
                case "code_inline":
                    space = " " * (token.content[:1] == "`" or token.content[-1:] == "`")
                    texts[-1] += self._kept(space.join([token.markup, token.content, token.markup]))
                case "html_inline" if not _CODE.search(token.content):
                    texts[-1] += token.content
                case "html_inline":
                    texts[-1] += self._mark(token.content)
                case "image":
                    texts[-1] += self._mark(f"![{token.content}{_target(token)}")
                case "link_open" | "link_close" if token.markup == "autolink":
                    pass
                case _ if token.nesting == 1:
                    is_link = token.type == "link_open"
                    tag = self._code("<g?>", "[" if is_link else token.markup)
                    opened.append((tag, _target(token) if is_link else token.markup))
                    texts[-1] += tag
                case _:
                    tag, spelling = opened.pop()
                    self._codes[end := tag.replace("<", "</")] = spelling
                    texts[-1] += end
        return [
            _KEPT_HTML.sub(lambda match: self._kept(self.decode(match[0])), text) for text in texts
        ]

    def decode(self, translation: str) -> str:
        """Return a translation with the markup that its codes stand for."""
        codes = self._codes
        if has_unspaced(translation):  # there an underscore within a line marks nothing
            codes = {c: "*" * len(s) if set(s) == {"_"} else s for c, s in codes.items()}
        return _CODE.sub(lambda match: codes.get(match[0], match[0]), translation)

    def _code(self, form: str, spelling: str) -> str:
        code = form.replace("?", str(len(self._codes) + 1))
        self._codes[code] = spelling
        return code

    def _foreign(self, match: re.Match[str]) -> str:
        return (self._mark if match[0].startswith("[") else self._kept)(match[0])

    def _kept(self, spelling: str) -> str:
        """Return a placeholder, which is translated like a name."""
        return self._code("{#?}", spelling)

    def _mark(self, spelling: str) -> str:
        """Return a tag without an end, which is no word of the text."""
        return self._code("<x?/>", spelling)


def _target(token: Token) -> str:
    """Return the end of a link or of an image: its address, or the label that has one."""
    if label := token.meta.get("label"):
        return f"][{label}]"
    address = str(token.attrGet("src") or token.attrGet("href") or "")
    title = token.attrGet("title")
    if not _PLAIN_ADDRESS.fullmatch(address):
        address = f"<{address}>"
    quoted = "" if title is None else ' "{}"'.format(str(title).replace('"', r"\""))
    return f"]({address}{quoted})"
