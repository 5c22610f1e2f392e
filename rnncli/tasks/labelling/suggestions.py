"""The texts that are worth a label most."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rnncli.errors import InputError
from rnncli.messages import Announce
from rnncli.tasks import ignore
from rnncli.tasks.labelling.learner import Learner
from rnncli.tasks.labelling.sentiment import NOTICE
from rnncli.text.arguments import as_texts

MAX_CANDIDATES = 20_000  # texts to choose from, at random: nobody labels as many


@dataclass(frozen=True)
class Suggestion:
    """A text that is worth a label, and the label that it probably has."""

    row: int  # among all texts
    text: str
    label: str | None  # None: there are too few labels to tell
    probability: float | None


def suggest(
    texts: Iterable[str],
    labels: Sequence[str | None] | None = None,
    n: int = 20,
    *,
    seed: int = 0,
    announce: Announce = ignore,
) -> list[Suggestion]:
    """Return the ``n`` texts that are worth a label most; ``labels`` has None where there is none.

    They are those that are like most of the texts whose labels are in doubt, and unlike each other.

    Raises:
        InputError: ``texts`` is no list of texts, or ``labels`` has another length.

    """
    texts = as_texts(texts)
    known = known_labels(texts, [None] * len(texts) if labels is None else labels)
    blank = {row for row, text in enumerate(texts) if not text or text.isspace()}
    if len(blank | known.keys()) == len(texts):
        return []
    rows = _candidates(len(texts), known, seed)
    places = {row: place for place, row in enumerate(rows)}
    labelled = {places[row]: label for row, label in known.items()}
    excluded = [places[row] for row in blank if row in places]
    learned = Learner([texts[row] for row in rows], seed).learn(labelled, excluded, n)
    if learned.follows_sentiment:
        announce(NOTICE)
    next_rows = [rows[place] for place in learned.next_rows]
    chosen = [texts[row] for row in next_rows]
    probable: Sequence[tuple[str | None, float | None]] = learned.suggest(chosen)
    if not probable:
        probable = [(None, None)] * len(chosen)
    return [
        Suggestion(row, text, label, probability)
        for row, text, (label, probability) in zip(next_rows, chosen, probable, strict=True)
    ]


def _candidates(number: int, known: Iterable[int], seed: int) -> list[int]:
    """Return at most ``MAX_CANDIDATES`` of the rows, drawn at random, and those with labels."""
    if number <= MAX_CANDIDATES:
        return list(range(number))
    drawn = np.random.default_rng(seed).choice(number, MAX_CANDIDATES, replace=False)
    return sorted({*drawn.tolist(), *known})


def known_labels(texts: Sequence[str], labels: Sequence[str | None]) -> dict[int, str]:
    """Return the label of each row that has one.

    Raises:
        InputError: there are not as many labels as texts.

    """
    if len(labels) != len(texts):
        raise InputError(
            f"there are {len(labels):,} labels for {len(texts):,} texts",
            "give a label for each text, and None where there is none",
        )
    return {row: str(label) for row, label in enumerate(labels) if label not in (None, "")}
