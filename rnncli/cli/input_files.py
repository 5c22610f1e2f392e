"""The files that ``-i`` names: one, or those of folders and patterns."""

import glob
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from rnncli.errors import ConfigError, DataError

_WILDCARD = re.compile(r"[*?\[]")
_SHARD = re.compile(r"(\d+)/(\d+)")


class InputFile(NamedTuple):
    """One of many files."""

    path: Path
    name: str  # below the folder or the beginning of the pattern: also that of its output


@dataclass(frozen=True)
class Shard:
    """A part of the files, for one of several machines: every ``count``-th, from ``number`` on."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str | None) -> "Shard":
        """Read ``3/16``; None is the whole.

        Raises:
            ConfigError: it is no such fraction.
        """
        if text is None:
            return cls(1, 1)
        match = _SHARD.fullmatch(text)
        number, count = (int(part) for part in match.groups()) if match else (0, 0)
        if not 1 <= number <= count:
            raise ConfigError(
                f"--shard is {text!r}, not the number of a part and the number of parts",
                "of sixteen machines, on the third: --shard 3/16",
            )
        return cls(number, count)

    def of(self, files: Sequence[InputFile]) -> list[InputFile]:
        """Return the files of this part."""
        return list(files[self.number - 1 :: self.count])


def require_file(file: Path) -> None:
    """Check that there is something to read.

    Raises:
        DataError: it is a directory, an address, a link to nothing, or not there.
    """
    if file.is_dir() or not file.exists():
        from rnncli.data.locate import existing_file  # only for the error

        existing_file(str(file), option="-i")


def is_pattern(path: Path) -> bool:
    """Return whether a path stands for the files that match it; a file of this name goes first."""
    return bool(_WILDCARD.search(str(path))) and not path.exists()


def find_files(inputs: Sequence[Path], output: Path | None) -> list[InputFile]:
    """Return the files that paths stand for, sorted by the names of their outputs.

    Hidden files are left out where they are not named themselves.

    Raises:
        DataError: a path is no file, or there is none at all.
        ConfigError: two outputs would have the same name, or a file lies where outputs go.
    """
    files: dict[str, Path] = {}
    for path, name in (found for named in inputs for found in _files_of(named)):
        if files.setdefault(name, path) != path:
            raise ConfigError(
                f"{files[name]} and {path} have the same name, and so would their outputs",
                "name the folder that holds both folders: -i FOLDER",
            )
    if not files:
        folder = inputs[0] if inputs[0].is_dir() else _root(inputs[0])
        raise DataError(
            f"there is no file: {shlex.join(map(str, inputs))}",
            f"see what is there: ls {shlex.quote(str(folder))}",
        )
    if output is not None:
        _require_apart(inputs, files.values(), output)
    return [InputFile(files[name], name) for name in sorted(files)]


def _files_of(named: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files that a path stands for, each with its name below their folder."""
    if named.is_dir():
        for folder, folders, names in os.walk(named, followlinks=True):
            folders[:] = [
                name
                for name in folders
                if not name.startswith(".") and not _leads_back(Path(folder, name), named)
            ]
            for name in names:
                path = Path(folder, name)
                if not name.startswith(".") and path.is_file():
                    yield path, str(path.relative_to(named))
    elif is_pattern(named):
        root = _root(named)
        leads_back = cache(partial(_leads_back, root=root))
        # Unlike pathlib's, it leaves hidden files out.
        for path in map(Path, glob.iglob(str(named), recursive=True)):  # noqa: PTH207
            if path.is_file() and not leads_back(path.parent):
                yield path, str(path.relative_to(root))
    else:
        require_file(named)
        yield named, named.name


def _leads_back(folder: Path, root: Path) -> bool:
    """Return whether a link between the root and a folder leads to a folder that it lies in."""
    return any(
        path.is_symlink() and path.resolve() in [p.resolve() for p in path.absolute().parents]
        for path in (folder, *folder.parents)
        if path != root and path.is_relative_to(root)
    )


def _root(path: Path) -> Path:
    """Return the folder of a file, or that in which a pattern begins to match."""
    parents = [parent for parent in path.parents if not _WILDCARD.search(str(parent))]
    return parents[0]


def _require_apart(inputs: Sequence[Path], files: Iterable[Path], output: Path) -> None:
    """Check that no input is an output, of this run or of the next one."""
    folder = output.resolve()
    folders = (path for path in inputs if path.is_dir() and folder.is_relative_to(path.resolve()))
    inside = (path for path in files if path.resolve().is_relative_to(folder))
    for path in chain(folders, inside):
        raise ConfigError(
            f"{path} is input, and the answers would go into {output}, among the inputs",
            f"name another folder: -o {shlex.quote(f'{output.resolve().name}-answers')}",
        )


def quoted_pattern(input: Path, texts: Sequence[str]) -> str | None:
    """Return the command that was typed with a pattern in quotation marks.

    None where ``texts``, which follow the input, are not what a shell makes of a pattern: files.
    """
    names = [str(input), *texts]
    if not all(map(os.path.isfile, names)) or len({Path(name).parent for name in names}) > 1:
        return None
    endings = {"".join(Path(name).suffixes) for name in names}
    pattern = str(input.parent / f"*{endings.pop() if len(endings) == 1 else ''}")
    words = (pattern if word == str(input) else word for word in sys.argv[1:] if word not in texts)
    return shlex.join(["rnncli", *words])
