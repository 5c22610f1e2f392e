"""Which text a person is asked about next, and what is known of it."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice, starmap, takewhile
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
        """Return what is known of a text by now."""
        ...

    def refresh(self, state: LabelState, shown: str) -> bool:
        """Return whether more is known than before of what is shown."""
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

    def refresh(self, state: LabelState, shown: str) -> bool:
        """Return False: nothing is learned on the way."""
        del state, shown
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
        self._learning: Background[tuple[Learned, Progress]] = Background()
        self._reading: Background[tuple[Learned, list[Question]]] = Background()
        self.learned: Learned | None = None
        self._queue: tuple[str, ...] = ()
        self._questions: dict[str, Question] = {}  # by the model of now
        self._read_for: str | None = None  # the text that was shown when reading began
        self._answers: int | None = None  # when the last refit began
        self.progress: Progress | None = None

    def next_text(self, state: LabelState) -> str | None:
        """Return a text without a label: one of those worth most, now and then one at random."""
        return self._next_text(state, len(state.answered), None)

    def question(self, text: str) -> Question:
        """Return a text with the label that it probably has, and, if they have been found, words.

        They are found beside the typing, of the text that is shown and of the next one.
        """
        if text in self._questions:
            return self._questions[text]
        return Question(text) if self.learned is None else _suggested(self.learned, text)

    def status(self, state: LabelState) -> Sequence[str]:
        """Return the numbers of labels and of texts, and how good a model of them is."""
        numbers = f"{plural(len(state.labels), 'label')} of {plural(len(self._order), 'text')}"
        if self.progress is None:
            return [numbers, "reading their words"]
        lines = [numbers, *self.progress.describe()]
        if self.learned is not None and self.learned.follows_sentiment:
            lines.append(NOTICE)
        return lines

    def refresh(self, state: LabelState, shown: str) -> bool:
        """Take what was learned meanwhile, and learn again after some answers.

        Returns:
            Whether there is news of the text that is ``shown``, or of how good the model is.

        """
        has_learned = self._learn(state)
        has_read = self._read(state, shown)
        return has_learned or has_read

    def settle(self, state: LabelState) -> None:
        """Learn from all labels, and wait for it."""
        while self._learning.is_running:
            self._learning.take(timeout=1.0)
        self._answers = state.answered.total()
        self._keep(*self._lesson(state)())

    def close(self) -> None:
        """End what goes on beside the typing."""
        self._learning.close()
        self._reading.close()

    def _keep(self, learned: Learned, found: Progress) -> None:
        self.learned, self.progress = learned, found
        self._queue = tuple(self._candidates[row] for row in learned.next_rows)
        self._questions.clear()
        self._read_for = None

    def _next_text(self, state: LabelState, answered: int, shown: str | None) -> str | None:
        """Return the text that comes when so many are answered, and the one that is shown too."""
        queue = self._order if answered % RANDOM_EVERY == 0 else chain(self._queue, self._order)
        return next((text for text in queue if text != shown and not state.is_done(text)), None)

    def _learn(self, state: LabelState) -> bool:
        """Take what was learned, and begin to learn again where it is due."""
        result = self._learning.take()
        if result is not None:
            self._keep(*result)
        answers = state.answered.total()
        is_due = self._answers is None or abs(answers - self._answers) >= self._refit_every
        if is_due and not self._learning.is_running:
            self._answers = answers
            self._learning.start(self._lesson(state))
        return result is not None

    def _read(self, state: LabelState, shown: str) -> bool:
        """Take what was found of texts, and begin with the one that is shown and the next one."""
        is_news = False
        if (result := self._reading.take()) is not None and result[0] is self.learned:
            found = {each.text: each for each in result[1]}
            self._questions |= found
            is_news = shown in found
        if self.learned is not None and not self._reading.is_running and self._read_for != shown:
            self._read_for = shown
            answered = len(state.answered) + (shown not in state.answered)
            ahead = self._next_text(state, answered, shown)
            texts = [each for each in (shown, ahead) if each and each not in self._questions]
            self._reading.start(partial(_explained, self.learned, texts))
        return is_news

    def _lesson(self, state: LabelState) -> Callable[[], tuple[Learned, Progress]]:
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


def _suggested(learned: Learned, text: str) -> Question:
    """Return a text with the label that it probably has, if a model knows."""
    return next(starmap(partial(Question, text), learned.suggest([text])), Question(text))


def _explained(learned: Learned, texts: Sequence[str]) -> tuple[Learned, list[Question]]:
    """Return texts with the labels that they probably have, and the words that speak for them."""
    return learned, [_with_words(learned, _suggested(learned, text)) for text in texts]


def _with_words(learned: Learned, question: Question) -> Question:
    if learned.model is None:
        return question
    read = question.text[:READ_CHARACTERS]
    (spans,) = explain(learned.model, [read])
    is_cut = len(question.text) > len(read)
    if is_cut and learned.suggest([read])[0][0] != question.suggestion:
        spans = []  # they speak for another label than the whole text
    limit = MARKED_SHARE * max((span.score for span in spans), default=0.0)
    words = tuple((each.start, each.end) for each in spans if each.score > limit > 0)
    return replace(question, words=words)


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
