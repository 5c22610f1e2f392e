"""The tokens of a text to translate, which is read with plain signs, and their places in it."""

from rnncli.analysis.alignment import Tokens
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.unicode import plain_signs


def source_tokens(text: str, tokenizer: Tokenizer) -> Tokens:
    """Return the tokens of a text, whose ends are those in the text as it was typed."""
    plain = [plain_signs(sign) for sign in text]
    ids, ends = tokenizer.encode_with_ends("".join(plain))
    # An ellipsis is read as three full stops: all of them end where it does.
    places = [0, *(place for place, signs in enumerate(plain, 1) for _ in signs)]
    return Tokens(text, ids, [places[end] for end in ends])
