"""Read texts as the training sources are written, and write translations as the texts are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from unicodedata import normalize

from rnncli.messages import Announce
from rnncli.tasks.translate.end_marks import without_end_mark
from rnncli.tasks.translate.letter_case import familiar_case
from rnncli.tasks.translate.source_profile import SourceProfile
from rnncli.tasks.translate.spelling import Vocabulary
from rnncli.tasks.translate.stand_ins import Copy, long_numbers, restore
from rnncli.tasks.translate.translation import Translation
from rnncli.text.tokenizer import Tokenizer

# Emoji and smileys at the end of a text.
_EMOJI = re.compile(
    r"(?:\s*(?:[\u2600-\u27bf\u2b50\ufe0f\u200d\U0001f000-\U0001faff]|[:;]-?[)(DP](?!\w)))+$"
)


def without_emoji(text: str) -> str:
    """Return a text without the emoji and smileys at its end."""
    return _EMOJI.sub("", text)


@dataclass(frozen=True)
class Reading:
    """A text as a model reads it."""

    text: str
    end_mark: str = ""  # that was added to it
    copies: tuple[Copy, ...] = ()  # of words in whose place others are read
    emoji: str = ""  # that was taken off its end
    numbers: tuple[str, ...] = ()  # long ones that are read as they are

    def write(self, translation: str) -> str:
        """Return a translation of what was read as one of the text."""
        if self.end_mark:
            translation = without_end_mark(translation)
        return restore(translation, self.copies) + self.emoji

    def best_first(self, translations: Sequence[Translation]) -> list[Translation]:
        """Return translations in their order, but those that lack copied words or numbers last."""

        def lacking(translation: Translation) -> tuple[int, int]:
            text = normalize("NFKC", translation.text)  # digits of any form
            return self.lost_words(translation), sum(number not in text for number in self.numbers)

        return sorted(translations, key=lacking)

    def lost_words(self, translation: Translation) -> int:
        """Return how many of the copied words a translation lacks."""
        return sum(copy.word not in translation.text for copy in self.copies)


@dataclass(frozen=True)
class Reader:
    """Read texts as the training sources are written."""

    tokenizer: Tokenizer  # of the sources
    profile: SourceProfile | None  # of the sources; None: of an older model
    announce: Announce

    def read(self, text: str) -> Reading:
        """Return a text as the model reads it, and announce where that differs."""
        profile = self.profile
        words = text if profile is None else without_emoji(text) or text
        emoji, text = text[len(words) :], words
        addresses: tuple[Copy, ...] = ()
        if profile is not None:
            text, addresses = profile.stand_ins.replace_addresses(text)
        cased = familiar_case(text, self.tokenizer, None if profile is None else profile.capitals)
        if cased != text:
            self.announce("some texts are read with other capitals, which the model knows better")
        if profile is None:
            return Reading(cased)
        spelled = profile.spelling.correct(cased, self._vocabulary)
        if spelled != cased:
            self.announce(
                "some words that the training texts do not have are read as typing errors of others"
            )
        mark = profile.end_marks.missing_mark(spelled)
        if mark:
            self.announce(
                "some texts are read with an end mark, which nearly all training texts have; their "
                "translations have none"
            )
        replaced, names = profile.stand_ins.replace_names(
            spelled, lambda word: not self._vocabulary.knows(word)
        )
        copied = {copy.word for copy in names}
        numbers = tuple(number for number in long_numbers(spelled) if number not in copied)
        return Reading(replaced + mark, mark, addresses + names, emoji, numbers)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        assert self.profile is not None
        return Vocabulary(self.profile.language, self.tokenizer)

    def check_language(self, texts: Sequence[str], encoded: Sequence[Sequence[int]]) -> None:
        """Announce where a text is hardly in the language of the sources.

        ``encoded`` are the tokens of the texts, with ``<eos>``.
        """
        if self.profile is None:
            return
        is_foreign = self.profile.language.is_foreign
        if any(is_foreign(text, ids[:-1]) for text, ids in zip(texts, encoded, strict=True)):
            self.announce(
                "some texts are hardly in the language that the model translates from: their "
                "translations may make no sense"
            )
