"""Labels given by a person: their accuracy, agreement, keys, and what is asked next."""

import hashlib
import subprocess
import sys

import pytest
from feedback import MESSAGES as TEXTS
from feedback import label_of

from rnncli.cli.label_keys import LabelKeys
from rnncli.data.columns import ANY_COLUMNS
from rnncli.data.partly_labelled import read_labelled_texts
from rnncli.tasks.labelling.accuracy import Share, progress
from rnncli.tasks.labelling.agreement import agreement
from rnncli.tasks.labelling.journal import Answer, Undo
from rnncli.tasks.labelling.learner import HeldOutLabels, Learner
from rnncli.tasks.labelling.questions import RANDOM_EVERY, ActiveQuestions
from rnncli.tasks.labelling.session import LabelState


def test_intervals_are_those_of_wilson() -> None:
    # Values of the formula, and its limits: with nothing known, everything is possible.
    assert Share(0, 0).interval == (0.0, 1.0)
    assert Share(8, 10).interval == pytest.approx((0.490, 0.943), abs=1e-3)
    assert Share(10, 10).interval == pytest.approx((0.722, 1.0), abs=1e-3)
    assert Share(83, 100).describe() == "83 % (74 to 89 %)"


def test_accuracy_is_that_of_the_random_sample_alone() -> None:
    labels = dict.fromkeys(range(100), "a") | dict.fromkeys(range(50, 100), "b")
    held_out = HeldOutLabels(tuple(range(100)), ("a",) * 100, {2: ("b",) * 100})
    found = progress(held_out, labels, range(30, 80))
    assert found.accuracy == Share(20, 50)
    assert found.by_label == {"a": Share(20, 20), "b": Share(0, 30)}
    assert found.describe()[0] == "accuracy 40 % (28 to 54 %), on 50 random texts"
    assert found.curve == {50: 0.6, 100: 0.4}
    assert found.expected == (200, 0.4)  # twice the labels never bring less


@pytest.mark.parametrize(("by_half", "is_small"), [(200, True), (160, False)])
def test_small_gains_are_told(by_half: int, is_small: bool) -> None:
    rows = tuple(range(200))
    labels = dict.fromkeys(rows, "a")
    half = ("a",) * by_half + ("b",) * (200 - by_half)
    by_all = ("a",) * 190 + ("b",) * 10
    gain = progress(HeldOutLabels(rows, by_all, {2: half}), labels, rows).gain
    assert gain is not None
    assert gain.is_small == is_small
    # Of 200 texts the model of all knows 190 and that of a half 160: six tenths of 0.15 more.
    assert gain.of_doubling == pytest.approx(0 if is_small else 0.09)
    few = HeldOutLabels(rows[:30], ("a",) * 30)
    assert progress(few, labels, rows).gain is None


def test_the_sentiment_model_helps_where_labels_follow_sentiment() -> None:
    rows = read_labelled_texts(["reviews"], ANY_COLUMNS)
    texts = rows.texts[:400]
    labels = dict(enumerate(rows.labels[:60]))
    assert Learner(texts).learn(labels).follows_sentiment
    assert not Learner(texts, has_sentiment=False).learn(labels).follows_sentiment
    lengths = {row: "long" if len(texts[row]) > 90 else "short" for row in labels}
    assert not Learner(texts).learn(lengths).follows_sentiment


def test_kappa_is_agreement_beyond_chance() -> None:
    # The example of Cohen's definition with two labels: 35 of 50 alike, 0.5 by chance.
    first = {str(n): "yes" if n < 25 else "no" for n in range(50)}
    second = {str(n): "yes" if n < 20 or n >= 40 else "no" for n in range(50)}
    found = agreement(first, second | {"another": "yes"})
    assert (found.both, found.agreed) == (50, 35)
    assert found.kappa == pytest.approx(0.4)
    assert agreement(first, {}).both == 0
    assert agreement({"t": "a"}, {"t": "a"}).kappa == 1


def test_keys_of_labels_never_change() -> None:
    keys = LabelKeys(["bug", "praise", "spam", "billing"])
    assert [keys.of(label) for label in keys.labels] == ["1 b", "2 p", "3", "4"]
    assert keys.notices == ["spam has the key 3, since s is skip"]
    for number in range(80):
        keys.add(f"label {number}")
    assert keys.of("bug") == "1 b"
    assert keys.of("label 5") == "0"
    taken = list(keys.by_key)
    assert len(taken) == len(set(taken))
    assert not set("usn?q") & set(taken)


def test_the_state_is_that_of_the_answers() -> None:
    entries = [Answer("x", "a"), Answer("y", None), Answer("x", "b")]
    state = LabelState({"x": "first"}, entries)
    assert state.labels == {"x": "b"}
    assert state.is_done("y")
    assert [state.apply(Undo()) for _ in range(4)] == ["x", "y", "x", None]
    assert state.labels == {"x": "first"}
    assert not state.answered
    assert not state.can_undo


def test_one_text_in_four_comes_at_random_and_no_text_twice() -> None:
    questions = ActiveQuestions([*TEXTS, *TEXTS], {})
    state = LabelState({})
    asked: list[str] = []
    while (text := questions.next_text(state)) is not None:
        asked.append(text)
        state.apply(Answer(text, label_of(text)))
        if len(asked) % 10 == 0:
            questions.settle(state)
    assert sorted(asked) == sorted(TEXTS)
    order = sorted(TEXTS, key=lambda text: hashlib.blake2b(text.encode(), digest_size=8).digest())
    drawn = asked[::RANDOM_EVERY]
    assert drawn == sorted(drawn, key=order.index)
    assert questions.progress is not None
    assert questions.progress.accuracy.whole == len(TEXTS)


def test_the_words_that_speak_for_a_suggestion_are_marked() -> None:
    labels = {text: label_of(text) for text in TEXTS[::2]}
    questions = ActiveQuestions(TEXTS, labels)
    state = LabelState(dict(labels))
    questions.settle(state)
    shown = "the violet lamp arrived broken"
    assert questions.question(shown).suggestion == "defect"  # at once, words later
    while not (found := questions.question(shown)).words:
        questions.refresh(state, shown)
    marked = {found.text[start:end] for start, end in found.words}
    assert marked & {"arrived", "broken"}
    assert not marked & {"violet", "lamp"}
    state.apply(Answer(shown, "defect"))
    following = questions.next_text(state)
    assert following is not None
    assert questions.question(following).words  # found before the text is shown


CLOSED = """
import numpy as np
from rnncli.tasks.labelling.background import Background

def compute():
    while True:
        np.unique(numbers)

numbers = np.random.default_rng(0).integers(0, 1 << 40, 100_000)
background = Background()
background.start(compute)
assert background.take(0.2) is None
background.close()
"""


def test_a_closed_computation_lets_the_process_end() -> None:
    # A thread that computes while Python ends aborts the process, with nearly each try.
    done = subprocess.run([sys.executable, "-c", CLOSED], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
