"""Help pages as typer draws them, made quick, and readable on dark and on light terminals."""

import sys
from types import ModuleType
from typing import Any

from typer.core import TyperCommand

# Yellow and cyan, which typer takes, cannot be read on white.
STYLES = {
    "STYLE_OPTION": "bold",
    "STYLE_SWITCH": "bold",
    "STYLE_NEGATIVE_OPTION": "bold",
    "STYLE_NEGATIVE_SWITCH": "bold",
    "STYLE_TYPES": "magenta",
    "STYLE_USAGE": "bold",
    "STYLE_COMMANDS_TABLE_FIRST_COLUMN": "bold",
}


class Command(TyperCommand):
    """A command with such a help page."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Draw the help page."""
        prepare()
        super().format_help(ctx, formatter)


def prepare() -> None:
    """Set the colours of the next help page."""
    # typer imports Markdown, with its parsers, and uses it only for help that is written in it,
    # which ours is not: without it a page takes 0.29 s of processor time, with it 0.36 s.
    module = sys.modules.setdefault("rich.markdown", ModuleType("rich.markdown"))
    vars(module).setdefault("Markdown", None)
    from typer import rich_utils

    vars(rich_utils).update(STYLES)
