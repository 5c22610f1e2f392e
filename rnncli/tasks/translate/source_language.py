"""Tell texts that are not of the language of the training sources.

A text is as probable as its tokens are among the sources (a unigram model). One that needs far more
bits a character than these is of another language, or no sentence.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from rnncli.tasks.translate.segmentation import count_words
from rnncli.text.special_tokens import UNK
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.unicode import plain_signs

MIN_WORDS = 5  # of a text: shorter ones may be names, and tell little
MIN_TEXTS = 15_000  # in fewer, other topics look like other languages: none is told
QUANTILE = 0.9996  # of the sources are below the limit, so that few texts are told by mistake
UNKNOWN_BITS = 20  # of a word: one in a million
ZERO = ord("0")  # the character that stands for 0 bits
UNITS = 2  # a bit: precise enough, and one character holds all up to MAX_BITS
MAX_BITS = 39.0  # of a token: far more than the rarest one of any corpus has


@dataclass(frozen=True)
class SourceLanguage:
    """The frequencies of the tokens of training sources."""

    token_bits: str  # a character a token: its bits, in halves from 0 on
    max_bits: float  # a character of a text, of nearly all sources

    @classmethod
    def of(cls, texts: Sequence[str], tokenizer: Tokenizer) -> "SourceLanguage":
        """Count the tokens of texts."""
        texts = list(map(plain_signs, texts))
        encoded = list(tokenizer.encode_all(texts))
        counts = Counter(token for ids in encoded for token in ids)
        total = counts.total() + tokenizer.vocab_size  # every token once more
        bits = [round(UNITS * log2(total / (counts[i] + 1))) for i in range(tokenizer.vocab_size)]
        token_bits = "".join(chr(ZERO + min(value, int(UNITS * MAX_BITS))) for value in bits)

        def left_out(text: str, ids: Sequence[int]) -> float:
            """Return the bits a character of a text, as if it were not among the sources."""
            present = Counter(ids).items()
            return sum(n * log2(total / (counts[i] - n + 1)) for i, n in present) / len(text)

        needed = sorted(
            left_out(text, ids) if count_words(text) >= MIN_WORDS else 0.0
            for text, ids in zip(texts, encoded, strict=True)
        )
        limit = needed[int(QUANTILE * len(needed))] if len(texts) >= MIN_TEXTS else MAX_BITS
        return cls(token_bits, min(limit, MAX_BITS))

    def bits(self, text: str, ids: Sequence[int]) -> float:
        """Return the bits a character of a text with these tokens."""
        return sum(ord(self.token_bits[i]) - ZERO for i in ids) / UNITS / max(len(text), 1)

    def is_unknown(self, word_ids: Sequence[int]) -> bool:
        """Return whether a word of these tokens is hardly among the sources."""
        return UNK in word_ids or self.bits("", word_ids) > UNKNOWN_BITS

    def is_foreign(self, text: str, ids: Sequence[int]) -> bool:
        """Return whether a text with these tokens is hardly of the language of the sources."""
        return count_words(text) >= MIN_WORDS and self.bits(text, ids) > self.max_bits
