"""The texts that are worth a label most."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rnncli.errors import InputError
from rnncli.tasks.labelling.learner import Learner
from rnncli.text.arguments import as_texts


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
) -> list[Suggestion]:
    """Return the ``n`` texts that are worth a label most; ``labels`` has None where there is none.

    Until there are 50 labels they are texts of every kind; then also those in doubt.

    Raises:
        InputError: ``texts`` is no list of texts, or ``labels`` has another length.

    """
    texts = as_texts(texts)
    known = known_labels(texts, [None] * len(texts) if labels is None else labels)
    blank = {row for row, text in enumerate(texts) if not text or text.isspace()}
    if len(blank | known.keys()) == len(texts):
        return []
    learned = Learner(texts, known, seed).learn(known, blank, n)
    chosen = [texts[row] for row in learned.next_rows]
    probable: Sequence[tuple[str | None, float | None]] = learned.suggest(chosen)
    if not probable:
        probable = [(None, None)] * len(chosen)
    return [
        Suggestion(row, text, label, probability)
        for row, text, (label, probability) in zip(learned.next_rows, chosen, probable, strict=True)
    ]


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
