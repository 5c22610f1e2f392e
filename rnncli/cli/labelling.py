"""What ``rnncli label`` does: ask for labels, review them, join two people's, or suggest texts."""

import gc
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rnncli.cli.console import Messenger
from rnncli.cli.dialogue import Dialogue
from rnncli.cli.label_keys import LabelKeys
from rnncli.cli.output import open_output
from rnncli.cli.stages import StageLine
from rnncli.cli.terminal import has_terminal, open_terminal, require_terminal
from rnncli.data.columns import Columns
from rnncli.data.partly_labelled import (
    PartlyLabelled,
    joined,
    read_labelled_texts,
    read_texts,
)
from rnncli.errors import ConfigError
from rnncli.messages import plural
from rnncli.tasks.classify.sentiment_start import is_bundled_reviews
from rnncli.tasks.labelling.accuracy import Progress
from rnncli.tasks.labelling.agreement import agreement
from rnncli.tasks.labelling.questions import ActiveQuestions, ListedQuestions, Question, Questions
from rnncli.tasks.labelling.review import questions_of_review
from rnncli.tasks.labelling.session import Session, first_labels, labels_so_far
from rnncli.tasks.labelling.suggestions import suggest
from rnncli.text.tables import csv_line

SUGGESTED = ("line", "text", "label", "likely_label", "probability")  # columns


@dataclass(frozen=True)
class LabellingRequest:
    """What a person asked for."""

    data: Sequence[str]
    columns: Columns
    output: Path
    labels: Sequence[str]  # to choose from, beside those that texts have already


@dataclass(frozen=True)
class LabellingResult:
    """What was reached."""

    counts: Counter[str]  # texts of each label
    progress: Progress | None = None
    scores: Mapping[str, float] = field(default_factory=dict)  # of two people


def label_texts(request: LabellingRequest, messenger: Messenger) -> LabellingResult:
    """Ask for labels, those worth most first."""
    require_terminal()
    with StageLine(messenger):
        rows = read_texts(request.data, request.columns)
        session = Session(request.output, rows)
        questions = ActiveQuestions(
            rows.texts, session.state.labels, has_sentiment=not is_bundled_reviews(request.data)
        )
    _announce(rows, messenger)
    with closing(questions):
        _ask(session, questions, request, messenger)
        session.finish()
        with StageLine(messenger) as line, line.show("learning from all labels"):
            questions.settle(session.state)
    return LabellingResult(_counts(session), questions.progress)


def review_labels(request: LabellingRequest, messenger: Messenger) -> LabellingResult:
    """Ask about the labels that are probably wrong."""
    require_terminal()
    with StageLine(messenger):
        rows = read_texts(request.data, request.columns)
        session = Session(request.output, rows)
        questions = questions_of_review(
            rows,
            session.state,
            has_sentiment=not is_bundled_reviews(request.data),
            announce=messenger.announce,
        )
    _announce(rows, messenger)
    number = plural(len(questions), "label")
    messenger.announce(f"{number} to look at" if questions else "no label is probably wrong")
    _ask(session, ListedQuestions(questions), request, messenger)
    session.finish()
    return LabellingResult(_counts(session))


def merge_labels(request: LabellingRequest, messenger: Messenger) -> LabellingResult:
    """Join the labels of two people; at a terminal, ask where they differ.

    Raises:
        ConfigError: there are not two files.

    """
    if len(request.data) != 2:
        raise ConfigError(
            f"the labels of two people are joined, and there are {len(request.data)} files",
            "rnncli label --merge first.csv second.csv",
        )
    people = [read_labelled_texts([name], request.columns) for name in request.data]
    first, second = (first_labels(rows.texts, rows.labels) for rows in people)
    differing = {text for text in first if second.get(text, first[text]) != first[text]}
    texts = list(dict.fromkeys([*first, *second]))
    labels = ["" if text in differing else first.get(text) or second[text] for text in texts]
    session = Session(request.output, PartlyLabelled(texts, labels, [], joined(texts, people)))
    found = agreement(first, second)
    messenger.announce(
        f"{plural(found.both, 'text')} labelled by both, {found.agreed:,} alike; "
        f"Cohen's kappa {found.kappa:.2f}"
    )
    state = session.state
    one, other = request.data
    questions = [
        Question(text, notes=(f"{one}: {first[text]}", f"{other}: {second[text]}"))
        for text in first
        if text in differing and (text in state.answered or text not in state.labels)
    ]
    if questions and has_terminal():
        _ask(session, ListedQuestions(questions), request, messenger)
    if left := sum(1 for text in differing if text not in state.labels):
        messenger.announce(f"{plural(left, 'text')} left out, which have two labels")
    scores = {"both": found.both, "alike": found.agreed, "kappa": round(found.kappa, 4)}
    session.finish()
    return LabellingResult(_counts(session), scores=scores)


def print_suggestions(
    request: LabellingRequest, number: int, messenger: Messenger, *, as_json: bool
) -> None:
    """Print the rows that are worth a label most."""
    with StageLine(messenger):
        rows = read_texts(request.data, request.columns)
        labels = labels_so_far(request.output, rows)
        lines = dict(zip(reversed(rows.texts), reversed(rows.lines), strict=True))
        texts = list(dict.fromkeys(rows.texts))
        known = [labels.get(text) for text in texts]
        found = suggest(texts, known, number, announce=messenger.announce)
    _announce(rows, messenger)
    with open_output(None, messenger) as write:
        if not as_json:
            write(csv_line(SUGGESTED))
        for each in found:
            probability = None if each.probability is None else round(each.probability, 4)
            values = (lines[each.text], each.text, None, each.label, probability)
            if as_json:
                fields = dict(zip(SUGGESTED, values, strict=True))
                write(json.dumps(fields, ensure_ascii=False))
            else:
                write(csv_line(["" if value is None else value for value in values]))


def _ask(
    session: Session, questions: Questions, request: LabellingRequest, messenger: Messenger
) -> None:
    """Ask questions at the terminal until there is none, or a person ends it."""
    keys = LabelKeys([*request.labels, *session.state.labels.values()])
    try:
        with open_terminal(messenger) as terminal, _no_garbage_collection():
            Dialogue(session, questions, keys, terminal).run()
    except KeyboardInterrupt:
        messenger.announce(
            f"interrupted: what you have done is in {session.journal}, and the same command goes on"
        )
        raise


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Leave garbage in cycles, of which there is none: to look for it stops all threads."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _counts(session: Session) -> Counter[str]:
    return Counter(session.state.labels.values())


def _announce(rows: PartlyLabelled, messenger: Messenger) -> None:
    for notice in rows.notices:
        messenger.announce(notice)
