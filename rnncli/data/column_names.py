"""Find columns by their usual names; what they hold is not looked at."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from rnncli.config import TASK_COLUMNS, Task
from rnncli.text.languages import language_of

# Usual names, best first.
# fmt: off
TEXT_NAMES = (
    "text", "sentence", "review", "content", "tweet", "comment", "body", "message", "question",
    "utterance", "document", "review_text", "reviewtext", "clean_text", "post", "story", "article",
    "abstract", "description", "headline", "title", "sms", "email", "phrase", "query", "feedback",
    "complaint", "name",
)
LABEL_NAMES = (
    "label", "labels", "sentiment", "class", "category", "rating", "stars", "intent", "topic",
    "emotion", "polarity", "genre", "label_text", "score",
)
# Last words of names such as airline_sentiment and comment_text.
_TEXT_ENDINGS = TEXT_NAMES[:9]
_LABEL_ENDINGS = LABEL_NAMES[:11]
# Sources and targets; those in ASSUMED_PAIRS may be meant otherwise, and are a guess.
PAIRS = (("source", "target"), ("src", "tgt"), ("src", "trg"), ("source_text", "target_text"))
ASSUMED_PAIRS = (
    ("question", "answer"), ("questions", "answers"), ("wrong", "right"), ("input", "output"),
    ("prompt", "response"), ("prompt", "completion"), ("instruction", "response"),
    ("incorrect", "correct"), ("error", "correction"), ("original", "corrected"),
    ("informal", "formal"), ("singular", "plural"), ("article", "summary"), ("text", "summary"),
    ("document", "summary"), ("complex", "simple"),
    ("misspelled", "correct"), ("noisy", "clean"), ("word", "pronunciation"), ("q", "a"),
    ("sentence1", "sentence2"), ("text", "translation"), ("word", "translation"),
)
# Times; a column of whole numbers is one of times only under these.
TIME_NAMES = (
    "time", "date", "datetime", "timestamp", "ds", "month", "year", "day", "week", "quarter",
    "period", "hour", "t", "step", "index",
)
VALUE_NAMES = ("value", "values", "y", "sales", "close", "price", "demand", "load", "count")
OTHER_NAMES = ("id", "index", "idx", "date", "time", "url", "user", "author", "source", "split")
# fmt: on
# Of ``comment_text``, ``comment text`` and ``commentText``.
_WORDS = re.compile(r"[A-Z]?[^\WA-Z_]+|[A-Z]+(?![a-z])")


def find_columns(
    names: Sequence[str], tasks: Iterable[Task], named: Mapping[str, str] | None = None
) -> tuple[Task, dict[str, str]] | None:
    """Return the first of ``tasks`` whose columns are all there, with these columns."""
    for task in tasks:
        if columns := _FINDERS[TASK_COLUMNS[task]](names, named or {}):
            return task, columns
    return None


def find_assumed_pair(names: Sequence[str]) -> list[str]:
    """Return two columns of which the second is probably to be written from the first."""
    for pair in ASSUMED_PAIRS:
        columns = [column for name in pair if (column := _usual(names, [name]))]
        if len(columns) == 2:
            return columns
    return []


def _find_text(names: Sequence[str], named: Mapping[str, str]) -> dict[str, str] | None:
    control = {"control": named["control"]} if "control" in named else {}
    candidates = [name for name in names if name not in control.values()]
    single = candidates[0] if len(candidates) == 1 else None
    text = named.get("text") or _usual(candidates, TEXT_NAMES) or single
    return {"text": text, **control} if text else None


def _find_text_and_label(names: Sequence[str], named: Mapping[str, str]) -> dict[str, str] | None:
    label = named.get("label") or _usual(names, LABEL_NAMES) or _by_ending(names, _LABEL_ENDINGS)
    if label is None and not _find_pair(names, {}):
        label = _usual(names, ["target"])
    rest = [name for name in names if name != label]
    single = rest[0] if label and len(rest) == 1 else None
    text = named.get("text") or _usual(rest, TEXT_NAMES) or _by_ending(rest, _TEXT_ENDINGS)
    text = text or single
    return {"text": text, "label": label} if text and label and text != label else None


def _find_pair(names: Sequence[str], named: Mapping[str, str]) -> dict[str, str] | None:
    pair = usual_pair(names) or (names if named and len(names) == 2 else [])
    source = named.get("source") or next((n for n in pair if n != named.get("target")), None)
    target = named.get("target") or next((n for n in pair if n != source), None)
    return {"source": source, "target": target} if source and target and source != target else None


def _find_recordings(names: Sequence[str], named: Mapping[str, str]) -> dict[str, str] | None:
    columns = {"audio": "audio", "transcript": "transcript"}  # as folders of recordings call them
    return columns if {*columns} <= {*names} and {**columns, **named} == columns else None


def _find_series(names: Sequence[str], named: Mapping[str, str]) -> dict[str, str] | None:
    time = named.get("time") or _usual(names, TIME_NAMES)
    value = named.get("value") or _usual(names, VALUE_NAMES)
    return {"time": time, "value": value} if time and value and time != value else None


_Finder = Callable[[Sequence[str], Mapping[str, str]], dict[str, str] | None]
_FINDERS: dict[tuple[str, ...], _Finder] = {
    ("text",): _find_text,
    ("text", "label"): _find_text_and_label,
    ("source", "target"): _find_pair,
    ("audio", "transcript"): _find_recordings,
    ("time", "value"): _find_series,
}


def is_usual(name: str) -> bool:
    """Return whether a name is usual for a column of any kind."""
    pairs = [side for pair in (*PAIRS, *ASSUMED_PAIRS) for side in pair]
    usual = (*TEXT_NAMES, *LABEL_NAMES, *OTHER_NAMES, *pairs)
    return name == name.strip() and _usual([name], usual) is not None


def is_usual_label(name: str) -> bool:
    """Return whether a name is usual for a column of labels."""
    return _usual([name], LABEL_NAMES) is not None


def _usual(names: Iterable[str], usual_names: Iterable[str]) -> str | None:
    """Return the name that is the most usual one."""
    spellings = {name.casefold().replace(" ", "_"): name for name in names}
    return next((spellings[name] for name in usual_names if name in spellings), None)


def _by_ending(names: Sequence[str], endings: Iterable[str]) -> str | None:
    """Return the only name whose last word is the first of some endings that occurs."""
    by_ending: dict[str, list[str]] = {}
    for name in names:
        if len(words := _WORDS.findall(name)) > 1:
            by_ending.setdefault(words[-1].casefold(), []).append(name)
    matches = next((by_ending[ending] for ending in endings if ending in by_ending), [])
    return matches[0] if len(matches) == 1 else None


def usual_pair(names: Sequence[str]) -> list[str]:
    """Return the columns that translate each other, in their order; languages may be many."""
    for pair in PAIRS:
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
