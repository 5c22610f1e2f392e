"""Corpora larger than memory: little of them is resident, and what has no room is refused."""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from corpora import as_csv
from datasets import concatenate_datasets
from models import SMALL
from pyarrow import parquet
from shell import call, explained

from rnncli.data import scratch, time_limits, values
from rnncli.data.arrow import write_rows
from rnncli.data.corpus import read_corpus
from rnncli.data.encoded import EncodedTexts
from rnncli.data.mapped_files import MAX_RESIDENT, map_array
from rnncli.data.values import column_values, vocabulary_sample
from rnncli.storage.reading import read_description

STATUS = Path("/proc/self/status")


def resident() -> int:
    """Return how many bytes of files are in the memory of this process."""
    (line,) = [line for line in STATUS.read_text().splitlines() if line.startswith("RssFile")]
    return int(line.split()[1]) << 10


@pytest.mark.skipif(not STATUS.exists(), reason="needs /proc")
def test_little_of_a_large_file_is_resident(tmp_path: Path) -> None:
    before, size = resident(), 3 * MAX_RESIDENT
    rows = write_rows((("x" * (1 << 22),) for _ in range(size >> 22)), ["text"])
    assert sum(map(len, column_values(rows, "text"))) == size
    assert resident() < before + 2 * MAX_RESIDENT
    with (tmp_path / "tokens").open("wb") as file:
        file.truncate(size)
    texts = EncodedTexts(map_array(tmp_path / "tokens", np.uint16), np.array([0, size // 2]))
    assert texts.counts(1).tolist() == [size // 2]
    assert resident() < before + 2 * MAX_RESIDENT


def test_a_vocabulary_of_many_rows_is_learned_from_rows_all_over_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(values, "VOCABULARY_BYTES", 1 << 16)
    notices: list[str] = []
    rows = write_rows(((f"{i:06}",) for i in range(8_500)), ["text"])  # with offsets, 10 bytes each
    sample = vocabulary_sample(rows, notices.append)
    numbers = [int(text) // values.BATCH_ROWS for text in column_values(sample, "text")]
    assert sorted(set(numbers)) == [0, 2, 4, 6, 8]
    assert notices == ["vocabulary: learned from one in 2 rows, drawn evenly"]
    assert vocabulary_sample(sample, notices.append) is sample


def test_what_was_held_out_of_drawn_rows_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(time_limits.READ_A_SECOND, "rows", 20)
    words = ["red", "green", "blue", "black", "white"]
    lines = [f"{words[i % 5]} {words[i // 5 % 5]} {i},{'ab'[i % 2]}\n" for i in range(12_000)]
    path, model = tmp_path / "a.csv", tmp_path / "m"
    path.write_text("".join(["text,label\n", *lines]))
    options = (*SMALL, "--max-time", "1s", "--no-ngrams")
    trained = call("train", path, "-o", model, *options)
    assert "rows: 200, drawn at random, of about 1" in trained.err
    data = read_description(model).data
    assert data is not None
    assert scored(model) == data.rows["validation"]
    config = model / "config.json"
    config.write_text(config.read_text().replace("max_read", "unknown"))
    assert scored(model) != data.rows["validation"]  # of all rows, another part is held out


def scored(model: Path) -> int:
    """Return how many rows of the held-out part are scored."""
    result = call("evaluate", model, "--json", "--no-baselines")
    assert result.code == 0, result.err
    return sum(map(sum, json.loads(result.out)["confusion_matrix"]))


def test_a_file_whose_copy_has_no_room_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.write(b"a line of text\n")
        file.truncate(1 << 43)
    hint = explained(call("train", tmp_path / "a.txt", "-o", tmp_path / "m"), 1, "a.txt", "room")
    assert hint.endswith("TMPDIR=/var/tmp")


def test_the_disk_that_texts_and_tokens_need_is_told_before_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "a soup,good\na stew,bad\n" * 100)  # 2.3 kB
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=4_000))
    hint = explained(call("train", path, "-o", tmp_path / "m"), 1, "a.csv", "room")
    assert hint.endswith("TMPDIR=/var/tmp")
    monkeypatch.setattr(scratch, "SHOWN_BYTES", 4_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert any(notice.startswith("disk: up to") for notice in read_corpus([str(path)]).notices)


@pytest.mark.parametrize("select", [range(2, 2_900, 3), [2_999, 0, 1], range(5, 2_500), [7], []])
def test_selected_rows_are_read_in_their_order(select: Sequence[int]) -> None:
    texts = [f"text {i}" for i in range(3_000)]
    rows = write_rows(((text, "x") for text in texts), ["text", "label"])
    for dataset in (rows, concatenate_datasets([rows.select(range(1_500)), rows])):
        chosen = dataset.select(list(select))
        assert list(column_values(chosen, "text")) == chosen["text"][:]
        assert list(column_values(chosen.select(range(len(chosen))), "label")) == ["x"] * len(
            chosen
        )


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_of_more_rows_than_there_is_time_for_some_are_drawn(tmp_path: Path, suffix: str) -> None:
    path, number = tmp_path / f"rows.{suffix}", 12_000
    is_quoted = [i % 3 == 0 and i < number // 2 for i in range(number)]
    texts = [f'row {i} "in\n{i}" it' if is_quoted[i] else f"row {i} plain" for i in range(number)]
    if suffix == "tsv":
        texts = [text.replace("\n", " ") for text in texts]
    labels = [str(i % 2) for i in range(number)]
    match suffix:
        case "csv":
            path.write_text(as_csv([["text", "label"], *zip(texts, labels, strict=True)]))
        case "tsv":
            path.write_text("".join(map("{}\t{}\n".format, ["text", *texts], ["label", *labels])))
        case "jsonl":
            rows = zip(texts, labels, strict=True)
            path.write_text("".join(f"{json.dumps({'text': t, 'label': x})}\n" for t, x in rows))
        case "parquet":
            parquet.write_table(pa.table({"text": texts, "label": labels}), path)
    limits = {"rows": 1_200, "characters": 1 << 30}
    corpus = read_corpus([str(path)], limits=limits)
    train = corpus.splits["train"]
    assert len(train) == pytest.approx(1_200, abs=350)
    assert any("drawn at random" in notice for notice in corpus.notices)
    drawn = [int(text.split()[1]) for text in train["text"]]
    assert drawn == sorted(set(drawn))
    assert [texts[i] for i in drawn] == train["text"][:]
    assert [labels[i] for i in drawn] == train["label"][:]
    assert min(Counter(i * 10 // number for i in drawn).values()) > 60
    assert sum(is_quoted[i] for i in drawn) == pytest.approx(len(drawn) / 6, abs=100)


def test_of_a_long_text_the_beginning_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    lines = [f"this is the line {i:05}\n" for i in range(20_000)]
    path.write_text("".join(lines))
    corpus = read_corpus([str(path)], limits={"rows": 10, "characters": len("".join(lines)) // 4})
    assert corpus.splits["train"]["text"][:] == lines[:5_000]
    assert any("the first 5,000 of about 20,000" in notice for notice in corpus.notices)
