"""The page that asks for the label of a text."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from rnncli.cli.label_keys import COMMANDS, LabelKeys
from rnncli.messages import plural
from rnncli.tasks.labelling.accuracy import MIN_SAMPLE, MIN_TEXTS, Progress
from rnncli.tasks.labelling.questions import Question
from rnncli.text.unicode import escape_controls

BAR, BAR_WIDTH = "\N{BOX DRAWINGS HEAVY HORIZONTAL}", 40  # of an accuracy of 100 %
MARK = "bold underline"  # seen without colours too
HELP = (
    "A digit or a letter gives the text that label; Enter gives the suggested one.",
    "u  takes the last answer back, as often as you like",
    "s  skips the text",
    "n  names a label, a new one or one of those that have no key",
    "q  ends; what you have done is kept, and the same command goes on",
    "arrows, page up, page down  scroll a long text",
    "",
    "Underlined words speak for the suggested label. One text in four is drawn at random: on these "
    "the accuracy is estimated, each predicted by a model of all other labels.",
    "",
)


@dataclass(frozen=True)
class Page:
    """What stands on the page beside the text."""

    status: Sequence[str]
    keys: LabelKeys
    counts: Counter[str]  # texts of each label
    message: str = ""
    scroll: int = 0  # lines of the text above the page


def question_page(
    question: Question, page: Page, width: int, height: int
) -> tuple[list[Text], int]:
    """Return the lines of a page with a text, and how far that is scrolled in fact."""
    below = [Text(), *_notes(question, width), *_labels(page, question, width), _commands()]
    below.append(Text(page.message, "bold"))
    above = [*_status(page, width), Text()]
    lines = _wrapped(question, width)
    room = max(height - len(above) - len(below), 1)
    first = max(min(page.scroll, len(lines) - room), 0)
    if len(lines) > room:
        last = min(first + room, len(lines))
        above[-1] = Text(f"lines {first + 1} to {last} of {len(lines)}; arrows scroll", "dim")
    shown = lines[first : first + room]
    # Below a short text the rest stays where it is, so that the eye finds it.
    return [*above, *shown, *[Text()] * (room - len(shown)), *below][:height], first


def help_page(page: Page, progress: Progress | None, width: int, height: int) -> list[Text]:
    """Return the lines of a page that explains the keys, and how good each label is."""
    console = Console(width=width)
    paragraphs = (*HELP, *report(page.counts, progress), *learning_curve(progress))
    lines = [
        line for each in paragraphs for line in Text(escape_controls(each)).wrap(console, width)
    ]
    room = max(height - 2, 1)
    end = "any key: back to the text"
    if len(lines) > room:
        end += f"; {plural(len(lines) - room, 'line')} more in a taller window"
    return [*lines[:room], Text(), Text(end, "dim")]


def report(counts: Counter[str], progress: Progress | None) -> Iterator[str]:
    """Yield how many texts each label has, and how many of its random texts are predicted."""
    for label, number in counts.most_common():
        line = f"{label}: {plural(number, 'text')}"
        if number < MIN_TEXTS:
            line += f", at least {MIN_TEXTS} are better"
        if progress is not None and (share := progress.by_label.get(label)) and share.whole:
            line += f"; {share.part:,} of {share.whole:,} random ones predicted correctly"
            if share.whole >= MIN_TEXTS:
                line += f", {share.describe()}"
        yield line


def learning_curve(progress: Progress | None) -> Iterator[str]:
    """Yield the accuracy that models of fewer labels have, and what twice the labels may reach."""
    if progress is None or progress.accuracy.whole < MIN_SAMPLE:
        return
    rows = [(number, value, "") for number, value in progress.curve.items()]
    if progress.expected is not None:
        rows.append((*progress.expected, "  expected"))
    if len(rows) > 1:
        yield "accuracy by number of labels:"
        for number, value, note in rows:
            yield f"{number:7,}  {100 * value:3.0f} %  {BAR * round(BAR_WIDTH * value)}{note}"


def _wrapped(question: Question, width: int) -> list[Text]:
    text = Text(escape_controls(question.text).replace("\t", " "))
    for start, end in question.words:
        text.stylize(MARK, start, end)
    return list(text.wrap(Console(width=width), width))


def _status(page: Page, width: int) -> Iterator[Text]:
    for line in page.status:
        yield from Text(line, "dim").wrap(Console(width=width), width)


def _notes(question: Question, width: int) -> Iterator[Text]:
    for note in question.notes:
        line = Text(" ".join(escape_controls(note).split()))
        line.truncate(width, overflow="ellipsis")
        yield line


def _labels(page: Page, question: Question, width: int) -> Iterator[Text]:
    """Yield the suggestion, and the labels with their keys, as many on a line as fit."""
    if question.suggestion is None:
        yield Text("no suggestion yet" if page.keys.labels else "n names the first label", "dim")
    else:
        sure = "" if question.probability is None else f"  {100 * question.probability:.0f} %"
        yield Text(f"Enter  {escape_controls(question.suggestion)}{sure}", "bold")
    items = [
        f"{page.keys.of(label)}  {escape_controls(label)[:40]} {page.counts[label]}"
        for label in page.keys.labels
    ]
    column = min(max((len(item) for item in items), default=0) + 3, width)
    on_a_line = max(width // max(column, 1), 1)
    for first in range(0, len(items), on_a_line):
        yield Text("".join(item.ljust(column) for item in items[first : first + on_a_line]))


def _commands() -> Text:
    return Text("   ".join(f"{key} {name}" for key, name in COMMANDS.items()), "dim")
