"""A translation, and how those of the segments of a text are joined."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rnncli.tasks.translate.segmentation import Segment
from rnncli.text.sentences import clean


@dataclass(frozen=True)
class Translation:
    """A translation and its score: log-probability / length ** penalty."""

    text: str
    score: float
    length: int  # in tokens, its end included
    # The probability that it is a good one; None of a text that stays as it is, and where the
    # model cannot tell.
    confidence: float | None = None


def join(
    layout: str, segments: Sequence[Segment], nbest: Sequence[list[Translation]]
) -> list[Translation]:
    """Join the translations of the segments of a text, after its layout.

    The score is the mean of theirs, the confidence the smallest. Of a single segment, its n best
    translations stay.
    """
    if len(segments) == 1:
        return [replace(best, text=layout + best.text) for best in nbest[0]]
    best = [translations[0] for translations in nbest]
    text = "".join(s.write(part.text) for s, part in zip(segments, best, strict=True))
    score = sum(part.score for part in best) / len(best)
    length = sum(part.length for part in best)
    confidences = [part.confidence for part in best if part.confidence is not None]
    return [Translation(layout + clean(text), score, length, min(confidences, default=None))]


def with_confidence(translations: Sequence[Translation], confidence: float) -> list[Translation]:
    """Return translations with a confidence where there is none; blank ones stay."""
    return [
        replace(translation, confidence=confidence)
        if translation.text and translation.confidence is None
        else translation
        for translation in translations
    ]
