"""Options of a person's own pairs and terms for ``rnncli translate``, and what they name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from rnncli.cli.options import OUTPUT, SEARCH, option
from rnncli.config import SearchConfig
from rnncli.errors import ConfigError, DataError
from rnncli.text.documents import is_document

MemoryFiles = Annotated[
    list[Path] | None,
    option(
        "--memory FILE",
        SEARCH,
        "Look up similar pairs of this table or TMX, beside the training pairs that the model "
        "keeps; twice: of two aligned files.",
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
    """Return files that must exist, and can be read more than once."""
    for path in files:
        if path.is_fifo():
            raise DataError(f"{path} is a pipe, and pairs are read more than once", "name a file")
        if not path.is_file():
            raise DataError(f"there is no file {path}", f"see what is there: ls {path.parent}")
    return files


def require_single_answers(
    inputs: Sequence[Path], nbest: int, attention: bool, show_memory: bool
) -> None:
    """Check that nothing stands beside the answers, if they go into a document."""
    options = {"--nbest": nbest > 1, "--attention": attention, "--show-memory": show_memory}
    additions = [name for name, is_given in options.items() if is_given]
    if additions and any(is_document(path.name) for path in inputs):
        raise ConfigError(f"a document has no place for what {additions[0]} adds", "--json")
