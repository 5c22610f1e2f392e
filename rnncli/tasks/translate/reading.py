"""Read texts as the training sources are written, and write translations as the texts are."""

from dataclasses import dataclass

from rnncli.messages import Announce
from rnncli.tasks.translate.end_marks import without_end_mark
from rnncli.tasks.translate.letter_case import familiar_case
from rnncli.tasks.translate.source_profile import SourceProfile
from rnncli.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Reading:
    """A text as a model reads it."""

    text: str
    end_mark: str = ""  # that was added to it

    def write(self, translation: str) -> str:
        """Return a translation of what was read as one of the text: without the added mark."""
        return without_end_mark(translation) if self.end_mark else translation


@dataclass(frozen=True)
class Reader:
    """Read texts with the end marks and capitals of the training sources."""

    tokenizer: Tokenizer  # of the sources
    profile: SourceProfile | None  # of the sources; None: of an older model
    announce: Announce

    def read(self, text: str) -> Reading:
        """Return a text as the model reads it, and announce where that differs."""
        cased = familiar_case(
            text, self.tokenizer, None if self.profile is None else self.profile.capitals
        )
        if cased != text:
            self.announce("some texts are read with other capitals, which the model knows better")
        mark = "" if self.profile is None else self.profile.end_marks.missing_mark(cased)
        if mark:
            self.announce(
                "some texts are read with an end mark, which nearly all training texts have; their "
                "translations have none"
            )
        return Reading(cased + mark, mark)
