"""Options of a person's own pairs and terms for ``rnncli translate``, and what they name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from rnncli.cli.options import OUTPUT, SEARCH, option
from rnncli.config import SearchConfig
from rnncli.errors import DataError

MemoryFiles = Annotated[
    list[Path] | None,
    option(
        "--memory FILE",
        SEARCH,
        "Look up similar pairs of this table or TMX instead of training pairs; twice: of two "
        "aligned files.",
    ),
]
NoMemory = Annotated[
    bool,
    option("--no-memory", SEARCH, "Look up no pairs, where the model keeps them."),
]
ShowMemory = Annotated[
    bool,
    option(
        "--show-memory",
        OUTPUT,
        "Below each translation, the phrases that it shares with pairs of the memory, and these.",
    ),
]
Glossary = Annotated[
    Path | None,
    option(
        "--glossary FILE",
        SEARCH,
        "Translate terms so: on each line of the file a term, a tab and its translation; more "
        "translations after more tabs.",
    ),
]
Keep = Annotated[
    list[str] | None,
    option(
        "--keep REGEX",
        SEARCH,
        "Copy what matches, like numbers, addresses, placeholders and tags.",
    ),
]


def glossary_of(path: Path | None, keep: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Read a glossary, and check the patterns of what to keep."""
    from rnncli.tasks.translate.terms import Terms, read_glossary

    glossary = {} if path is None else read_glossary(path)
    return Terms.of(SearchConfig(keep=keep, glossary=glossary)).glossary


def existing(files: Sequence[Path]) -> Sequence[Path]:
    """Return files that must exist."""
    for path in files:
        if not path.is_file():
            raise DataError(f"there is no file {path}", f"see what is there: ls {path.parent}")
    return files
