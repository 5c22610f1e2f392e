"""Explain a classifier's decision by occlusion: each word is left out in turn.

A word's score is how far the log-odds of the text's label drop when the word is left out: above 0
it speaks for the label, below 0 against it. That is erasure of input words (Li, Monroe and Jurafsky
2016, section 3), measured as weight of evidence (Robnik-Šikonja and Kononenko 2008), which still
tells words apart where the label is all but certain.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rnncli.text.batching import batched
from rnncli.text.unicode import word_spans

METHOD = "occlusion"
MAX_VARIANTS = 200  # of a text: its explanation then takes a few seconds at most
BATCH_CHARACTERS = 1 << 20  # characters: bounds memory, and holds thousands of short texts


class Classifier(Protocol):
    """A model that returns logits for texts."""

    def logits(self, texts: Sequence[str]) -> NDArray[Any]:
        """Return the logits (N, C) of the texts."""
        ...


@dataclass(frozen=True)
class Span:
    """A word, or a group of neighbouring words, and its score: the evidence for the label."""

    start: int  # in characters of the text
    end: int  # behind the last
    score: float  # in nats; below 0 it speaks against


def explain(
    classifier: Classifier,
    texts: Sequence[str],
    announce: Callable[[str], None] | None = None,
) -> list[list[Span]]:
    """Return the words of each text, in their order, with their scores for its label.

    Of a text of more than ``MAX_VARIANTS`` words neighbours are left out together, in that many
    groups at most; ``announce`` is told so. Blank texts have no words.
    """
    places = [word_spans(text) for text in texts]
    if announce is not None and any(len(words) > MAX_VARIANTS for words in places):
        announce(
            f"texts of more than {MAX_VARIANTS} words are explained by groups of neighbouring words"
        )
    groups = [_group(words) for words in places]
    rows = _logits(classifier, _variants(texts, groups))
    explanations = []
    for spans in groups:
        drops = _log_odds_drops(np.stack(list(islice(rows, 1 + len(spans))))) if spans else []
        explanations.append([Span(*span, drop) for span, drop in zip(spans, drops, strict=True)])
    return explanations


def _group(words: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans of groups of words: of one word each, unless there are too many."""
    size = -(-len(words) // MAX_VARIANTS) or 1
    groups = [words[i : i + size] for i in range(0, len(words), size)]
    return [(group[0][0], group[-1][1]) for group in groups]


def _variants(texts: Sequence[str], groups: Sequence[Sequence[tuple[int, int]]]) -> Iterator[str]:
    """Yield each text that has words, followed by its variants without each of its groups."""
    for text, spans in zip(texts, groups, strict=True):
        if spans:
            yield text
        for start, end in spans:
            yield _without(text, start, end)


def _without(text: str, start: int, end: int) -> str:
    """Return a text without a span and a space beside it."""
    if text[end : end + 1].isspace():
        end += 1
    elif text[:start][-1:].isspace():
        start -= 1
    return text[:start] + text[end:]


def _logits(classifier: Classifier, texts: Iterable[str]) -> Iterator[NDArray[Any]]:
    """Yield the logits (C,) of each text, computed in batches."""
    for batch in batched(texts, max_size=BATCH_CHARACTERS):
        yield from classifier.logits(batch)


def _log_odds_drops(logits: NDArray[Any]) -> list[float]:
    """Return the drop of the log-odds of the first row's label in each row after it."""
    logits = logits.astype(np.float64)  # (N, C)
    label = int(logits[0].argmax())
    odds = logits[:, label] - np.logaddexp.reduce(np.delete(logits, label, axis=1), axis=1)
    with np.errstate(invalid="ignore"):  # odds without an end, as of the only label, never drop
        drops: list[float] = np.nan_to_num(odds[0] - odds[1:]).tolist()
    return drops
