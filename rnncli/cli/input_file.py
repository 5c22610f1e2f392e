"""The file that ``-i`` names."""

from pathlib import Path


def require_file(file: Path) -> None:
    """Check that there is something to read.

    Raises:
        DataError: it is a directory, an address, a link to nothing, or not there.
    """
    if file.is_dir() or not file.exists():
        from rnncli.data.locate import existing_file  # only for the error

        existing_file(str(file), option="-i")
