"""Text files as tables: lines, aligned lines, lines that begin with labels, folders of classes."""

import shlex
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from rnncli.data.tables import LineTable, Table, TableRow
from rnncli.errors import DataError
from rnncli.messages import plural
from rnncli.text.conversion import filter_hint
from rnncli.text.files import (
    MAX_LINE_BYTES,
    File,
    read_text,
    read_text_lines,
    read_text_pieces,
)

FASTTEXT_LABEL = "__label__"  # begins each label of fastText's format
_FIRST_LABEL = r"sed -E 's/^(__label__\S+)( __label__\S+)+/\1/'"  # keeps it alone


class TextFile(LineTable):
    """Read plain text, a line a row."""

    is_plain_text = True

    def __init__(self, file: File) -> None:
        super().__init__(file)
        self.names = ("text",)

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
        r"""Yield each line with its ``\n``."""
        for number, line in enumerate(read_text_pieces(self.file, self.losses), start=1):
            yield number, (line,) * len(columns)


class AlignedFiles(Table):
    """Read text files that translate each other line by line, a column each."""

    def __init__(self, files: dict[str, File], *, has_header: bool) -> None:
        """Call the columns as the keys of ``files``; ``has_header`` if those are languages."""
        super().__init__(" and ".join(file.name for file in files.values()))
        self.files = files
        self.names = tuple(files)
        self.has_header = has_header

    @property
    def command_argument(self) -> str:
        """What names both files in a command."""
        return shlex.join(file.name for file in self.files.values())

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
        """Yield lines with the same number.

        Raises:
            DataError: one file has more lines than another; blank ones at its end do not count.
        """
        texts = [self._texts(self.files[name]) for name in columns]
        for number, cells in enumerate(zip_longest(*texts), start=1):
            if None not in cells:
                yield number, cells
            elif any(cell and not cell.isspace() for cell in cells):
                raise self._misaligned()

    def _texts(self, file: File) -> Iterator[str]:
        return read_text_lines(file, self.losses)

    def _misaligned(self) -> DataError:
        lengths = [
            f"{file.name} has {plural(sum(1 for _ in self._texts(file)), 'line')}"
            for file in self.files.values()
        ]
        return DataError(
            ", but ".join(lengths), "line n of one file must translate line n of the other"
        )


class LabelledLines(LineTable):
    """Read fastText's format: ``__label__positive A warm, funny film.``."""

    def __init__(self, file: File) -> None:
        super().__init__(file)
        self.names = ("label", "text")

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
        """Yield the label and the text of each line.

        Raises:
            DataError: a line has several labels.
        """
        lines = enumerate(read_text_lines(self.file, self.losses), start=1)
        for number, line in self.drawn(lines):
            words = line.split(" ")
            labels = [word for word in words if word.startswith(FASTTEXT_LABEL)]
            if len(labels) > 1:
                raise self.error(
                    number,
                    f"{len(labels)} labels, but a classifier learns one for each text",
                    filter_hint(
                        "keep the first of each line", _FIRST_LABEL, self.file.name, "one.txt"
                    ),
                )
            if line.strip():
                text = " ".join(word for word in words if word not in labels).strip()
                cells = {"label": "".join(labels).removeprefix(FASTTEXT_LABEL), "text": text}
                yield number, tuple([cells[name] for name in columns])


class ClassFolders(Table):
    """Read folders of which each holds the texts of one class, a file a text."""

    unit = "file"

    def __init__(self, where: str, folders: Sequence[Path]) -> None:
        super().__init__(where)
        self.names = ("text", "label")
        self.files = [
            (path, folder.name) for folder in folders for path in sorted(text_files(folder))
        ]

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
        """Yield the text of each file and the name of its folder."""
        for number, (path, label) in enumerate(self.files, start=1):
            text = read_text(File(path, str(path)), self.losses, MAX_LINE_BYTES)
            cells = {"text": text, "label": label}
            yield number, tuple([cells[name] for name in columns])


class TextFolder(Table):
    """Read the files of a folder, a file a text."""

    unit = "file"

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self.names = ("text", "file")
        self.files = sorted(text_files(folder))

    def rows(self, columns: Sequence[str]) -> Iterator[TableRow]:
        """Yield the text of each file, without newlines around it, and its name."""
        for number, path in enumerate(self.files, start=1):
            text = read_text(File(path, str(path)), self.losses, MAX_LINE_BYTES)
            cells = {"text": text.strip("\r\n"), "file": path.name}
            yield number, tuple([cells[name] for name in columns])


def text_files(folder: Path) -> list[Path]:
    """Return the files of a folder that may be texts: .txt, or without an ending."""
    return [
        path
        for path in folder.iterdir()
        if path.is_file()
        and not path.name.startswith(".")
        and path.suffix.lower() in (".txt", ".text", "")
    ]
