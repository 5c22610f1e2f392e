"""The metrics of a model, which may come from a stranger."""

from pathlib import Path

import pytest

from rnncli.storage.layout import Layout
from rnncli.storage.metrics import read_metrics

GOOD = '{"step": 10, "training_loss": 1.5, "loss": 2, "accuracy": 0.5, "note": "x"}\n'


def test_the_numbers_of_each_evaluation_are_read(tmp_path: Path) -> None:
    assert read_metrics(Layout(tmp_path)) == []
    (tmp_path / "metrics.jsonl").write_text(2 * GOOD)
    expected = {"step": 10, "training_loss": 1.5, "loss": 2, "accuracy": 0.5}
    assert read_metrics(Layout(tmp_path)) == [expected, expected]


@pytest.mark.parametrize(
    "line",
    ["[1]", "null", '{"step": NaN, "training_loss": 1, "loss": 1}', '{"step": true, "loss": 1}',
     '{"step": 1, "training_loss": "x", "loss": 1}', '{"step": 1, "loss": 1e999}',
     '{"step": 1' + "0" * 400 + ', "training_loss": 1, "loss": 1}'],
)  # fmt: skip
def test_lines_without_finite_numbers_are_left_out(line: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text(f"{line}\n{GOOD}")
    assert len(read_metrics(Layout(tmp_path))) == 1


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "1" * 5_000, "\udcff"])
def test_a_damaged_file_has_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read_metrics(Layout(tmp_path)) == []


def test_a_link_out_of_the_model_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(GOOD)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "metrics.jsonl").symlink_to(tmp_path / "secret")
    assert read_metrics(Layout(tmp_path / "model")) == []
