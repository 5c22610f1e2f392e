"""Replace files of a model directory as a whole.

New files are written into a folder of their own. One rename, to ``checkpoint/next``, makes them the
model; afterwards they are moved to their places, the description last. Whoever reads meanwhile, or
after the process was killed, takes each file from that folder or, once moved, from its place.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rnncli.errors import ModelError
from rnncli.storage.atomic_files import flush, umask
from rnncli.storage.layout import DAMAGED, Layout, require_regular_file


@contextmanager
def replacement(layout: Layout) -> Iterator[Layout]:
    """Yield an empty folder; what is written into it replaces files of the model together.

    The new description lists the files of the model; others are removed.

    Raises:
        OSError: it cannot be written; the model is as before.
        ModelError: the checkpoint is a link.

    """
    require_folder(layout.checkpoint)
    layout.checkpoint.mkdir(parents=True, exist_ok=True)
    complete(layout)
    folder = Path(tempfile.mkdtemp(prefix=".next-", dir=layout.checkpoint))
    try:
        yield Layout(folder)
        for file in folder.iterdir():
            flush(file)
        folder.chmod(0o777 & ~umask())  # mkdtemp makes it private
        flush(folder)
        folder.rename(layout.next)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    flush(layout.checkpoint)
    complete(layout)


def complete(layout: Layout) -> None:
    """Move the files of a replacement to their places, where a process was killed before.

    Raises:
        OSError: they cannot be moved.
        ModelError: the description is damaged, which was not written here.

    """
    if layout.is_being_replaced:
        description = layout.next / layout.config.name
        try:
            text = require_regular_file(description).read_text(encoding="utf-8")
            names = set(json.loads(text)["files"])
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise ModelError(f"{description} is damaged", DAMAGED) from error
        for file in layout.files[:-1]:
            source = layout.next / file.name
            if source.exists():
                source.replace(file)
            elif file in layout.model_files and file.name not in names:
                file.unlink(missing_ok=True)
        description.replace(layout.config)
        flush(layout.root)
    remove(layout.next)


def remove(path: Path) -> None:
    """Remove a folder, a file or a link, if it is there; no link is followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def require_folder(path: Path) -> None:
    """Check that nothing but a folder is in the place of a folder that is written to.

    Raises:
        ModelError: it is a link, which could lead anywhere, or a file.

    """
    from shlex import quote  # only for the error

    if path.is_symlink() or (path.exists() and not path.is_dir()):
        kind = "a link" if path.is_symlink() else "a file"
        raise ModelError(f"{path} is {kind}, not a folder", f"rm {quote(str(path))}")
