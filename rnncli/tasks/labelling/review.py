"""What a person is asked when labels are looked through: those that are probably wrong."""

from collections import Counter
from collections.abc import Mapping, Sequence

from rnncli.data.partly_labelled import PartlyLabelled
from rnncli.messages import Announce
from rnncli.tasks.labelling.questions import Question
from rnncli.tasks.labelling.session import LabelState
from rnncli.tasks.labelling.suspects import Suspect, suspects

MAX_TWINS = 3  # near-duplicates that are shown


def questions_of_review(
    rows: PartlyLabelled, state: LabelState, *, has_sentiment: bool, announce: Announce
) -> list[Question]:
    """Return texts that have several labels, then those whose label is probably wrong."""
    labels = [
        (label if text not in state.answered else "") or state.labels.get(text, "")
        for text, label in zip(rows.texts, rows.labels, strict=True)
    ]
    questions = [
        Question(text, counts.most_common(1)[0][0], notes=(f"labels so far: {_counted(counts)}",))
        for text, counts in _several_labels(rows.texts, labels).items()
    ]
    seen = {question.text for question in questions}
    for each in suspects(rows.texts, labels, has_sentiment=has_sentiment, announce=announce):
        if each.text not in seen:
            seen.add(each.text)
            questions.append(_question(each, rows.texts, labels))
    return questions


def _question(suspect: Suspect, texts: Sequence[str], labels: Sequence[str]) -> Question:
    twins = [f"alike: {labels[row]}: {texts[row]}" for row in suspect.near_duplicates[:MAX_TWINS]]
    return Question(
        suspect.text,
        suspect.likely_label,
        suspect.probability,
        notes=(f"label so far: {suspect.label} (s keeps it)", *twins),
    )


def _several_labels(texts: Sequence[str], labels: Sequence[str]) -> dict[str, Counter[str]]:
    """Return the texts that occur with different labels, and how often with each."""
    counts: dict[str, Counter[str]] = {}
    for text, label in zip(texts, labels, strict=True):
        if label:
            counts.setdefault(text, Counter())[label] += 1
    return {text: each for text, each in counts.items() if len(each) > 1}


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{label} ({number:,})" for label, number in counts.items())
