"""How good a model of the labels so far is, by texts that came at random.

Texts that were chosen because they are worth most are harder, or rarer, than others, and a model's
accuracy on them is not its accuracy on all. So a part of the texts is shown in a random order, and
texts count as far as that order has been gone through: they are a random sample of all, whichever
others have labels too. Each is labelled by a model of all other labels.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rnncli.analysis.metrics import wilson_interval
from rnncli.messages import plural
from rnncli.tasks.labelling.learner import HeldOutLabels

MIN_SAMPLE = 10  # texts: of fewer the interval says nothing
MIN_TEXTS = 10  # of a label, without which it is hardly learned
MORE = 20  # labels whose gain is told
SMALL_GAIN = 0.005  # of accuracy, below which it is told
SHRINKAGE = 0.6  # what twice the labels bring, as a share of what they brought the last time
MIN_FOR_GAIN = 60  # labels: models of halves of fewer say little


@dataclass(frozen=True)
class Share:
    """A share, as so many of so many."""

    part: int
    whole: int

    @property
    def value(self) -> float:
        """The share; 0 of none."""
        return self.part / max(self.whole, 1)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share that this is a sample of."""
        return wilson_interval(self.part, self.whole)

    def describe(self) -> str:
        """Return the share and its interval: ``83 % (70 to 91 %)``."""
        low, high = self.interval
        return f"{100 * self.value:.0f} % ({100 * low:.0f} to {100 * high:.0f} %)"


@dataclass(frozen=True)
class Gain:
    """What twice the labels brought, by models of all and of half of them."""

    number: int  # labels
    mean: float  # of accuracy
    error: float  # the standard error of it

    @property
    def of_doubling(self) -> float:
        """What twice the labels will probably bring: it shrinks with each doubling."""
        return SHRINKAGE * max(self.mean, 0.0)

    @property
    def is_small(self) -> bool:
        """Whether ``MORE`` labels will bring less than ``SMALL_GAIN``, clear of chance."""
        doublings = math.log2((self.number + MORE) / self.number)
        return SHRINKAGE * (self.mean + self.error) * doublings < SMALL_GAIN


@dataclass(frozen=True)
class Progress:
    """How good a model of the labels so far is."""

    accuracy: Share  # of the sample
    by_label: dict[str, Share]  # of the texts in the sample that have the label: recall
    curve: dict[
        int, float
    ]  # the accuracy on the sample of models of so many labels, the last of all
    gain: Gain | None  # None: there are too few labels to tell

    def describe(self) -> list[str]:
        """Return the accuracy in words, and whether more labels are worth it."""
        number = self.accuracy.whole
        if number < MIN_SAMPLE:
            return [f"accuracy: known after {MIN_SAMPLE} random texts, {number} so far"]
        lines = [f"accuracy {self.accuracy.describe()}, on {plural(number, 'random text')}"]
        if self.gain is not None and self.gain.is_small:
            points = f"{100 * SMALL_GAIN:g} points"
            lines.append(f"{MORE} more labels will probably bring less than {points}")
        return lines

    @property
    def expected(self) -> tuple[int, float] | None:
        """Twice the labels, and the accuracy that they will probably reach."""
        if self.gain is None or self.accuracy.whole < MIN_SAMPLE:
            return None
        return 2 * self.gain.number, min(self.accuracy.value + self.gain.of_doubling, 1.0)


def progress(
    held_out: HeldOutLabels, labels: Mapping[int, str], sample: Collection[int]
) -> Progress:
    """Return how often labels by models that have not seen them are right, in a random sample."""
    hits = _hits(held_out, held_out.by_all_others, labels)
    drawn = [(labels[row], is_right) for row, is_right in hits.items() if row in sample]
    texts = Counter(label for label, _ in drawn)
    found = Counter(label for label, is_right in drawn if is_right)
    by_label = {
        label: Share(found[label], texts[label]) for label in dict.fromkeys(labels.values())
    }
    number = len(held_out.rows)
    curve = {
        number // parts: _share(_hits(held_out, predicted, labels), sample).value
        for parts, predicted in sorted(held_out.by_part.items(), reverse=True)
    }
    accuracy = _share(hits, sample)
    return Progress(accuracy, by_label, curve | {number: accuracy.value}, _gain(held_out, labels))


def _gain(held_out: HeldOutLabels, labels: Mapping[int, str]) -> Gain | None:
    """Compare models of all labels and of a half of them."""
    number = len(held_out.rows)
    if number < MIN_FOR_GAIN:
        return None
    by_all = _hits(held_out, held_out.by_all_others, labels)
    by_half = _hits(held_out, held_out.by_part[2], labels)
    differences = [by_all[row] - by_half[row] for row in held_out.rows]
    mean = sum(differences) / number
    error = math.sqrt(sum((each - mean) ** 2 for each in differences)) / number
    return Gain(number, mean, error)


def _hits(
    held_out: HeldOutLabels, predicted: Sequence[str], labels: Mapping[int, str]
) -> dict[int, bool]:
    """Return of each row whether its label was predicted."""
    return {row: labels[row] == each for row, each in zip(held_out.rows, predicted, strict=True)}


def _share(hits: Mapping[int, bool], sample: Collection[int]) -> Share:
    """Return the share of hits in the sample."""
    drawn = [is_right for row, is_right in hits.items() if row in sample]
    return Share(sum(drawn), len(drawn))
