"""A person's own terms: phrases that stay as they are, and phrases with given translations."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rnncli.config import SearchConfig
from rnncli.errors import ConfigError, DataError
from rnncli.tasks.translate.constraints import Constraint, whole
from rnncli.tasks.translate.marks import MARKS
from rnncli.tasks.translate.placeholders import WORDS
from rnncli.text.files import BYTE_ORDER_MARK, File, read_lines


def read_glossary(path: Path) -> dict[str, tuple[str, ...]]:
    """Read a glossary: on each line a term and its translations, with tabs between them.

    Raises:
        DataError: there is no such file, or a term has no translation.

    """
    glossary: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(read_lines(File(path, str(path))), 1):
        cells = line.removeprefix(BYTE_ORDER_MARK).decode("utf-8", "replace").split("\t")
        term, *targets = map(str.strip, cells)
        if term and any(targets):
            glossary[term] = (*glossary.get(term, ()), *filter(None, targets))
        elif term or any(targets):
            raise DataError(
                f"{path}, line {number}: there is no term with a translation",
                "write on each line a term, a tab and its translation, more with tabs between them",
            )
    return glossary


@dataclass(frozen=True)
class Terms:
    """Regular expressions of phrases that stay, and the translations of others."""

    keep: Sequence[str] = ()
    glossary: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, config: SearchConfig) -> "Terms":
        """Return the terms in the settings of a search.

        Raises:
            ConfigError: a pattern of what to keep is no regular expression, or matches nothing.

        """
        for pattern in config.keep:
            _require_pattern(pattern)
        return cls(config.keep, config.glossary)

    @cached_property
    def kept(self) -> re.Pattern[str]:
        """A pattern of what stays as it is, where it is no mark."""
        return re.compile("|".join([*(f"(?:{pattern})" for pattern in self.keep), WORDS.pattern]))

    @cached_property
    def placeholders(self) -> re.Pattern[str]:
        """A pattern of all that stays as it is; marks are its first group."""
        return re.compile(f"({MARKS})|{self.kept.pattern}")

    def constraints(self, text: str) -> list[Constraint]:
        """Return the constraints for the terms of the glossary in a text, the longest first."""
        if not self._targets:
            return []
        counts = Counter(match[0].lower() for match in re.finditer(self._sources, text))
        return [Constraint(term, self._targets[term], count) for term, count in counts.items()]

    def __contains__(self, word: str) -> bool:
        """Return whether a word is a term of the glossary."""
        return word.lower() in self._targets

    @cached_property
    def _targets(self) -> dict[str, tuple[str, ...]]:
        return {term.lower(): tuple(targets) for term, targets in self.glossary.items()}

    @cached_property
    def _sources(self) -> str:
        terms = sorted(self._targets, key=len, reverse=True)
        return "(?i:" + "|".join(map(whole, terms)) + ")"


def _require_pattern(pattern: str) -> None:
    """Refuse what is no regular expression, or matches an empty text."""
    try:
        is_empty = re.search(pattern, "") is not None
    except re.error as error:
        raise ConfigError(
            f"--keep {pattern!r} is no regular expression: {error}", r"--keep '\bACME\w*'"
        ) from None
    if is_empty:
        raise ConfigError(f"--keep {pattern!r} matches an empty text", "--keep '[A-Z]+'")
