"""What the training sources of a translator are like, so that others can be read like them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rnncli.tasks.translate.end_marks import FULL_STOPS, QUESTION_MARKS, EndMarks
from rnncli.tasks.translate.letter_case import Capitals
from rnncli.tasks.translate.segmentation import Sentences
from rnncli.tasks.translate.source_language import MAX_BITS, MIN_TEXTS, UNITS, ZERO, SourceLanguage
from rnncli.tasks.translate.spelling import Spelling
from rnncli.tasks.translate.stand_ins import StandIns
from rnncli.text.tokenizer import Tokenizer

SOURCES = "sources"  # its name among the values of the task in a model's description
MAX_PAIRS = 200_000  # of a profile, in three seconds or so: bounds memory
MAX_TEXTS = MIN_TEXTS  # sources of a sample: more change little
MAX_CHARACTERS = 250_000  # of the words of a list in a description, which may come from a stranger
MAX_LENGTH = 1_000_000  # words of a source
SEPARATOR = "|"  # of words, which lie in the description as one line


@dataclass(frozen=True)
class SourceProfile:
    """A profile of the training sources of a translator."""

    end_marks: EndMarks
    capitals: Capitals
    sentences: Sentences
    language: SourceLanguage
    stand_ins: StandIns
    spelling: Spelling

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, str]], tokenizer: Tokenizer) -> "SourceProfile":
        """Return the profile of the sources of training pairs; the tokenizer is theirs.

        Words are counted in all of them; the rest needs a sample only.
        """
        number = min(len(pairs), MAX_TEXTS)
        sample = (pairs[i * len(pairs) // number][0] for i in range(number))  # evenly spaced
        texts = list(filter(None, sample))
        language = SourceLanguage.of(texts, tokenizer)
        return cls(
            EndMarks.of(texts),
            Capitals.of(texts),
            Sentences.of(texts),
            language,
            StandIns.of(pairs),
            Spelling.of((source for source, _ in pairs), language, tokenizer),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the profile as an object of JSON, in which words are one text."""
        return {
            part: {
                name: SEPARATOR.join(value) if isinstance(value, tuple) else value
                for name, value in fields.items()
            }
            for part, fields in asdict(self).items()
        }

    @classmethod
    def parse(cls, value: object, vocab_size: int) -> "SourceProfile | None":
        """Parse the profile in a model's description; older models have none.

        ``vocab_size`` is that of the sources.

        Raises:
            ValueError: it is damaged.

        """
        match value:
            case None:
                return None
            case {
                "end_marks": dict(marks),
                "capitals": dict(capitals),
                "sentences": dict(sentences),
                "language": dict(language),
                "stand_ins": dict(stand_ins),
                **others,
            }:
                return cls(
                    _parse_end_marks(marks),
                    _parse_capitals(capitals),
                    _parse_sentences(sentences),
                    _parse_language(language, vocab_size),
                    StandIns(_pairs(stand_ins.get("names")), _pairs(stand_ins.get("numbers"))),
                    _parse_spelling(others.get("spelling", {"rare": ""})),
                )
        raise ValueError("the profile of the sources is wrong")


def _parse_end_marks(value: Mapping[str, Any]) -> EndMarks:
    full_stop, question_mark = value.get("full_stop"), value.get("question_mark")
    if full_stop not in tuple(FULL_STOPS) or question_mark not in tuple(QUESTION_MARKS):
        raise ValueError("the end marks of the sources are wrong")
    questions, statements = _words(value.get("questions")), _words(value.get("statements"))
    return EndMarks(_share(value.get("share")), full_stop, question_mark, questions, statements)


def _parse_capitals(value: Mapping[str, Any]) -> Capitals:
    return Capitals(_share(value.get("share")), _words(value.get("words")))


def _parse_sentences(value: Mapping[str, Any]) -> Sentences:
    max_words = value.get("max_words")
    if type(max_words) is not int or not 0 < max_words <= MAX_LENGTH:
        raise ValueError("the length of the sources is wrong")
    return Sentences(_share(value.get("single")), _share(value.get("listed")), max_words)


def _parse_language(value: Mapping[str, Any], vocab_size: int) -> SourceLanguage:
    token_bits, max_bits = value.get("token_bits"), value.get("max_bits")
    if not isinstance(token_bits, str) or len(token_bits) != vocab_size:
        raise ValueError("the frequencies of the sources are wrong")
    if not all(ZERO <= ord(bits) <= ZERO + UNITS * MAX_BITS for bits in token_bits):
        raise ValueError("the frequencies of the sources are wrong")
    if not isinstance(max_bits, float) or not 0 <= max_bits <= MAX_BITS:
        raise ValueError("the bits of the sources are wrong")
    return SourceLanguage(token_bits, max_bits)


def _parse_spelling(value: object) -> Spelling:
    if not isinstance(value, dict):
        raise ValueError("the spelling of the sources is wrong")
    return Spelling(_words(value.get("rare")))


def _share(value: object) -> float:
    if not isinstance(value, float) or math.isnan(value) or not 0 <= value <= 1:
        raise ValueError("a share of the sources is wrong")
    return value


def _words(value: object) -> tuple[str, ...]:
    if not isinstance(value, str) or len(value) > MAX_CHARACTERS:
        raise ValueError("a list of words of the sources is wrong")
    return tuple(value.split(SEPARATOR)) if value else ()


def _pairs(value: object) -> tuple[str, ...]:
    pairs = _words(value)
    if not all(all(pair.partition("=")) for pair in pairs):
        raise ValueError("the words of the sources that are copied are wrong")
    return pairs
