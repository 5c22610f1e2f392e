"""Folders of classes: neg/ and pos/ with a text in each file, perhaps below train/ and test/."""

import hashlib
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rnncli.data.recordings import AUDIO, TRANSCRIPT, read_recordings, recordings_in
from rnncli.data.tables import SPLIT_NAMES, DataSource, Table
from rnncli.data.text_tables import ClassFolders, text_files
from rnncli.errors import DataError
from rnncli.messages import name_list, plural
from rnncli.text.tables import format_of_name

WITHOUT_LABELS = ("unsup", "unlabelled", "unlabeled")  # folders of texts that are no class


def from_folder(path: Path) -> DataSource:
    """Open a folder whose folders are classes, or the parts train/ and test/ with classes in them.

    Raises:
        DataError: it is another kind of folder.
    """
    parts = {
        split: folder
        for split, names in SPLIT_NAMES.items()
        for folder in _folders(path)
        if folder.name.casefold() in names
    } or {"train": path}
    found = {split: recordings_in(folder) for split, folder in parts.items()}
    if any(found.values()):
        recordings = {split: files for split, files in found.items() if files}
        return _from_recordings(path, parts, recordings)
    tables: dict[str, ClassFolders] = {}
    left_out: list[str] = []
    for split, folder in parts.items():
        classes = [child for child in _folders(folder) if text_files(child)]
        left_out += [child.name for child in classes if child.name in WITHOUT_LABELS]
        classes = [child for child in classes if child.name not in WITHOUT_LABELS]
        if len(classes) > 1:
            tables[split] = ClassFolders(str(path), classes)
    if not tables:
        raise _no_classes(path)
    files = (file for table in tables.values() for file, _ in table.files)
    labels = sorted({label for table in tables.values() for _, label in table.files})
    notices = [f"format: a folder for each class: {name_list(labels)}"]
    notices += (
        [f"folders left out: {', '.join(left_out)}, as they are no class"] if left_out else []
    )
    return DataSource(str(path), {**tables}, _digest(files), notices=tuple(notices))


def _from_recordings(
    path: Path, parts: Mapping[str, Path], files: Mapping[str, Sequence[Path]]
) -> DataSource:
    """Open folders of WAV files, one for each split."""
    found = {split: read_recordings(parts[split], files[split]) for split in files}
    tables: dict[str, Table] = {split: table for split, (table, _) in found.items()}
    notices = tuple(notice for _, notice in found.values())
    digest = _digest(file for each in files.values() for file in each)
    columns = {name: name for name in (AUDIO, TRANSCRIPT)}
    return DataSource(str(path), tables, digest, notices=notices, known_columns=columns)


def _folders(path: Path) -> list[Path]:
    return sorted(child for child in path.iterdir() if child.is_dir() and child.name[:1] != ".")


def _digest(files: Iterable[Path]) -> str:
    """Return a sha256 of the names and contents of files."""
    digest = hashlib.sha256()
    for file in files:
        size = file.stat().st_size
        digest.update(f"{file.parent.name}/{file.name} {size}\n".encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _no_classes(path: Path) -> DataError:
    files = sorted(filter(Path.is_file, path.iterdir()))
    tables = [file for file in files if format_of_name(file.name) not in (None, "text")]
    texts = [file for file in files if format_of_name(file.name) == "text"]
    if tables:
        hint = f"name a file in it: rnncli train {shlex.quote(str(tables[0]))}"
    elif texts:
        pattern = f"{shlex.quote(str(path))}/*{texts[0].suffix}"
        copy = shlex.quote(f"{path.resolve().name}.txt")
        hint = (
            f"give its texts labels: rnncli label {shlex.quote(str(path))}\n   or, to write more "
            f"of the kind or score such writing, join them: cat {pattern} > {copy}"
        )
    else:
        hint = f"name a file in it: ls {shlex.quote(str(path))}"
    return DataError(
        f"{path} is a directory ({plural(len(files), 'file')}), and not one of class folders, "
        "such as pos/ and neg/ with a text in each file",
        hint,
    )
