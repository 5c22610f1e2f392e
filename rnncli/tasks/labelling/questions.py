"""Which text a person is asked about next, and what is known of it."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Protocol

from rnncli.analysis.occlusion import explain
from rnncli.messages import plural
from rnncli.tasks.labelling.accuracy import Progress, progress
from rnncli.tasks.labelling.background import Background
from rnncli.tasks.labelling.learner import Learned, Learner
from rnncli.tasks.labelling.sentiment import NOTICE
from rnncli.tasks.labelling.session import LabelState
from rnncli.tasks.labelling.suggestions import MAX_CANDIDATES

REFIT_EVERY = 5  # answers
AHEAD = 20  # texts that a refit chooses: typing must not wait for the next one
RANDOM_EVERY = 4  # one text of so many comes at random, and tells how good the model is
READ_CHARACTERS = 400  # of a text, whose words are marked: a moment's work
MARKED_SHARE = 0.4  # of the strongest word's evidence, from which a word is marked


@dataclass(frozen=True)
class Question:
    """A text to be labelled."""

    text: str
    suggestion: str | None = None  # the label that it probably has
    probability: float | None = None
    words: tuple[tuple[int, int], ...] = ()  # start and end of those that speak for it
    notes: tuple[str, ...] = ()  # what else a person should know


class Questions(Protocol):
    """Texts to be asked about."""

    progress: Progress | None  # of a model that learns meanwhile

    def next_text(self, state: LabelState) -> str | None:
        """Return the text that comes next; None: there is none."""
        ...

    def question(self, text: str) -> Question:
        """Return what is known of a text."""
        ...

    def refresh(self, state: LabelState) -> bool:
        """Return whether more is known of texts than before."""
        ...

    def status(self, state: LabelState) -> Sequence[str]:
        """Return how far it has come, in one line or more."""
        ...


class ListedQuestions:
    """Questions in a fixed order: wrong labels, or differences between two people."""

    progress: Progress | None = None

    def __init__(self, questions: Sequence[Question]) -> None:
        self._questions = {each.text: each for each in questions}

    def next_text(self, state: LabelState) -> str | None:
        """Return the first text without an answer."""
        return next((text for text in self._questions if text not in state.answered), None)

    def question(self, text: str) -> Question:
        """Return what is known of a text; of one from before, itself alone."""
        return self._questions.get(text, Question(text))

    def refresh(self, state: LabelState) -> bool:
        """Return False: nothing is learned on the way."""
        del state
        return False

    def status(self, state: LabelState) -> Sequence[str]:
        """Return how many have an answer."""
        answered = sum(1 for text in self._questions if text in state.answered)
        return [f"{answered:,} of {plural(len(self._questions), 'text')}"]


class ActiveQuestions:
    """The texts that are worth most, by a model that learns beside the typing."""

    def __init__(
        self,
        texts: Iterable[str],
        labels: Mapping[str, str],
        *,
        has_sentiment: bool = True,
        refit_every: int = REFIT_EVERY,
    ) -> None:
        """Put texts, of which some have ``labels`` already, in a random order.

        Without ``has_sentiment`` the bundled sentiment model is never asked.
        """
        self._has_sentiment, self._refit_every = has_sentiment, refit_every
        self._order = sorted(dict.fromkeys(texts), key=_hash)  # at random, and always the same
        labelled = [text for text in self._order if text in labels]
        others = (text for text in self._order if text not in labels)
        self._candidates = [*labelled, *islice(others, max(MAX_CANDIDATES - len(labelled), 0))]
        self._rows = {text: row for row, text in enumerate(self._candidates)}
        self._learner: Learner | None = None
        self._work: Background[tuple[Learned, Progress]] = Background()
        self.learned: Learned | None = None
        self._queue: deque[str] = deque()
        self._answers: int | None = None  # when the last refit began
        self.progress: Progress | None = None

    def next_text(self, state: LabelState) -> str | None:
        """Return a text without a label: one of those worth most, now and then one at random."""
        self.refresh(state)
        is_drawn = len(state.answered) % RANDOM_EVERY == 0
        while self._queue and state.is_done(self._queue[0]):
            self._queue.popleft()
        if self._queue and not is_drawn:
            return self._queue[0]
        return next((text for text in self._order if not state.is_done(text)), None)

    def question(self, text: str) -> Question:
        """Return a text with the label that it probably has, and the words that speak for it."""
        learned = self.learned
        if learned is None or learned.model is None:
            return Question(text)
        ((label, probability),) = learned.suggest([text])
        read = text[:READ_CHARACTERS]
        (spans,) = explain(learned.model, [read])
        if len(text) > len(read) and learned.suggest([read])[0][0] != label:
            spans = []  # they speak for another label than the whole text
        limit = MARKED_SHARE * max((span.score for span in spans), default=0.0)
        words = tuple((each.start, each.end) for each in spans if each.score > limit)
        return Question(text, label, probability, words if limit > 0 else ())

    def status(self, state: LabelState) -> Sequence[str]:
        """Return the numbers of labels and of texts, and how good a model of them is."""
        numbers = f"{plural(len(state.labels), 'label')} of {plural(len(self._order), 'text')}"
        if self.progress is None:
            return [numbers, "reading their words"]
        lines = [numbers, *self.progress.describe()]
        if self.learned is not None and self.learned.follows_sentiment:
            lines.append(NOTICE)
        return lines

    def refresh(self, state: LabelState) -> bool:
        """Take what was learned meanwhile, and learn again after some answers.

        Returns:
            Whether something was learned.

        """
        result = self._work.take()
        if result is not None:
            self._keep(*result)
        answers = state.answered.total()
        is_due = self._answers is None or abs(answers - self._answers) >= self._refit_every
        if is_due and not self._work.is_running:
            self._answers = answers
            self._work.start(self._learning(state))
        return result is not None

    def settle(self, state: LabelState) -> None:
        """Learn from all labels, and wait for it."""
        while self._work.is_running:
            self._work.take(timeout=1.0)
        self._answers = state.answered.total()
        self._keep(*self._learning(state)())

    def _keep(self, learned: Learned, found: Progress) -> None:
        self.learned, self.progress = learned, found
        self._queue = deque(self._candidates[row] for row in learned.next_rows)

    def _learning(self, state: LabelState) -> Callable[[], tuple[Learned, Progress]]:
        """Return what is to be done in the thread, with a copy of the labels."""
        rows = self._rows
        labels = {rows[text]: label for text, label in state.labels.items() if text in rows}
        skipped = {rows[text] for text in state.answered if text in rows} - labels.keys()
        gone_through = takewhile(state.is_done, self._order)
        sample = {rows[text] for text in gone_through if text in rows} & labels.keys()

        def learn() -> tuple[Learned, Progress]:
            if self._learner is None:  # reads the words of all texts, which takes seconds
                self._learner = Learner(self._candidates, has_sentiment=self._has_sentiment)
            learned = self._learner.learn(labels, skipped, AHEAD)
            return learned, progress(learned.held_out, labels, sample)

        return learn


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
