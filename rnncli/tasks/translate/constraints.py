"""Lexical constraints: phrases that a translation must have, such as the terms of a glossary."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rnncli.analysis.alignment import Tokens
from rnncli.networks.numerics import Floats
from rnncli.text.special_tokens import UNK
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.unicode import has_unspaced

LETTER = "[0-9A-Za-z\u00aa-\u1fff]"  # of a script with spaces between words
_NO_SPACE_AFTER = tuple("'’-–(/[{«“\"")  # where a word begins without a space


@dataclass(frozen=True)
class Constraint:
    """A phrase of a text, and its translations, of which that of the text must have one."""

    source: str
    targets: tuple[str, ...]
    count: int = 1  # how many times
    is_copied: bool = False  # into the place of its translation

    def occurrences(self, text: str) -> int:
        """Return how often a text has one of the translations."""
        return sum(1 for _ in re.finditer(self.pattern, text))

    def lacking(self, text: str) -> int:
        """Return how many of the translations a text lacks."""
        return max(self.count - self.occurrences(text), 0)

    @cached_property
    def pattern(self) -> str:
        """The pattern of its translations that are no parts of words, in letters of any case."""
        targets = sorted(self.targets, key=len, reverse=True)
        return "(?i:" + "|".join(map(whole, targets)) + ")"


def copy_sources(translation: str, constraints: Iterable[Constraint]) -> str:
    """Return a translation with the phrases of its source in the place of their translations."""
    copied = sorted((c for c in constraints if c.is_copied), key=lambda c: -len(c.targets[0]))
    if not copied:
        return translation
    pattern = "|".join(f"({constraint.pattern})" for constraint in copied)
    return re.sub(pattern, lambda match: copied[(match.lastindex or 1) - 1].source, translation)


def whole(phrase: str) -> str:
    """Return a pattern of a phrase that is no part of a word, or of a number."""
    first, last = (
        r"\d" if character.isdigit() else LETTER if character.isalnum() else None
        for character in (phrase[0], phrase[-1])
    )
    before = "" if first is None else f"(?<!{first})"
    after = "" if last is None else f"(?!{last})"
    return before + re.sub(r"\d", _any_width, re.escape(phrase)) + after


def _any_width(digit: re.Match[str]) -> str:
    """Return a pattern of a digit, which may be of full width, as in Japanese."""
    value = unicodedata.decimal(digit[0])
    return f"[{value}{chr(ord('０') + value)}]"


@dataclass(frozen=True)
class Phrase:
    """The tokens of a phrase: at the beginning, after a word, and where there is no space."""

    initial: tuple[int, ...]
    spaced: tuple[int, ...]
    unspaced: tuple[int, ...]
    is_number: bool

    @classmethod
    def of(cls, text: str, tokenizer: Tokenizer) -> "Phrase | None":
        """Encode a phrase; None if the tokenizer cannot write it."""
        is_number = text[0].isdigit()
        spaced = f" {text}"
        if has_unspaced(text[0]):
            # Full-width digits after others would be one number.
            spaced = f"、{text}" if is_number else text
        texts = _capitalised(text), spaced, text
        initial, spaced_ids, unspaced = (tuple(tokenizer.encode(form)) for form in texts)
        if not all((initial, spaced_ids, unspaced)) or UNK in (*initial, *spaced_ids, *unspaced):
            return None
        return cls(initial, spaced_ids, unspaced, is_number)

    def after(self, text: str) -> tuple[int, ...]:
        """Return the tokens of the phrase after a text."""
        if not text:
            return self.initial
        is_spaced = not (text.endswith(_NO_SPACE_AFTER) or has_unspaced(text[-1]))
        return (
            self.spaced if is_spaced or (self.is_number and text[-1].isdigit()) else self.unspaced
        )


class ConstrainedTokens:
    """The constraints of one text, for the search for its translation.

    ``replaced`` are the tokens with which a translation without constraints wrote their phrases.
    """

    def __init__(
        self,
        constraints: Sequence[Constraint],
        replaced: Sequence[Collection[int]],
        tokenizer: Tokenizer,
    ) -> None:
        self._tokenizer = tokenizer
        self._texts: dict[tuple[int, ...], str] = {}  # of hypotheses
        phrases = {
            constraint: [
                phrase
                for target in constraint.targets
                if (phrase := Phrase.of(target, tokenizer)) is not None
            ]
            for constraint in constraints
        }
        # One that the tokenizer cannot write hinders nothing.
        self._phrases = {constraint: found for constraint, found in phrases.items() if found}
        every = (p for phrases in self._phrases.values() for p in phrases)
        needed = {i for p in every for i in (*p.initial, *p.spaced, *p.unspaced)}
        self._replaced = {
            constraint: [token for token in tokens if token not in needed]
            for constraint, tokens in zip(constraints, replaced, strict=True)
        }
        self.length = sum(
            constraint.count * min(len(phrase.spaced) for phrase in found)
            for constraint, found in self._phrases.items()
        )

    def missing(self, tokens: tuple[int, ...]) -> int:
        """Return how many tokens of phrases a hypothesis lacks; 0 if it has all phrases."""
        text, missing = self._text(tokens), 0
        for constraint, phrases in self._phrases.items():
            if lacking := constraint.lacking(text):
                begun = (len(ids) - n for p in phrases for ids, n in self._begun(p, tokens))
                missing += min(begun) + (lacking - 1) * min(len(p.spaced) for p in phrases)
        return missing

    def next_tokens(self, tokens: tuple[int, ...]) -> set[int]:
        """Return the tokens that begin or continue a phrase that a hypothesis lacks."""
        text = self._text(tokens)
        return {
            ids[n]
            for constraint, phrases in self._phrases.items()
            if constraint.lacking(text)
            for phrase in phrases
            for ids, n in self._begun(phrase, tokens)
        }

    def bias(self, logits: Floats, tokens: tuple[int, ...]) -> None:
        """Raise the logits (V,) after a hypothesis, in place, where a phrase is to stand.

        It stands where the network would begin what it wrote without the constraint: the phrase
        gets the probability of that. A part of a word is likely after the one before it. After a
        number come no more digits.
        """
        text = self._text(tokens)
        if text[-1:].isdigit() and any(text.endswith(c.targets) for c in self._phrases):
            logits[self._digits] = -np.inf
        for constraint, phrases in self._phrases.items():
            if not constraint.lacking(text):
                continue
            begun = [(ids[n], n) for phrase in phrases for ids, n in self._begun(phrase, tokens)]
            first = list({token for token, n in begun if n == 0})
            if replaced := self._replaced[constraint]:
                freed = np.logaddexp.reduce(logits[replaced])
                logits[replaced] = -np.inf
                _raise_to(np.logaddexp(np.logaddexp.reduce(logits[first]), freed), logits, first)
            if parts := list({i for i, n in begun if n and self._is_part(i)}):
                _raise_to(logits.max(), logits, parts)

    @cached_property
    def _digits(self) -> list[int]:
        """The tokens that begin with a digit."""
        ids = range(self._tokenizer.vocab_size)
        return [i for i in ids if self._tokenizer.decode_token(i)[:1].isdigit()]

    def _is_part(self, token: int) -> bool:
        return not self._tokenizer.decode_token(token)[:1].isspace()

    def _begun(
        self, phrase: Phrase, tokens: tuple[int, ...]
    ) -> Iterable[tuple[tuple[int, ...], int]]:
        """Yield the tokens of a phrase that a hypothesis may go on with, and how many it has."""
        yield phrase.after(self._text(tokens)), 0
        for ids in {phrase.initial, phrase.spaced, phrase.unspaced}:
            for n in range(1, min(len(ids), len(tokens) + 1)):
                if tokens[-n:] == ids[:n] and phrase.after(self._text(tokens[:-n])) == ids:
                    yield ids, n

    def _text(self, tokens: tuple[int, ...]) -> str:
        text = self._texts.get(tokens)
        if text is None:
            text = self._texts[tokens] = self._tokenizer.decode(tokens)
        return text


def replaced_tokens(
    constraint: Constraint,
    source: Tokens,
    tokens: Sequence[int],
    attention: Floats,
    tokenizer: Tokenizer,
) -> set[int]:
    """Return the first tokens of the words with which a translation wrote a phrase of its source.

    They are those with the most attention (T, S) to the phrase where it stands in the source.
    """
    first = set()
    for match in re.finditer(f"(?i:{whole(constraint.source)})", source.text):
        starts = np.array([0, *source.ends[:-1]])
        inside = (starts < match.end()) & (np.array(source.ends) > match.start())  # (S,)
        number = int(attention[: len(tokens), : len(inside)][:, inside].sum(1).argmax())
        while number and _are_one_word(
            *map(tokenizer.decode_token, tokens[number - 1 : number + 1])
        ):
            number -= 1
        first.add(tokens[number])
    return first


def _raise_to(total: float, logits: Floats, tokens: list[int]) -> None:
    """Raise the logits of tokens to a log-sum, in place; their proportions stay."""
    present = np.logaddexp.reduce(logits[tokens])
    if -np.inf < present < total:
        logits[tokens] += total - present


def _are_one_word(token: str, next_token: str) -> bool:
    """Return whether two tokens are parts of a word."""
    return bool(re.search(rf"{LETTER}$", token) and re.match(LETTER, next_token))


def _capitalised(text: str) -> str:
    """Return a phrase as a sentence begins with it; one with capitals stays, such as a name."""
    return text[0].upper() + text[1:] if text.islower() else text
