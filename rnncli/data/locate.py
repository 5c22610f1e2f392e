"""Find the data that was typed; a word is a file, a bundled corpus or one of the hub."""

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rnncli.config import Task
from rnncli.data.columns import Columns
from rnncli.data.corpora import BUNDLED, BUNDLED_LICENCE, DEFAULT_CORPUS, PUBLIC, bundled_path
from rnncli.data.files import from_aligned_files, from_file, from_stream
from rnncli.data.folders import from_folder
from rnncli.data.tables import DataSource
from rnncli.errors import DataError
from rnncli.messages import did_you_mean
from rnncli.text.files import STDIN
from rnncli.text.tables import format_of_name

_ADDRESS = re.compile(r"([A-Za-z][\w+.-]+):/+(?=.)")  # of a path, pathlib leaves one slash
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(:.+)?")
_FILE_NAME = re.compile(r"[./~\\].*|.*\\.*|.*/.*/.*|.*/.*\.[A-Za-z][A-Za-z0-9]{0,5}")


def locate(
    data: Sequence[str],
    columns: Columns,
    task: Task | None,
    revision: str | None,
    limits: Mapping[str, int] | None = None,
) -> DataSource:
    """Find and open what was typed; where a ``task`` is named, content is read in its favour.

    Of what would have to be downloaded, as much is taken as lies within the ``limits``.

    Raises:
        DataError: there is no such thing, or it cannot be read.
    """
    if len(data) == 1 and is_on_hub(data[0]):
        from rnncli.data.hub import from_hub  # takes a second

        return from_hub(data[0], revision, limits or {})
    if revision is not None:
        raise DataError(
            f"{' '.join(data) or DEFAULT_CORPUS} is not on the hub and has no revisions",
            "leave --revision out",
        )
    match data:
        case []:
            source = _from_bundled(DEFAULT_CORPUS, columns)
            return replace(source, notices=(f"data: the bundled {DEFAULT_CORPUS}",))
        case ["-"]:
            return from_stream(sys.stdin.buffer, STDIN, columns, task)
        case [name] if is_bundled(name):
            return _from_bundled(name, columns)
        case [name] if _exists(name) and Path(name).is_dir():
            return from_folder(Path(name))
        case [name]:
            return from_file(existing_file(name, corpora=[*BUNDLED, *PUBLIC]), columns, task)
        case [first, second]:
            return _from_two_files(existing_file(first), second)
    raise DataError(
        f"{len(data)} inputs, but only one file, or two line-aligned ones, can be read",
        f"join them first: {_joined(data)} | rnncli train -",
    )


def _from_bundled(name: str, columns: Columns) -> DataSource:
    source = from_file(bundled_path(name), columns, where=name)
    return replace(source, licence=BUNDLED_LICENCE)


def _from_two_files(first: Path, second: str) -> DataSource:
    """Open aligned files; the second one may be named without the directory of both."""
    beside = first.parent / second
    if _exists(second) or not _is_file(str(beside)):
        return from_aligned_files(first, existing_file(second))
    notice = f"second file: {beside}, beside the first"
    return replace(from_aligned_files(first, beside), notices=(notice,))


def _is_file(name: str) -> bool:
    """Say whether a file, a pipe or a device has this name."""
    return _exists(name) and not Path(name).is_dir()


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # too long for a name, such as a text given by mistake
        return False


def _is_broken_link(name: str) -> bool:
    try:
        return Path(name).is_symlink() and not Path(name).exists()
    except (OSError, ValueError):
        return False


def is_bundled(name: str) -> bool:
    """Return whether data of this name comes with rnncli; a file of the same name goes first."""
    return name in BUNDLED and not _is_file(name)


def is_on_hub(name: str) -> bool:
    """Return whether data of this name is looked for on the hub."""
    if name == "-" or name in BUNDLED or _is_file(name):
        return False
    if name.partition(":")[0] in PUBLIC:
        return True
    if "://" in name or _looks_like_file(name) or _exists(name):
        return False
    return bool(_HUB_ID.fullmatch(name))


def _looks_like_file(name: str) -> bool:
    return format_of_name(name) is not None or bool(_FILE_NAME.fullmatch(name))


def existing_file(name: str, corpora: Sequence[str] = (), option: str | None = None) -> Path:
    """Return the path of an existing file, which is the value of an ``option`` perhaps.

    Raises:
        DataError: there is none, and the hint names what was perhaps meant, one of ``corpora`` too.
    """
    if _is_file(name):
        return Path(name)
    if _exists(name):
        raise _is_directory(Path(name), option)
    if _ADDRESS.match(name):
        address = _ADDRESS.sub(r"\1://", name)
        raise DataError(
            f"{address} is an address, not a file, and nothing is fetched from there",
            f"fetch it first: curl -L -o {_file_of_address(address)} {shlex.quote(address)}",
        )
    if _is_broken_link(name):
        raise DataError(
            f"{name} is a link to {Path(name).readlink()}, which does not exist",
            f"name the file itself, or see where it is: ls -l {shlex.quote(name)}",
        )
    look = f"see what is there: ls {shlex.quote(str(Path(name).parent))}"
    if _looks_like_file(name) or not corpora:
        raise DataError(f"no such file: {name}", _similar_file(name) or look)
    raise DataError(
        f"there is no file and no known corpus {name!r}",
        did_you_mean(name, corpora)
        or _similar_file(name)
        or f"name a file, a dataset of the hub as org/name, or one of: {', '.join(corpora)}",
    )


def _is_directory(path: Path, option: str | None) -> DataError:
    look = f"ls {shlex.quote(str(path))}"
    files = sorted(each for each in path.iterdir() if each.is_file())
    if not files:
        return DataError(f"{path} is a directory without files", look)
    command = look if option is None else f"{option} {shlex.quote(str(files[0]))}"
    return DataError(f"{path} is a directory", f"name a file in it: {command}")


def _joined(names: Sequence[str]) -> str:
    """Return a command that writes files one after another, the header of tables once."""
    if format_of_name(names[0]) in ("csv", "tsv"):
        return f"(cat {shlex.quote(names[0])}; tail -q -n +2 {shlex.join(names[1:])})"
    return f"cat {shlex.join(names)}"


def _file_of_address(address: str) -> str:
    """Return a name for the file at an address."""
    name = address.partition("?")[0].rstrip("/").rpartition("/")[2]
    return shlex.quote(name if "." in name else f"{name or 'data'}.csv")


def _similar_file(name: str) -> str | None:
    """Return a question after the files in the same folder whose names look like this one."""
    path = Path(name)
    try:
        neighbours = [str(each) for each in path.parent.iterdir()]
    except OSError:
        return None
    return did_you_mean(str(path), neighbours, prefix=str(path)[: -len(path.name)])
