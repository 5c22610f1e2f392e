"""Which labels are probably wrong."""

import csv
import io
import json
from pathlib import Path

from feedback import MESSAGES as TEXTS
from feedback import label_of
from models import write_lines
from shell import call, explained

import rnncli

LABELS = [label_of(text) for text in TEXTS]
WRONG = (3, 17, 40, 55)


def test_labels_that_were_turned_are_found() -> None:
    labels = list(LABELS)
    for row in WRONG:
        labels[row] = "defect" if labels[row] == "praise" else "praise"
    found = rnncli.suspects(TEXTS, labels)
    assert {each.row for each in found} == set(WRONG)
    assert all(each.likely_label == LABELS[each.row] != each.label for each in found)
    assert len(rnncli.suspects(TEXTS, labels, n=2)) == 2


def test_right_labels_are_not_suspected() -> None:
    assert rnncli.suspects(TEXTS, LABELS) == []


def test_texts_that_say_the_same_and_have_other_labels_are_named() -> None:
    texts = [*TEXTS, "The red lamp arrived BROKEN", "no label"]
    found = rnncli.suspects(texts, [*LABELS, "praise", None])
    (twin,) = [each for each in found if each.row == len(TEXTS)]
    assert [texts[row] for row in twin.near_duplicates] == ["the red lamp arrived broken"]


def test_one_label_has_no_suspects() -> None:
    assert rnncli.suspects(TEXTS, ["praise"] * len(TEXTS)) == []


def table(path: Path) -> Path:
    """Write texts of which line 5 has a wrong label, line 62 none, and line 64 another's twin."""
    rows = [f"{text},{label}" for text, label in zip(TEXTS, LABELS, strict=True)]
    rows[3] = rows[3].replace("praise", "defect")
    return write_lines(path, "text,label", *rows, "no label,", ",praise", f"{TEXTS[30]},praise")


def test_rows_of_a_file_are_printed_with_their_lines(tmp_path: Path) -> None:
    data = table(tmp_path / "texts.csv")
    result = call("evaluate", data, "--suspects", 9)
    assert result.code == 0, result.err
    rows = list(csv.DictReader(io.StringIO(result.out.decode())))
    found = {int(row["line"]): row for row in rows}
    assert found[5]["text"] == TEXTS[3]
    assert (found[5]["label"], found[5]["likely_label"]) == ("defect", "praise")
    assert found[64]["near_duplicates"] == "32"
    assert f"of 61 labels, {len(rows)} are probably wrong" in result.err
    (line,) = call("evaluate", data, "--suspects", 1, "--json").lines
    assert json.loads(line)["line"] in found


def test_data_without_labels_is_an_error(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "texts.txt", *TEXTS)
    explained(call("evaluate", data, "--suspects", 9), 1, "no labels")
