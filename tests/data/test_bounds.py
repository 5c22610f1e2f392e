"""Small files that hold very much: read in little memory, or refused before they fill a disk."""

import gzip
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from models import write_lines
from shell import Result, call, command, environment, explained

from rnncli.data import limits
from rnncli.data.corpus import ESTIMATE_ROWS, SHOWN_STEP, read_corpus
from rnncli.data.json_lines import MAX_DOCUMENT_BYTES
from rnncli.data.limits import MAX_READ
from rnncli.messages import show_stages
from rnncli.text.files import MAX_LINE_BYTES

MEMORY = 3 << 28  # bytes: 768 MB, of which 450 MB are libraries


# The peak of a process counts from that of the process that started it: a small one measures.
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
with open(sys.argv[1], "w") as file:
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=file)
sys.exit(code)
"""


def limited(*arguments: object) -> Result:
    """Run a command in a process, and check that it takes little memory."""
    with tempfile.NamedTemporaryFile() as peak:
        measured = [sys.executable, "-c", MEASURE, peak.name, *command(*arguments)]
        run = subprocess.run(measured, capture_output=True, env=environment(), check=False)
        assert 0 < int(peak.read()) * 1024 < MEMORY
    return Result(run.returncode, run.stdout, run.stderr.decode())


def plan(path: Path) -> Result:
    return limited("train", path, "--dry-run", "--json")


def write_repeated(path: Path, rows: int, columns: dict[str, str]) -> Path:
    """Write a Parquet file in which all rows are alike; it takes some bytes a column."""
    keys = pa.nulls(rows, pa.int32()).fill_null(0)
    table = pa.table(
        {name: pa.DictionaryArray.from_arrays(keys, [text]) for name, text in columns.items()}
    )
    pq.write_table(table, path, row_group_size=rows, write_batch_size=rows, compression="zstd")
    return path


def test_parquet_of_very_many_rows_is_refused(tmp_path: Path) -> None:
    columns = {"text": "the soup was lovely", "label": "good"}
    path = write_repeated(tmp_path / "a.parquet", MAX_READ["rows"] + 1, columns)
    assert path.stat().st_size < 1 << 20
    for options in (("--dry-run",), ("-o", tmp_path / "m")):
        result = limited("train", path, "--epochs", 1, *options)  # without a time budget
        assert "tenth" in explained(result, 1, "a.parquet", f"{MAX_READ['rows']:,} rows")


def test_parquet_of_long_texts_is_read_in_little_memory(tmp_path: Path) -> None:
    """A gigabyte, as columns in memory; a dictionary has each text once."""
    path = write_repeated(tmp_path / "a.parquet", 2_000, {"text": "x " * (1 << 18), "label": "a"})
    assert path.stat().st_size < 1 << 20
    assert plan(path).code == 0


def test_a_text_of_parquet_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = write_repeated(tmp_path / "a.parquet", 10, {"text": "x" * MAX_LINE_BYTES, "label": "a"})
    explained(plan(path), 1, "a.parquet, row 1", "longer")


def test_a_small_archive_of_very_many_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    block = gzip.compress(b"a,b\nc,d\n" * 500_000)
    path.write_bytes(gzip.compress(b"text,label\n") + block * 40)
    assert path.stat().st_size < 1 << 19
    for options in (("--dry-run",), ("-o", tmp_path / "m")):
        result = limited("train", path, "--epochs", 1, *options)  # without a time budget
        explained(result, 1, "a.csv.gz", f"{MAX_READ['rows']:,} rows")


def compressed(head: bytes, repeated: bytes, end: bytes, size: int) -> bytes:
    """Return gzip data of about ``size`` bytes, of which the most are alike."""
    block = gzip.compress(repeated * ((1 << 20) // len(repeated)), 1)
    return gzip.compress(head) + block * (size >> 20) + gzip.compress(end)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tmx.gz", (b"<tmx><body><tu><tuv><seg>", b"x ", b"</seg></tuv></tu></body></tmx>")),
        ("a.tmx.gz", (b"<tmx><body>", b"<x></x>", b"</body></tmx>")),
        ("a.json.gz", (b'{"a": [\n', b'{"b": 1},\n', b"1]}\n")),
    ],
)
def test_a_small_archive_of_one_huge_record_takes_little_memory(
    name: str, content: tuple[bytes, bytes, bytes], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(
        compressed(*content, size=8 * MAX_DOCUMENT_BYTES if ".json" in name else 4 * MAX_LINE_BYTES)
    )
    explained(plan(path), 1, name)


def test_a_memory_of_very_many_units_takes_little_memory(tmp_path: Path) -> None:
    unit = "".join(
        f"<tuv xml:lang='{language}'><seg>{text}</seg></tuv>"
        for language, text in (("en", "I see the dog."), ("fr", "Je vois le chien."))
    )
    path = tmp_path / "a.tmx.gz"
    content = (b"<tmx><body>", f"<tu>{unit}</tu>".encode(), b"</body></tmx>")
    path.write_bytes(compressed(*content, size=1 << 25))
    assert plan(path).code == 0


def test_a_very_long_label_is_shortened_in_errors(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.csv", "text,label", *(f"a text {i},{'x' * 10_000}" for i in range(9)))
    result = call("train", tmp_path / "a.csv", "-o", tmp_path / "m")
    explained(result, 1, "one class")
    assert len(result.err) < 1_000


def test_a_text_of_a_folder_that_is_too_long_is_refused(tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        write_lines(tmp_path / label / "1.txt", "a text")
    (tmp_path / "b" / "2.txt").write_bytes(compressed(b"", b"x ", b"", 4 * MAX_LINE_BYTES))
    explained(plan(tmp_path), 1, "2.txt", "longer")


def test_characters_are_counted_with_each_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bound that is looked at after thousands of rows does not bound the longest ones."""
    monkeypatch.setitem(limits.MAX_READ, "characters", 100)
    rows = [f"{'x' * 30} {i},{'ab'[i % 2]}" for i in range(4)]
    path = write_lines(tmp_path / "a.csv", "text,label", *rows)
    result = call("train", path, "-o", tmp_path / "m")
    explained(result, 1, "a.csv has more than 100 characters")


def test_rows_that_are_left_out_are_counted_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits.MAX_READ, "rows", 10)
    path = write_lines(tmp_path / "a.csv", "text,label", "a b,c", "a d,e", *[" ,c"] * 20)
    for options in ((), ("--dry-run",)):
        result = call("train", path, "-o", tmp_path / "m", *options)
        explained(result, 1, "a.csv has more than 10 rows")


def test_reading_shows_how_many_rows_there_are_of_about_how_many(tmp_path: Path) -> None:
    rows = ESTIMATE_ROWS + 2 * SHOWN_STEP
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "a b,c\na c,d\n" * (rows // 2))
    shown: list[str] = []

    @contextmanager
    def view(name: str) -> Iterator[Callable[[str], None]]:
        shown.append(name)
        yield shown.append

    with show_stages(view):
        read_corpus([str(path)])
    assert shown[0] == f"reading {path}"
    numbers = [line for line in shown if "of about" in line]
    assert numbers[0].startswith(f"reading {path}: {SHOWN_STEP:,} rows of about 2")
    assert len(numbers) == 2


def test_long_cells_without_usual_names_are_told_apart_by_their_beginnings(tmp_path: Path) -> None:
    path = write_repeated(tmp_path / "a.parquet", 1_500, {"x": "a b " * (1 << 17), "y": "good"})
    explained(plan(path), 1, "a.parquet", "column")
