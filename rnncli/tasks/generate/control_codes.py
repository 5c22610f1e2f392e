"""Control codes: a label before each text, on which a generator is conditioned.

As in CTRL (Keskar et al. 2019, section 3), they are ordinary text, without tokens of their own: a
training text is ``LABEL<TAB>TEXT<NEWLINE>``.
"""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from rnncli.config import MAX_CONTROL_LENGTH, MAX_CONTROLS
from rnncli.data.values import column_values
from rnncli.errors import ConfigError
from rnncli.messages import name_list, nearest
from rnncli.text.unicode import as_field

if TYPE_CHECKING:
    from datasets import Dataset


def as_label(text: str) -> str:
    """Convert a text to a label: tabs and newlines become spaces."""
    return as_field(text).strip()


def prefix(label: str) -> str:
    """Return the prefix of a text of this label."""
    return f"{as_label(label)}\t"


def training_texts(rows: "Dataset") -> Iterator[str]:
    """Yield the training text of each row, with its control code as a prefix where it has one."""
    if "control" not in rows.column_names:
        return column_values(rows, "text")
    labels, texts = column_values(rows, "control"), column_values(rows, "text")
    return (f"{prefix(label)}{text}\n" for label, text in zip(labels, texts, strict=True))


@dataclass(frozen=True)
class Controls:
    """The control codes of a model, sorted, and their frequencies."""

    counts: Mapping[str, int]  # of the texts of each label
    several_lines: bool  # whether texts contain newlines

    @classmethod
    def parse(cls, value: object) -> "Controls | None":
        """Parse the control codes in a model's description, if there are any.

        Raises:
            ValueError: they are damaged.

        """
        match value:
            case None:
                return None
            case {"counts": dict(counts), "several_lines": bool(several_lines)}:
                if 0 < len(counts) <= MAX_CONTROLS and all(
                    len(label) <= MAX_CONTROL_LENGTH and type(count) is int and 0 < count < 1 << 53
                    for label, count in counts.items()
                ):
                    return cls(counts, several_lines)
        raise ValueError("labels or their counts are wrong")

    def require(self, label: str) -> str:
        """Normalise the name of a label.

        Raises:
            ConfigError: the model has no such label.

        """
        name = as_label(label)
        if name in self.counts:
            return name
        likely = nearest(name, list(self.counts)) or ""
        raise ConfigError(
            f"the model knows no label {label!r}; its labels are: {self.name_list()}",
            f"--control {shlex.quote(likely)}",
        )

    def name_list(self) -> str:
        """List the first labels, for messages."""
        return name_list(list(self.counts))

    def sample(self, seed: int | None) -> Iterator[str]:
        """Draw labels endlessly, by their frequencies in the training data."""
        # Not a child of the seed, which is that of a sample.
        random = np.random.default_rng(None if seed is None else [seed, 1])
        labels, ends = list(self.counts), np.array(list(accumulate(self.counts.values())))
        while True:
            yield labels[int(np.searchsorted(ends, random.random() * ends[-1], side="right"))]

    def row_ends(self) -> list[str]:
        """Return the texts that end a row: a newline, and the next row where a text has several."""
        return [f"\n{prefix(label)}" for label in self.counts] if self.several_lines else ["\n"]
