"""How good a model of the labels so far is, by texts that came at random.

Texts that were chosen because they are worth most are harder, or rarer, than others, and a model's
accuracy on them is not its accuracy on all. So a part of the texts is shown in a random order, and
texts count as far as that order has been gone through: they are a random sample of all, whichever
others have labels too. Each is labelled by a model of all other labels.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rnncli.analysis.metrics import wilson_interval
from rnncli.messages import plural
from rnncli.tasks.labelling.learner import HeldOutLabels

MIN_SAMPLE = 10  # texts: of fewer the interval says nothing
MIN_TEXTS = 10  # of a label, without which it is hardly learned
MORE = 20  # labels whose gain is told
SMALL_GAIN = 0.005  # of accuracy, below which it is told
SHRINKAGE = 0.6  # what twice the labels bring, as a share of what they brought the last time
MIN_FOR_GAIN = 60  # labels, of which two halves make models at all


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
class Progress:
    """How good a model of the labels so far is."""

    accuracy: Share  # of the sample
    by_label: dict[str, Share]  # of the texts in the sample that have the label: recall
    has_small_gain: bool  # whether ``MORE`` labels would probably bring less than ``SMALL_GAIN``

    def describe(self) -> list[str]:
        """Return the accuracy in words, and whether more labels are worth it."""
        number = self.accuracy.whole
        if number < MIN_SAMPLE:
            return [f"accuracy: known after {MIN_SAMPLE} random texts, {number} so far"]
        lines = [f"accuracy {self.accuracy.describe()}, on {plural(number, 'random text')}"]
        if self.has_small_gain:
            points = f"{100 * SMALL_GAIN:g} points"
            lines.append(f"{MORE} more labels will probably bring less than {points}")
        return lines


def progress(
    held_out: HeldOutLabels, labels: Mapping[int, str], sample: Collection[int]
) -> Progress:
    """Return how often labels by models that have not seen them are right, in a random sample."""
    drawn = [
        (labels[row], predicted == labels[row])
        for row, predicted in zip(held_out.rows, held_out.by_all_others, strict=True)
        if row in sample
    ]
    texts = Counter(label for label, _ in drawn)
    hits = Counter(label for label, is_right in drawn if is_right)
    by_label = {label: Share(hits[label], texts[label]) for label in dict.fromkeys(labels.values())}
    return Progress(Share(hits.total(), len(drawn)), by_label, has_small_gain(held_out, labels))


def has_small_gain(held_out: HeldOutLabels, labels: Mapping[int, str]) -> bool:
    """Return whether ``MORE`` labels would probably bring less than ``SMALL_GAIN`` of accuracy.

    What twice the labels bring shrinks with each doubling; what they brought last is seen by models
    of all and of half of the labels, and has to be clear of chance.
    """
    number = len(held_out.rows)
    if number < MIN_FOR_GAIN:
        return False
    differences = [
        (by_all == labels[row]) - (by_half == labels[row])
        for row, by_all, by_half in zip(
            held_out.rows, held_out.by_all_others, held_out.by_half, strict=True
        )
    ]
    mean = sum(differences) / number
    error = math.sqrt(sum((each - mean) ** 2 for each in differences)) / number
    doublings = math.log2((number + MORE) / number)
    return SHRINKAGE * (mean + error) * doublings < SMALL_GAIN
