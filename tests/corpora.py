"""Data of every format, written to files and read as a corpus."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, Features, Value
from hypothesis import strategies as st

from rnncli.config import Task
from rnncli.data.columns import ANY_COLUMNS, Columns
from rnncli.data.corpus import Corpus, read_corpus
from rnncli.data.values import column_values
from rnncli.errors import DataError
from rnncli.text.unicode import compose

REVIEWS = [
    ("A warm, funny film.", "good"),
    ('She said "no" and left.', "bad"),
    ("Two\nlines,\n\nand a blank one", "good"),
    ("NA", "1.0"),
    ("1", "none"),
    ("naïve 日本語 \U0001f600", "good"),
]


PAIRS = [("Good day.", "Bonjour."), ("Thank you!", "Merci !"), ("Yes", "Oui"), ('"Why?"', "« »")]


# Characters that str.splitlines() or a text-mode file would take for the end of a line.
FALSE_ENDS = "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


anything = st.text(st.characters(codec="utf-8") | st.sampled_from(FALSE_ENDS + '\0",;\t\n'))


# Normalisation form C, in which all text is read.
anything = anything.map(compose)


one_line = anything.map(lambda text: text.replace("\n", ""))


def write(path: Path, content: str | bytes) -> str:
    """Write bytes as they are, packed if the name asks for it, and return what to type."""
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return str(path)


def as_csv(rows: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue()


def as_jsonl(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    return "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)


def as_parquet(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    buffer = io.BytesIO()
    Dataset.from_dict(columns).to_parquet(buffer)
    return buffer.getvalue()


def rows_of(corpus: Corpus, split: str = "train") -> list[tuple[str, ...]]:
    names = corpus.splits[split].column_names
    columns = [column_values(corpus.splits[split], name) for name in names]
    return list(zip(*columns, strict=True))


def texts_of(dataset: Dataset, column: str = "text") -> list[str]:
    return list(column_values(dataset, column))


def error_of(*data: str, task: Task | None = None, columns: Columns = ANY_COLUMNS) -> DataError:
    with pytest.raises(DataError) as caught:
        read_corpus(data, task=task, columns=columns)
    return caught.value


def corpus_of(task: Task, rows: Sequence[Sequence[str]]) -> Corpus:
    """Return a corpus that was never in a file."""
    names = {"generate": ["text"], "classify": ["text", "label"]}.get(task, ["source", "target"])
    features = Features({name: Value("string") for name in names})
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    train = Dataset.from_dict(columns, features=features)
    return Corpus(
        "rows", task, {"train": train}, {name: name for name in names}, None, None, (), ""
    )


PROGRAM = """
import json, sys
from rnncli.data.columns import Columns
from rnncli.data.corpus import read_corpus
from rnncli.errors import DataError
from rnncli.text.unicode import compose
for data, options in json.load(open(sys.argv[1])):
    options["columns"] = Columns(**options.get("columns", {}))
    try:
        corpus = read_corpus(data, **options)
    except DataError as error:
        answer = {"message": error.message, "hint": error.hint}
    else:
        answer = {
            "task": corpus.task,
            "splits": {name: [list(row.values()) for row in split]
                       for name, split in corpus.splits.items()},
            "columns": corpus.columns,
            "languages": corpus.languages,
            "licence": corpus.licence,
            "notices": list(corpus.notices),
            "fingerprint": corpus.fingerprint,
        }
    print(json.dumps(answer), flush=True)
"""


Question = tuple[list[str], dict[str, Any]]


def ask(
    folder: Path, questions: list[Question], environment: dict[str, str], stdin: bytes = b""
) -> list[dict[str, Any]]:
    """Ask read_corpus in a process of its own, and check that it wrote nothing to stderr."""
    asked = folder / "questions.json"
    asked.write_text(json.dumps(questions))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(asked)],
        input=stdin,
        capture_output=True,
        check=True,
        env={**os.environ, "HF_HOME": str(folder / "hf"), "TMPDIR": str(folder), **environment},
    )
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.splitlines()]


CORPORA = os.environ.get("RNNCLI_CORPORA")


needs_corpora = pytest.mark.skipif(CORPORA is None, reason="RNNCLI_CORPORA names no directory")


# Name of a file, its content, the task, and a part of the message and of the hint that reading it
# gives; {} in them stands for its path.
Unreadable = tuple[str, str | bytes, Task | None, str, str]


def assert_explained(folder: Path, case: Unreadable) -> None:
    name, content, task, message, hint = case
    path = write(folder / name, content)
    error = error_of(path, task=task)
    assert message.replace("{}", path) in error.message
    assert hint.replace("{}", path) in (error.hint or "")
