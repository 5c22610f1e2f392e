"""Read texts as the training sources are written, and write translations as the texts are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from rnncli.analysis.alignment import Alignment
from rnncli.messages import Announce
from rnncli.tasks.translate.constraints import Constraint, copy_sources
from rnncli.tasks.translate.end_marks import without_end_mark
from rnncli.tasks.translate.letter_case import familiar_case
from rnncli.tasks.translate.marks import PLACE, Mark, put_back, take_off
from rnncli.tasks.translate.source_profile import SourceProfile
from rnncli.tasks.translate.spelling import Vocabulary
from rnncli.tasks.translate.stand_ins import NAMES, StandIns
from rnncli.tasks.translate.terms import Terms
from rnncli.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Reading:
    """A text as a model reads it."""

    text: str
    end_mark: str = ""  # that was added to it
    constraints: tuple[Constraint, ...] = ()
    marks: tuple[Mark, ...] = ()  # that were taken off it

    def write(self, translation: str, align: Callable[[str, str], Alignment]) -> str:
        """Return a translation of what was read as one of the text.

        ``align`` returns the alignment of a text and its translation.
        """
        if self.end_mark:
            translation = without_end_mark(translation)
        translation = put_back(self.marks, self.text, translation, align)
        return copy_sources(translation, self.constraints)

    def lacked(self, translation: str) -> list[str]:
        """Return what a translation of what was read lacks, for people."""
        return [
            constraint.source if constraint.is_copied else " or ".join(constraint.targets)
            for constraint in self.constraints
            if constraint.lacking(translation)
        ]

    def lacking(self, translation: str) -> int:
        """Return how many phrases a translation of what was read lacks."""
        return sum(constraint.lacking(translation) for constraint in self.constraints)


@dataclass(frozen=True)
class Reader:
    """Read texts as the training sources are written."""

    tokenizer: Tokenizer  # of the sources
    profile: SourceProfile | None  # of the sources; None: of an older model
    announce: Announce

    def read(self, text: str, terms: Terms) -> Reading:
        """Return a text as the model reads it, and announce where that differs."""
        profile = self.profile
        text, marks, constraints = self._without_placeholders(text, terms)
        constraints += terms.constraints(text)
        capitals = None if profile is None else profile.capitals
        sentence = text if capitals is None else capitals.as_sentence(text, self._vocabulary.knows)
        cased = familiar_case(sentence, self.tokenizer, capitals)
        if cased != text:
            self.announce("some texts are read with other capitals, which the model knows better")
        if profile is None:
            return Reading(cased, "", tuple(constraints), marks)
        spelled = profile.spelling.correct(cased, self._vocabulary)
        if spelled != cased:
            self.announce(
                "some words that the training texts do not have are read as typing errors of others"
            )
        mark = profile.end_marks.missing_mark(spelled, is_title=sentence != text)
        if mark:
            self.announce(
                "some texts are read with an end mark, which nearly all training texts have; their "
                "translations have none"
            )
        knows = self._vocabulary.knows
        replaced, names = profile.stand_ins.replace(
            spelled,
            NAMES,
            lambda name: not (knows(name) or knows(name.lower()) or name in terms),
        )
        return Reading(replaced + mark, mark, (*constraints, *names), marks)

    def _without_placeholders(
        self, text: str, terms: Terms
    ) -> tuple[str, tuple[Mark, ...], list[Constraint]]:
        """Return a text without its marks and with stand-ins for placeholders, and both of them."""
        marks = [match[0] for match in terms.placeholders.finditer(text) if match[1]]
        text = terms.placeholders.sub(lambda match: PLACE if match[1] else match[0], text)
        stand_ins = StandIns((), ()) if self.profile is None else self.profile.stand_ins
        text, constraints = stand_ins.replace(text, terms.kept, self._is_unknown, are_required=True)
        return *take_off(text, marks), constraints

    def _is_unknown(self, placeholder: str) -> bool:
        """Return whether the model cannot read a placeholder; short numbers it can."""
        is_number = placeholder.isdecimal() and self.profile is not None
        return not (is_number and self._vocabulary.knows(placeholder))

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
