"""Read texts in the case that a model knows: SHE IS LATE and she is late as She is late."""

from collections.abc import Sequence

from rnncli.messages import Announce
from rnncli.text.special_tokens import UNK
from rnncli.text.tokenizer import Tokenizer


def familiar_cases(texts: Sequence[str], tokenizer: Tokenizer, announce: Announce) -> list[str]:
    """Return texts in the case that the model knows best, and announce where that is another."""
    familiar = [_familiar_case(text, tokenizer) for text in texts]
    if familiar != list(texts):
        announce("some texts are read with other capitals, which the model knows better")
    return familiar


def _familiar_case(text: str, tokenizer: Tokenizer) -> str:
    """Return a text in the case in which the vocabulary has the largest pieces of it.

    Only texts all in capitals, or with a small first letter, are changed; where several cases have
    equally many unknown words and tokens, the text stays as it is.
    """
    spellings = _spellings(text)
    if len(spellings) == 1 or tokenizer.level == "char":
        return text
    encoded = list(tokenizer.encode_all(spellings))
    costs = [_cost(ids) for ids in encoded]
    best = spellings[costs.index(min(costs))]
    return best if best == text else _with_names(best, tokenizer)


def _with_names(text: str, tokenizer: Tokenizer) -> str:
    """Return a text with capitals where the vocabulary has larger pieces of a word with one."""
    words = text.split(" ")
    capitalised = [word[:1].upper() + word[1:] for word in words]
    plain, names = (
        list(tokenizer.encode_all(f" {word}" for word in side)) for side in (words, capitalised)
    )
    return " ".join(
        name if len(name) == len(word) and _cost(b) < _cost(a) else word
        for word, name, a, b in zip(words, capitalised, plain, names, strict=True)
    )


def _cost(ids: Sequence[int]) -> tuple[int, int]:
    return list(ids).count(UNK), len(ids)


def _spellings(text: str) -> list[str]:
    """Return a text and its other cases, of the same length."""
    start = next((i for i, character in enumerate(text) if character.isalpha()), len(text))
    letters = sum(map(str.isalpha, text))
    spellings = [text]
    lower = text.lower() if letters > 1 and text.isupper() else text
    if lower != text:
        spellings.append(lower)
    if lower[start : start + 1].islower():
        spellings.append(lower[:start] + lower[start].upper() + lower[start + 1 :])
    return [spelling for spelling in spellings if len(spelling) == len(text)]
