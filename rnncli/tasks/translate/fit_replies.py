"""Fitting of the answers to frequent questions, on training questions that are left out in turn.

Shapes: N training questions, A answers.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis.calibration import fit_logistic
from rnncli.analysis.string_metrics import exact_matches
from rnncli.data.numbering import number_texts, recur
from rnncli.messages import Announce, stage
from rnncli.tasks.translate.predict import Translator
from rnncli.tasks.translate.replies import Questions, Replies
from rnncli.text.sentences import clean

MAX_QUESTIONS = 3_000  # more are sampled: solving takes time N ** 3
MAX_HELD_OUT = 200  # pairs by which it is estimated how often the network is right
PENALTY = 0.3  # accuracy is the same from 0.1 to 1
# One of so many questions counts as if no other had its answer: as far from all is a question that
# has none of the answers. Without these, such questions were answered nearly as surely as others.
UNANSWERED = 5

Pairs = tuple[Sequence[str], Sequence[str]]  # questions and answers
_Matrix = NDArray[np.floating[Any]]


@stage("looking for answers that recur")
def fit_replies(
    train: Pairs, held_out: Pairs, translator: Translator, announce: Announce
) -> Replies | None:
    """Fit the answers to frequent questions; None where answers do not recur, or writing is better.

    An answer is looked up where its score makes it likelier to be right than what the network
    writes. How likely each is follows from training questions that are left out, and from questions
    that are held out.
    """
    questions, answers = (list(map(clean, side)) for side in train)
    if not recur(number_texts(questions), number_texts(answers)):
        return None
    numbers = {answer: number for number, answer in enumerate(dict.fromkeys(answers))}
    rows = np.array([numbers[answer] for answer in answers])
    known = Questions.of(questions)
    one_hot = np.eye(len(numbers))[rows]  # (N, A)
    inverse = np.linalg.inv(known.similarity(known.texts) + PENALTY * np.eye(len(rows)))
    dual = inverse @ one_hot
    left_out = one_hot - dual / inverse.diagonal()[:, None]  # scores without the question's row
    highest, right = left_out.max(1), left_out.argmax(1) == rows
    unanswered = _without_answer(one_hot, dual, inverse)[::UNANSWERED]
    _, intercept, slope = fit_logistic(
        np.append(highest, unanswered), np.append(right, np.zeros(len(unanswered), np.bool_))
    )
    replies = Replies(known, list(numbers), rows, dual.astype(np.float32), intercept, slope)
    texts, references = held_out
    written = exact_matches(
        [translation.text for translation in translator(texts)], list(map(clean, references))
    )
    min_score = _min_score(highest, right, replies.scores(texts).max(1), written)
    is_kept = min_score < highest.max()
    announce(
        f"answers: {len(numbers):,} recur; looked up by their questions, {100 * right.mean():.0f} %"
        " are right, each question left out in turn; of those that the network writes to held-out "
        f"questions, {100 * written.mean():.0f} %: "
        + ("it writes where no question is near" if is_kept else "it writes them all")
    )
    return replace(replies, min_score=min_score) if is_kept else None


def _without_answer(one_hot: _Matrix, dual: _Matrix, inverse: _Matrix) -> _Matrix:
    """Return the highest score (N,) of each question, all that have its answer left out."""
    highest = np.empty(len(one_hot))
    for column in one_hot.T:
        rows = np.flatnonzero(column)
        change = np.linalg.solve(inverse[np.ix_(rows, rows)], dual[rows])
        highest[rows] = (one_hot[rows] - change).max(1)
    return highest


def _min_score(
    scores: _Matrix, right: NDArray[np.bool_], held_out: _Matrix, written: NDArray[np.bool_]
) -> float:
    """Return the score from which on looking up is likelier to be right than writing.

    ``right`` tells which answers with these ``scores`` are, ``written`` which that were written to
    questions with the scores ``held_out``.
    """
    _, intercept, slope = fit_logistic(scores, right)
    _, written_intercept, written_slope = fit_logistic(held_out, written)
    if slope > written_slope:
        return (written_intercept - intercept) / (slope - written_slope)
    return 0.0 if right.mean() >= written.mean() else np.inf
