"""Explain the predictions of a classifier by occlusion: each word is left out in turn.

The score of a word is the drop of the log-odds of the text's label without the word: positive for
the label, negative against it. It is erasure of input words (Li, Monroe and Jurafsky 2016, section
3), measured as weight of evidence (Robnik-Šikonja and Kononenko 2008), which differentiates words
also where the label is almost certain.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rnncli.text.arguments import as_texts
from rnncli.text.batching import batched
from rnncli.text.unicode import word_spans

METHOD = "occlusion"
MAX_VARIANTS = 200  # of a text: its explanation then takes a few seconds at most
BATCH_CHARACTERS = 1 << 20  # bounds memory; thousands of short texts


class Classifier(Protocol):
    """A model that returns logits for texts."""

    def logits(self, texts: Sequence[str]) -> NDArray[Any]:
        """Return the logits (N, C) of the texts."""
        ...


@dataclass(frozen=True)
class Span:
    """A word, or a group of neighbouring words, and its score: the evidence for the label."""

    start: int  # in characters of the text
    end: int  # exclusive
    score: float  # in nats; negative against the label


def explain(
    classifier: Classifier,
    texts: Iterable[str],
    announce: Callable[[str], None] | None = None,
) -> list[list[Span]]:
    """Score the words of each text, in their order, by their evidence for its label.

    In a text of more than ``MAX_VARIANTS`` words, groups of neighbouring words are left out, which
    is announced. Blank texts have no words.

    Raises:
        InputError: ``texts`` is no list of texts.
    """
    texts = as_texts(texts)
    word_lists = [word_spans(text) for text in texts]
    if announce is not None and any(len(words) > MAX_VARIANTS for words in word_lists):
        announce(
            f"texts of more than {MAX_VARIANTS} words are explained by groups of neighbouring words"
        )
    groups = [_group(words) for words in word_lists]
    batches = batched(_variants(texts, groups), max_size=BATCH_CHARACTERS)
    rows = chain.from_iterable(map(classifier.logits, batches))
    explanations = []
    for spans in groups:
        drops = _log_odds_drops(np.stack(list(islice(rows, 1 + len(spans))))) if spans else []
        explanations.append([Span(*span, drop) for span, drop in zip(spans, drops, strict=True)])
    return explanations


def _group(words: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Group neighbouring words, at most ``MAX_VARIANTS`` groups: return their spans."""
    size = -(-len(words) // MAX_VARIANTS) or 1
    groups = [words[i : i + size] for i in range(0, len(words), size)]
    return [(group[0][0], group[-1][1]) for group in groups]


def _variants(texts: Sequence[str], groups: Sequence[Sequence[tuple[int, int]]]) -> Iterator[str]:
    """Yield each text with words, followed by its variants without each of the groups."""
    for text, spans in zip(texts, groups, strict=True):
        if spans:
            yield text
        for start, end in spans:
            yield _without(text, start, end)


def _without(text: str, start: int, end: int) -> str:
    """Remove a span and an adjacent space from a text."""
    if text[end : end + 1].isspace():
        end += 1
    elif text[:start][-1:].isspace():
        start -= 1
    return text[:start] + text[end:]


def _log_odds_drops(logits: NDArray[Any]) -> list[float]:
    """Compute the drop of the log-odds of the first row's label in each other row."""
    logits = logits.astype(np.float64)  # (N, C)
    label = int(logits[0].argmax())
    odds = logits[:, label] - np.logaddexp.reduce(np.delete(logits, label, axis=1), axis=1)
    with np.errstate(invalid="ignore"):  # infinite odds, as of an only label, do not drop
        drops: list[float] = np.nan_to_num(odds[0] - odds[1:]).tolist()
    return drops
