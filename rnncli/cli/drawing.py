"""Write figures into a file: an SVG drawing, or an HTML page."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from rnncli.cli.console import Messenger
from rnncli.cli.output import open_output, require_output
from rnncli.errors import ConfigError
from rnncli.messages import plural

if TYPE_CHECKING:
    from rnncli.cli.views.figure import Figure
    from rnncli.tasks.inspection import TextInspection

DRAWINGS, PAGES = (".svg",), (".html", ".htm")


def is_page(path: Path | None) -> bool:
    """Return whether a file is to be an HTML page."""
    return path is not None and path.suffix.lower() in PAGES


def require_drawing(path: Path, *, force: bool) -> None:
    """Check the name of a file for figures, and that it can be written.

    Raises:
        ConfigError: its name does not tell a format.
        DataError: see `require_output`.

    """
    if path.suffix.lower() not in (*DRAWINGS, *PAGES):
        raise ConfigError(
            f"{path} is not the name of a drawing (.svg) or a page (.html)",
            f"-o {quote(f'{path.stem}.html')}",
        )
    require_output(path, "-o", force=force)


def write_figures(
    path: Path,
    title: str,
    figures: "Sequence[Figure]",
    inspection: "TextInspection | None",
    messenger: Messenger,
) -> None:
    """Write figures into a file, which appears when it is complete.

    A page about a text, ``inspection``, also has an explorer of all units.
    """
    if is_page(path):
        from rnncli.cli.views.page import page

        document = page(title, figures, inspection)
    else:
        from rnncli.cli.views.svg import svg  # which loads XML

        document = svg(figures)
    with open_output(path, messenger) as write:
        write(document)
    messenger.announce(f"{path}: {plural(len(figures), 'figure')}")
