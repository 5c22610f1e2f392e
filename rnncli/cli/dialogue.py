"""Ask for labels at a terminal: one text, one key."""

from collections import Counter

from rnncli.cli.keyboard import END
from rnncli.cli.label_keys import LabelKeys
from rnncli.cli.terminal import Terminal
from rnncli.cli.views.questions import Page, help_page, question_page
from rnncli.data.cleaning import MISSING
from rnncli.tasks.labelling.questions import Question, Questions
from rnncli.tasks.labelling.session import Session
from rnncli.text.unicode import compose

POLL = 0.05  # seconds, after which the page shows what was learned meanwhile
SCROLL = {"up": -1, "down": 1, "page up": -10, "page down": 10}


class Dialogue:
    """Show one text after another, and carry out what each key says."""

    def __init__(
        self, session: Session, questions: Questions, keys: LabelKeys, terminal: Terminal
    ) -> None:
        self._session = session
        self._questions = questions
        self._keys = keys
        self._terminal = terminal
        self._question: Question | None = None
        self._scroll = 0
        self._message = "; ".join(keys.notices)
        self._name: str | None = None  # of a label, as far as it is typed
        self._is_help = False

    def run(self) -> None:
        """Ask until there is no text left, or a person ends it."""
        self._show(self._questions.next_text(self._session.state))
        while self._question is not None:
            key = self._next_key()
            if key == END or (key == "q" and self._name is None and not self._is_help):
                return
            self._press(key)

    def _next_key(self) -> str:
        """Draw the page, and again whenever there is news, until a key is pressed."""
        assert self._question is not None
        size = None
        while True:
            if size != self._terminal.size:
                size = self._terminal.size
                self._draw(*size)
            shown = self._question.text
            if self._questions.refresh(self._session.state, shown):
                self._question = self._questions.question(shown)
                size = None
            elif (key := self._terminal.key(POLL)) is not None:
                return key

    def _draw(self, width: int, height: int) -> None:
        assert self._question is not None
        state = self._session.state
        message = self._message
        if self._name is not None:
            message = f"label: {self._name}_   (Enter: use this label; Escape: cancel)"
        page = Page(
            self._questions.status(state),
            self._keys,
            Counter(state.labels.values()),
            message,
            self._scroll,
        )
        if self._is_help:
            self._terminal.draw(help_page(page, self._questions.progress, width, height))
        else:
            lines, self._scroll = question_page(self._question, page, width, height)
            self._terminal.draw(lines)

    def _press(self, key: str) -> None:
        """Carry out what a key means."""
        self._message = ""
        if self._is_help:
            self._is_help = False
        elif self._name is not None:
            self._type_name(key)
        elif key in self._keys.by_key:
            self._answer(self._keys.by_key[key])
        elif key in SCROLL:
            self._scroll = max(self._scroll + SCROLL[key], 0)
        elif key == "enter":
            self._take_suggestion()
        elif key == "s":
            self._answer(None)
        elif key == "u":
            self._undo()
        elif key == "n":
            self._name = ""
        elif key == "?":
            self._is_help = True
        else:
            self._message = "no label has this key; ? lists the keys"

    def _answer(self, label: str | None) -> None:
        assert self._question is not None
        self._session.answer(self._question.text, label)
        self._show(self._questions.next_text(self._session.state))

    def _take_suggestion(self) -> None:
        assert self._question is not None
        if self._question.suggestion is None:
            self._message = "there is no suggestion yet: press the key of a label"
        else:
            self._keys.add(self._question.suggestion)
            self._answer(self._question.suggestion)

    def _undo(self) -> None:
        text = self._session.undo()
        if text is None:
            self._message = "there is nothing to take back"
        else:
            self._show(text)

    def _type_name(self, key: str) -> None:
        """Add a character to the name of a label, or do what else a key says."""
        assert self._name is not None
        if key == "enter":
            name, self._name = compose(self._name.strip()), None
            if name in MISSING or not name:
                self._message = f"{name or 'nothing'} is no name of a label"
            else:
                self._message = self._keys.add(name)
                self._answer(name)
        elif key == "escape":
            self._name = None
        elif key == "backspace":
            self._name = self._name[:-1]
        elif key.isprintable() and len(key) == 1:
            self._name += key

    def _show(self, text: str | None) -> None:
        self._question = None if text is None else self._questions.question(text)
        self._scroll = 0
