"""The file that ``-i`` names."""

from pathlib import Path
from shlex import quote

from rnncli.errors import DataError


def require_file(file: Path) -> None:
    """Check that there is something to read.

    Raises:
        DataError: it is a directory, an address, a link to nothing, or not there.
    """
    if file.is_dir():
        files = sorted(filter(Path.is_file, file.iterdir()))
        if not files:
            raise DataError(f"{file} is a directory without files", f"ls {quote(str(file))}")
        raise DataError(f"{file} is a directory", f"name a file in it: -i {quote(str(files[0]))}")
    if not file.exists():
        from rnncli.data.locate import existing_file  # only for the error

        existing_file(str(file))
