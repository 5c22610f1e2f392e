"""The state of labels while a person gives them: what each text has, and how to take it back."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from shlex import quote

from rnncli.data.columns import Columns
from rnncli.data.partly_labelled import PartlyLabelled, read_labelled_texts
from rnncli.errors import DataError
from rnncli.messages import name_list, plural
from rnncli.storage.atomic_files import free_path, write_bytes
from rnncli.tasks.labelling.journal import Answer, Entry, Journal, Undo, read_journal
from rnncli.tasks.labelling.label_file import HEADER, header_with, is_label_file
from rnncli.text.tables import csv_line


class LabelState:
    """The label of each text that has one, and the answers that led there.

    Equal texts have one label.
    """

    def __init__(self, labels: dict[str, str], entries: Iterable[Entry] = ()) -> None:
        """Begin with labels, and apply the entries of a journal."""
        self.labels = labels
        self.answered: Counter[str] = Counter()  # answers to each text that has one, or was skipped
        self._history: list[tuple[str, str | None]] = []  # texts, and the label of each before
        for entry in entries:
            self.apply(entry)

    @property
    def can_undo(self) -> bool:
        """Whether there is an answer to take back."""
        return bool(self._history)

    def is_done(self, text: str) -> bool:
        """Return whether a text has a label, or was skipped."""
        return text in self.labels or text in self.answered

    def apply(self, entry: Entry) -> str | None:
        """Apply an answer, or take the last one back; return its text."""
        if isinstance(entry, Answer):
            self._history.append((entry.text, self.labels.get(entry.text)))
            self.answered[entry.text] += 1
            if entry.label is not None:
                self.labels[entry.text] = entry.label
            return entry.text
        if not self._history:
            return None
        text, before = self._history.pop()
        self.answered[text] -= 1
        self.answered += Counter()  # without those that are zero
        if before is None:
            self.labels.pop(text, None)
        else:
            self.labels[text] = before
        return text


class Session:
    """Give labels to texts, and keep them: first in a journal, at the end in a CSV."""

    def __init__(self, output: Path, rows: PartlyLabelled) -> None:
        """Go on from the labels of the texts, of the file ``output`` and of its journal.

        Raises:
            DataError: the file holds something else, or another process writes it.

        """
        self.output = output
        self._data = rows
        labels = first_labels(rows.texts, rows.labels) | _read_output(output, rows)
        self.journal = journal_of(output)
        self._journal = Journal(self.journal)
        _require_same_texts(self.journal, output, rows.texts, self._journal.entries)
        self.state = LabelState(labels, self._journal.entries)

    def answer(self, text: str, label: str | None) -> None:
        """Give a text a label, or skip it, and return when that is on the disk."""
        self._add(Answer(text, label))

    def undo(self) -> str | None:
        """Take the last answer back and return its text; None if there is none."""
        return self._add(Undo()) if self.state.can_undo else None

    def finish(self) -> None:
        """Write all labels into the CSV, which is replaced as a whole, and remove the journal.

        Raises:
            DataError: the data has changed meanwhile, and the journal is kept.

        """
        if self.state.labels:
            lines = (csv_line(row) + "\n" for row in self._rows())
            write_bytes(self.output, "".join(lines).encode("utf-8", "replace"))
        self._journal.remove()

    def _add(self, entry: Entry) -> str | None:
        self._journal.append(entry)
        return self.state.apply(entry)

    def _rows(self) -> Iterable[Sequence[str]]:
        """Yield each row whose text has a label, in the order of the data."""
        labels, texts, others = self.state.labels, self._data.texts, self._data.others
        yield header_with(others.names)
        if not others.names:
            yield from ((text, labels[text]) for text in texts if text in labels)
            return
        for text, row in zip_longest(texts, others.rows()):
            if row is None or row[0] != text:
                raise DataError(
                    f"the data has changed since it was read; the labels are in {self.journal}",
                    "put it back as it was: the same command then writes them",
                )
            if text in labels:
                yield text, labels[text], *row[1]


def journal_of(output: Path) -> Path:
    """Return the path of the journal beside a file of labels."""
    return output.with_name(f"{output.name}.journal")


def labels_so_far(output: Path, rows: PartlyLabelled) -> dict[str, str]:
    """Return the label of each text so far, without opening anything for writing.

    Raises:
        DataError: the file of labels holds something else.

    """
    labels = first_labels(rows.texts, rows.labels) | _read_output(output, rows)
    entries = read_journal(journal_of(output))
    _require_same_texts(journal_of(output), output, rows.texts, entries)
    return LabelState(labels, entries).labels


def require_output(output: Path, data: Sequence[str]) -> None:
    """Check that labels can be written, and not over the data.

    Raises:
        DataError: there is no folder for them, or the name is that of the data or of no CSV.

    """
    real = Path(os.path.realpath(output))
    if output.suffix.lower() != ".csv":
        name = quote(f"{output.stem or 'labelled'}.csv")
        raise DataError(f"labels are written as CSV, and {output} has another ending", f"-o {name}")
    if not real.parent.is_dir():
        folder = quote(str(output.parent))
        raise DataError(f"the folder {output.parent} does not exist", f"mkdir -p {folder}")
    if any(name != "-" and Path(os.path.realpath(name)) == real for name in data):
        raise DataError(
            f"{output} is the data itself, which is never written to", "-o reviewed.csv"
        )


def first_labels(texts: Sequence[str], labels: Sequence[str]) -> dict[str, str]:
    """Return the first label of each text that has one."""
    first: dict[str, str] = {}
    for text, label in zip(texts, labels, strict=True):
        if label:
            first.setdefault(text, label)
    return first


def _read_output(output: Path, data: PartlyLabelled) -> dict[str, str]:
    """Return the labels of a file that was written before; none where there is no file.

    Raises:
        DataError: it is no such file, or it has other texts, or columns that would be lost.

    """
    if not output.exists():
        return {}
    if not is_label_file(output):
        message = f"{output} exists and is no file of labels of rnncli label"
        raise DataError(message, f"-o {quote(str(free_path(output)))}")
    rows = read_labelled_texts([str(output)], Columns(*HEADER))
    _require_same_texts(output, output, data.texts, [Answer(text, None) for text in rows.texts])
    if lost := [name for name in rows.others.names if name not in header_with(data.others.names)]:
        raise DataError(
            f"{output} has columns that the data has not: {name_list(lost)}",
            f"-o {quote(str(free_path(output)))}",
        )
    return first_labels(rows.texts, rows.labels)


def _require_same_texts(
    path: Path, output: Path, texts: Sequence[str], entries: Iterable[Entry]
) -> None:
    """Check that all labels of a file are of these texts: that they are of the same work.

    Raises:
        DataError: some are of other texts.

    """
    labelled = {entry.text for entry in entries if isinstance(entry, Answer)}
    if others := len(labelled.difference(texts)):
        raise DataError(
            f"{path} holds labels of other texts: {others:,} of its "
            f"{plural(len(labelled), 'text')} are not in the data",
            f"-o {quote(str(free_path(output)))}",
        )
