"""Find columns by their usual names; a table's content is not looked at."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from rnncli.config import TASK_COLUMNS, Task
from rnncli.text.languages import language_of

# Usual names, best first.
# fmt: off
_TEXT_NAMES = (
    "text", "sentence", "review", "content", "tweet", "comment", "body", "message", "question",
    "utterance", "document", "review_text", "reviewtext", "clean_text", "post", "story", "article",
    "abstract", "description", "headline", "title",
)
_LABEL_NAMES = (
    "label", "labels", "sentiment", "class", "category", "rating", "stars", "intent", "topic",
    "emotion", "polarity", "genre", "label_text", "score",
)
# fmt: on
_PAIRS = (("source", "target"), ("src", "tgt"), ("src", "trg"), ("1", "2"))


def find_columns(
    names: Sequence[str], tasks: Iterable[Task], named: Mapping[str, str] | None = None
) -> tuple[Task, dict[str, str]] | None:
    """Return the first of ``tasks`` whose columns are all there, with these columns."""
    for task in tasks:
        if columns := _FINDERS[TASK_COLUMNS[task]](names, named or {}):
            return task, columns
    return None


def is_header(cells: Sequence[str], named: Set[str]) -> bool:
    """Say whether the first line of a TSV file names columns, or is a pair like those below it.

    It does where it has a column that a person ``named``, unless these are numbers.
    """
    names = {cell.strip() for cell in cells}
    if named:
        numbers = {str(number) for number in range(1, len(cells) + 1)}
        return not names.isdisjoint(named) or not named <= numbers
    if find_columns(cells, [task for task, columns in TASK_COLUMNS.items() if len(columns) > 1]):
        return True
    # "question<TAB>answer" is a header, "Question<TAB>Question" a pair.
    looks_named = all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in names)
    return looks_named and len(names) == len(cells) and has_usual_text(names)


def _find_text(names: Sequence[str], named: Mapping[str, str]) -> dict[str, str] | None:
    control = {"control": named["control"]} if "control" in named else {}
    others = [name for name in names if name not in control.values()]
    single = others[0] if len(others) == 1 else None
    text = named.get("text") or _usual(others, _TEXT_NAMES) or single
    return {"text": text, **control} if text else None


def _find_text_and_label(names: Sequence[str], named: Mapping[str, str]) -> dict[str, str] | None:
    label = named.get("label") or _usual(names, _LABEL_NAMES)
    if label is None and not _find_pair(names, {}):
        label = _usual(names, ["target"])
    others = [name for name in names if name != label]
    single = others[0] if label and len(others) == 1 else None
    text = named.get("text") or _usual(others, _TEXT_NAMES) or single
    return {"text": text, "label": label} if text and label and text != label else None


def _find_pair(names: Sequence[str], named: Mapping[str, str]) -> dict[str, str] | None:
    pair = usual_pair(names) or (names if named and len(names) == 2 else [])
    source = named.get("source") or next((n for n in pair if n != named.get("target")), None)
    target = named.get("target") or next((n for n in pair if n != source), None)
    return {"source": source, "target": target} if source and target and source != target else None


_Finder = Callable[[Sequence[str], Mapping[str, str]], dict[str, str] | None]
_FINDERS: dict[tuple[str, ...], _Finder] = {
    ("text",): _find_text,
    ("text", "label"): _find_text_and_label,
    ("source", "target"): _find_pair,
}


def has_usual_text(names: Iterable[str]) -> bool:
    """Say whether there is a column with a usual name of texts."""
    return _usual(names, _TEXT_NAMES) is not None


def _usual(names: Iterable[str], usual_names: Iterable[str]) -> str | None:
    """Return the name that is the most usual one."""
    spellings = {name.casefold().replace(" ", "_"): name for name in names}
    return next((spellings[name] for name in usual_names if name in spellings), None)


def usual_pair(names: Sequence[str]) -> list[str]:
    """Return the columns that translate each other, in their order; languages may be many."""
    for pair in _PAIRS:
        columns = [column for name in pair if (column := _usual(names, [name]))]
        if len(columns) == 2:
            return columns
    by_code: dict[str, str] = {}
    for name in names:
        if code := language_of(name):
            by_code.setdefault(code, name)
    if len(by_code) > 2:  # "id" and "no" are then numbers of rows, not Indonesian and Norwegian
        by_code = {
            code: name for code, name in by_code.items() if name.casefold() not in ("id", "no")
        }
    return list(by_code.values()) if len(by_code) > 1 else []
