"""Put a text on one line, and split it into its sentences."""

import re

from rnncli.text.unicode import join_cjk

# A sentence ends with a full stop, question or exclamation mark and closing marks, before a space
# and a capital letter, a digit or an opening mark. In Chinese and Japanese no space is needed, and
# a closing quotation mark means that the sentence goes on.
_END = re.compile(
    r"""[.!?…]+["'”’»)\]]*\s+(?=["'“‘«(\[¿¡]*[^\W_a-zß-öø-ÿ])|[。！？]+(?![。！？」』）”])\s*"""
)
# The same in a text without capitals.
_LOWER_END = re.compile(
    r"""[.!?…]+["'”’»)\]]*\s+(?=["'“‘«(\[¿¡]*\w)|[。！？]+(?![。！？」』）”])\s*"""
)
# Initials, titles and other abbreviations, whose full stop ends no sentence.
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-ZÄÖÜÉ]|[Mm]rs?|[MD]s|[Dd]r|[Pp]rof|[Ss]t|[Nn]o|[Nn]r|vs|ca|bzw|etc)\.$"
)


def clean(text: str) -> str:
    """Put a sentence on one line, and remove the spaces that corpora have in Japanese."""
    return join_cjk(re.sub(r"\s+", " ", text).strip())


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text, without the spaces between them."""
    sentences, start = [], 0
    pattern = _LOWER_END if text == text.lower() else _END
    for end in pattern.finditer(text):
        sentence = text[start : end.end()].strip()
        if not _ABBREVIATION.search(sentence):
            sentences.append(sentence)
            start = end.end()
    last = text[start:].strip()
    return [*sentences, last] if last else sentences
