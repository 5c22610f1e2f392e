"""Control codes: a label before each text, in whose manner a generator learns to write.

As in CTRL (Keskar et al. 2019, section 3), where they are ordinary text. Here a row is
``LABEL<TAB>TEXT<NEWLINE>``, so that a tokenizer need not know of them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import accumulate
from typing import Any

import numpy as np

from rnncli.errors import ConfigError
from rnncli.text.unicode import as_field

MAX_LABELS = 10_000  # of a model; more are no labels
LONGEST_LABEL = 100  # characters
_SHOWN = 20  # labels in a message


def as_label(text: str) -> str:
    """Return a text as a label that can stand before a tab: tabs and newlines become spaces."""
    return as_field(text).strip()


def prefix(label: str) -> str:
    """Return what stands before a text of this label."""
    return f"{as_label(label)}\t"


def coded(label: str, text: str) -> str:
    """Return the row that a generator learns from; blank lines around a text are left out."""
    return prefix(label) + text.strip("\n") + "\n"


def label_and_text(row: str) -> tuple[str, str]:
    """Return the label and the text of a row."""
    label, _, text = row.partition("\t")
    return label, text


@dataclass(frozen=True)
class Controls:
    """The labels of a model, sorted, and what its texts are like."""

    counts: Mapping[str, int]  # how many texts each label has
    several_lines: bool  # whether there are newlines inside texts

    @classmethod
    def of_rows(cls, rows: Iterable[str]) -> "Controls":
        """Count the labels of rows."""
        counts: Counter[str] = Counter()
        several_lines = False
        for row in rows:
            counts[label_and_text(row)[0]] += 1
            several_lines = several_lines or row.index("\n") < len(row) - 1
        return cls(dict(sorted(counts.items())), several_lines)

    @classmethod
    def of_model(cls, info: Mapping[str, Any]) -> "Controls | None":
        """Return the labels that a model's description names, if it has any.

        Raises:
            ValueError: they are damaged.

        """
        match info.get("data"):
            case {"controls": {"counts": dict(counts), "several_lines": bool(several_lines)}}:
                if not 0 < len(counts) <= MAX_LABELS or not all(
                    len(label) <= LONGEST_LABEL and type(count) is int and 0 < count < 1 << 53
                    for label, count in counts.items()
                ):
                    raise ValueError("labels or their counts are wrong")
                return cls(counts, several_lines)
            case {"controls": _}:
                raise ValueError("labels or their counts are wrong")
        return None

    def require(self, label: str) -> str:
        """Return a label as the model knows it.

        Raises:
            ConfigError: it knows none of this name.

        """
        own = as_label(label)
        if own in self.counts:
            return own
        likely = get_close_matches(own, self.counts, n=1) or list(self.counts)[:1]
        raise ConfigError(
            f"the model knows no label {label!r}; its labels are: {self.listed()}",
            f"name one of these, such as --control {likely[0]!r}",
        )

    def listed(self) -> str:
        """Return the first labels in a row."""
        rest = ", ..." if len(self.counts) > _SHOWN else ""
        return ", ".join(list(self.counts)[:_SHOWN]) + rest

    def drawn(self, seed: int | None) -> Iterator[str]:
        """Yield labels without end, each as often as texts have it."""
        # A child of the seed would be the stream of a sample, too.
        random = np.random.default_rng(None if seed is None else [seed, 1])
        labels, ends = list(self.counts), np.array(list(accumulate(self.counts.values())))
        while True:
            yield labels[int(np.searchsorted(ends, random.random() * ends[-1], side="right"))]

    def row_ends(self) -> list[str]:
        """Return the texts that end a row: a newline, and the next row where a text has several."""
        return [f"\n{prefix(label)}" for label in self.counts] if self.several_lines else ["\n"]
