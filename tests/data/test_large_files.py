"""Corpora larger than memory: little of them is resident, and what has no room is refused."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from datasets import concatenate_datasets
from shell import call, explained

from rnncli.data import values
from rnncli.data.arrow import write_rows
from rnncli.data.encoded import EncodedTexts
from rnncli.data.mapped_files import MAX_RESIDENT, map_array
from rnncli.data.values import column_values, vocabulary_sample

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


def test_a_file_whose_copy_has_no_room_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.write(b"a line of text\n")
        file.truncate(1 << 43)
    hint = explained(call("train", tmp_path / "a.txt", "-o", tmp_path / "m"), 1, "a.txt", "room")
    assert hint.endswith("TMPDIR=/var/tmp")


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
