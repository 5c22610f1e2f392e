"""Control codes: a generator is conditioned on a label."""

import csv
import io
import json
import os
import signal
import time
from collections import Counter
from functools import cache
from itertools import product
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from models import SMALL, _folder, generator, reviews, story, train, write_lines
from shell import Result, call, on_a_terminal

from rnncli import TextGenerator
from rnncli.config import SamplingConfig
from rnncli.data.columns import Columns
from rnncli.data.corpus import read_corpus
from rnncli.data.split import hold_out
from rnncli.errors import ConfigError, DataError, ModelError
from rnncli.tasks.generate.control_codes import training_texts

LEARN = ("--hidden-size", 24, "--embedding-dim", 12, "--dropout", 0, "--batch-size", 8)
# The second label has a tab and a newline in it, which become spaces.
LETTERS = {"Alpha": "ab", "X\tand\nY": "xy"}
SHOWN = {"Alpha": "ab", "X and Y": "xy"}
POEMS = {"sea": ("a wave rolls", "the salt stays"), "land": ("one tree grows", "its root holds")}


def as_csv(*rows: tuple[str, ...]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def write_names(path: Path) -> Path:
    """Write names of two alphabets, sorted, with thrice as many of the first."""
    rows = [
        (label, "".join(name))
        for label, alphabet in LETTERS.items()
        for length in ((4, 5, 6) if label == "Alpha" else (5,))
        for name in product(alphabet, repeat=length)
    ]
    path.write_text(as_csv(("script", "name"), *rows), encoding="utf-8")
    return path


@cache
def names() -> Path:
    return write_names(_folder() / "names.csv")


@cache
def namer() -> Path:
    """Return a model of names, shared by all tests."""
    return train(
        names(), _folder() / "namer", "--control", "script", *LEARN,
        "--steps", 150, "--learning-rate", 0.02, "--bptt", 32,
    )  # fmt: skip


@cache
def poet() -> Path:
    """Return a model of texts of two lines, at the word level."""
    rows = [(label, "\n".join(lines)) for label, lines in POEMS.items() for _ in range(40)]
    rows += [(label, f"{label} {n}\nends") for label in POEMS for n in range(6)]  # to hold out
    path = _folder() / "poems.csv"
    path.write_text(as_csv(("mood", "text"), *rows), encoding="utf-8")
    return train(
        path, _folder() / "poet", "--control", "mood", "--level", "word", *LEARN,
        "--steps", 120, "--learning-rate", 0.02, "--bptt", 16,
    )  # fmt: skip


def generate(*options: object, code: int = 0) -> Result:
    result = call("generate", "-m", namer(), "--seed", 1, *options)
    assert result.code == code, result.err
    return result


def objects(*options: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in generate(*options, "--json").lines]


# Samples


@pytest.mark.parametrize(("label", "alphabet"), [*SHOWN.items(), *LETTERS.items()])
def test_lines_are_of_the_label_and_do_not_contain_it(label: str, alphabet: str) -> None:
    lines = generate("--control", label, "--lines", 30).lines
    assert len(lines) == 30
    # Capitals, tabs and digits occur in labels alone.
    assert sum(set(line) <= set(alphabet) for line in lines) >= 29
    assert all(set(line) <= set("abxy") for line in lines)


def test_a_sample_ends_where_its_text_does() -> None:
    samples = generate("ab", "--control", "Alpha", "-n", 20).lines
    assert len(samples) == 20  # no newline in any of them, where 200 tokens might be written
    assert all(sample.startswith("ab") and set(sample) <= set("abxy") for sample in samples)
    assert {len(sample) for sample in samples} <= set(range(2, 9))


def test_without_a_label_labels_are_drawn_by_their_frequency() -> None:
    output = objects("--lines", 300)
    counts = Counter(one["control"] for one in output)
    assert set(counts) == set(SHOWN)
    # 112 texts of the one and 32 of the other
    assert counts["Alpha"] / 300 == pytest.approx(112 / 144, abs=0.08)
    fitting = [set(one["text"]) <= set(SHOWN[one["control"]]) for one in output]
    assert sum(fitting) >= 290
    assert [one["text"] for one in output] == generate("--lines", 300).lines


def test_drawn_labels_depend_neither_on_their_number_nor_on_threads() -> None:
    few = objects("--lines", 3, "--threads", 1)
    assert objects("--lines", 40, "--threads", 2)[:3] == few
    assert objects("a", "-n", 9)[:3] == objects("a", "-n", 3)


def test_samples_do_not_depend_on_other_prompts() -> None:
    model, config = TextGenerator.load(namer()), SamplingConfig(length=8, seed=4)
    batched = model.samples(["a", "xyx", ""], 4, config)
    assert batched == [model.samples([prompt], 4, config)[0] for prompt in ("a", "xyx", "")]
    assert {sample.control for sample in batched[0]} == set(SHOWN)
    for control in SHOWN:
        (one,) = model(["a"], config, control)
        assert one.control == control
        assert "".join(piece for (piece,) in model.stream("a", 1, config, control)) == one.text


def test_a_terminal_shows_the_text_alone() -> None:
    words = ("generate", "-m", namer(), "ab", "--control", "Alpha", "--seed", 1)
    assert on_a_terminal(*words).decode() == generate("ab", "--control", "Alpha").out.decode()


def test_rows_of_a_table_get_a_column_with_the_label(tmp_path: Path) -> None:
    table = write_lines(tmp_path / "t.csv", "n,begin", "1,a", "2,b")
    words = ("--column", "begin", "-i", table, "--control", "Alpha")
    header, *rows = generate(*words).lines
    assert header == "n,begin,text,control"
    assert all(row.endswith(",Alpha") for row in rows)


def test_a_text_of_several_lines_is_complete() -> None:
    model = TextGenerator.load(poet())
    for label, lines in POEMS.items():
        (samples,) = model.samples([""], 10, SamplingConfig(temperature=0.3, seed=1), (), label)
        texts = Counter(sample.text for sample in samples)
        assert texts["\n".join(lines)] >= 8, texts
        (written,) = model.lines(10, "", SamplingConfig(temperature=0.3, seed=1), (), label)
        assert Counter(line.text for line in written)[lines[0]] >= 8


def test_a_truncated_text_does_not_end_in_the_next_label() -> None:
    model = TextGenerator.load(poet())
    whole = model([""], SamplingConfig(temperature=0, length=50), "sea")[0].text
    cut = [
        model([""], SamplingConfig(temperature=0, length=length), "sea")[0].text
        for length in range(1, 12)
    ]
    assert all(whole.startswith(text) for text in cut)
    assert cut[-1] == whole == "\n".join(POEMS["sea"])


# Errors


def test_an_unknown_label_is_an_error_that_names_the_labels() -> None:
    for words in (["--lines", 2], [], ["--score"]):
        result = call("generate", "-m", namer(), "--control", "alpha", *words)
        assert (result.code, result.out) == (2, b"")
        assert "knows no label 'alpha'; its labels are: Alpha, X and Y\n" in result.err
        assert result.err.endswith(" --control Alpha\n")


def test_a_model_without_labels_refuses_one() -> None:
    result = call("generate", "-m", generator(), "--control", "Alpha", "a")
    assert (result.code, result.out) == (2, b"")
    assert "trained without labels" in result.err
    assert "hint: leave --control out" in result.err
    result = call("evaluate", generator(), story(), "--control", "text")
    assert result.code == 2
    assert "trained without --control" in result.err


@pytest.mark.parametrize(
    ("data", "options", "message", "hint"),
    [
        ("a.txt", [], "plain text, which has no column 'mood'", "a .csv"),
        ("a.csv", [], "has no column 'mood'; its columns are: text, label", "--control text"),
        ("a.csv", ["--control", "lable"], "has no column 'lable'", "did you mean label?"),
        ("a.csv", ["--control", "label", "--task", "classify"], "do not go together", "--label"),
        ("a.csv", ["--control", "label", "--label", "label"], "do not go together", "--control"),
        ("a.csv", ["--control", "text", "--text", "text"], "cannot be both", "another column"),
        ("one.csv", [], "every mood is 'x'", "right column"),
        ("long.csv", [], "a label has 150 characters", "right column"),
    ],
)
def test_unsuitable_control_columns_are_errors(
    tmp_path: Path, data: str, options: list[str], message: str, hint: str
) -> None:
    write_lines(tmp_path / "a.txt", "some", "text")
    write_lines(tmp_path / "a.csv", "text,label", "a,x", "b,y")
    write_lines(tmp_path / "one.csv", "text,mood", "a,x", "b,x")
    write_lines(tmp_path / "long.csv", "text,mood", "a,x", f"b,{150 * 'y'}")
    model = tmp_path / "model"
    result = call("train", tmp_path / data, "-o", model, "--control", "mood", *options)
    assert result.code in (1, 2)
    assert message in result.err
    assert hint in result.err.partition("hint: ")[2]
    assert not model.exists()


def test_another_control_is_another_training(tmp_path: Path) -> None:
    data = tmp_path / "d.csv"
    rows = [(name, name[0], name[-1]) for name in map("".join, product("ab", repeat=6))]
    data.write_text(as_csv(("text", "first", "last"), *rows), encoding="utf-8")
    model = tmp_path / "m"
    words = ["train", data, "-o", model, *SMALL, "--steps", 2_000, "--patience", 2_000, "--control"]

    def press_ctrl_c() -> None:
        while not (model / "config.json").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    Thread(target=press_ctrl_c, daemon=True).start()
    assert call(*words, "first").code == 130
    result = call(*words, "last")
    assert result.code == 1
    assert "holds an unfinished training that differs" in result.err
    assert "'control': 'first'" in result.err and "'control': 'last'" in result.err


@pytest.mark.parametrize(
    "controls",
    [
        7,
        {"counts": {}, "several_lines": False},
        {"counts": {"a": 0}, "several_lines": False},
        {"counts": {"a": True}, "several_lines": False},
        {"counts": {"a" * 101: 1}, "several_lines": False},
        {"counts": {"a": 1}},
    ],
)
def test_damaged_labels_are_refused(tmp_path: Path, controls: Any) -> None:
    for file in namer().iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    info = json.loads((tmp_path / "config.json").read_text())
    info["task_values"]["controls"] = controls
    (tmp_path / "config.json").write_text(json.dumps(info))
    with pytest.raises(ModelError, match="labels or their counts are wrong"):
        TextGenerator.load(tmp_path)


# Scores


def test_the_surprisal_is_lower_with_the_right_label() -> None:
    scores = {
        label: [float(line.split("\t")[0]) for line in result.lines]
        for label in SHOWN
        for result in [generate_scores("--control", label, "abab", "xyxyx")]
    }
    assert scores["Alpha"][0] < scores["X and Y"][0]
    assert scores["X and Y"][1] < scores["Alpha"][1]


def generate_scores(*words: object, code: int = 0) -> Result:
    result = call("generate", "-m", namer(), "--score", *words)
    assert result.code == code, result.err
    return result


def test_scores_need_a_label() -> None:
    result = generate_scores("abab", code=2)
    assert "a score needs one of them" in result.err
    assert "a score needs one of them: Alpha, X and Y\nhint: rnncli generate " in result.err
    assert result.err.endswith(" --control Alpha\n")
    with pytest.raises(ConfigError, match="a score needs one"):
        TextGenerator.load(namer()).surprisal(["abab"])


def test_the_description_has_the_labels_and_evaluation_uses_them() -> None:
    info = json.loads((namer() / "config.json").read_text())
    assert info["data"]["columns"] == {"text": "name", "control": "script"}
    assert info["task_values"]["controls"] == {
        "counts": {"Alpha": 112, "X and Y": 32},
        "several_lines": False,
    }
    assert "in the manner of Alpha, X and Y" in (namer() / "README.md").read_text()
    result = call("evaluate", namer(), "--json")
    assert result.code == 0, result.err
    output = json.loads(result.out)["bits_per_character"]
    assert output == pytest.approx(info["scores"]["bits_per_character"], abs=0.01)


def test_evaluation_data_needs_the_column_of_labels(tmp_path: Path) -> None:
    result = call("evaluate", namer(), names(), "--json")
    assert result.code == 0, result.err
    rows = sum(len(name) + 2 for name in learned_rows(names()))
    assert json.loads(result.out)["characters"] == rows
    other = write_lines(tmp_path / "o.csv", "name,kind", "abab,Alpha", "bbaa,Alpha")
    result = call("evaluate", namer(), other)
    assert result.code == 1
    assert "has no column 'script'; its columns are: name, kind" in result.err
    assert call("evaluate", namer(), other, "--control", "kind").code == 0


def learned_rows(path: Path) -> list[str]:
    """Return label and text of each row, without the tab and the newline of training."""
    with path.open(encoding="utf-8", newline="") as file:
        return [row["script"] + row["name"] for row in csv.DictReader(file)]


# Data


def test_the_labels_are_announced() -> None:
    corpus = read_corpus([str(names())], columns=Columns(control="script"))
    assert corpus.task == "generate"
    assert "control: the column script, 2 labels" in corpus.notices
    assert corpus.splits["train"][0] == {"text": "aaaa", "control": "Alpha"}
    assert next(training_texts(corpus.splits["train"])) == "Alpha\taaaa\n"


def test_rows_without_text_or_label_are_left_out_and_texts_are_stripped(
    tmp_path: Path,
) -> None:
    rows = [("x", "\none\n\ntwo\n"), ("", "no label"), ("y", " "), (" y\n", "three")]
    path = tmp_path / "t.csv"
    path.write_text(as_csv(("mood", "text"), *rows), encoding="utf-8")
    corpus = read_corpus([str(path)], columns=Columns(control="mood"))
    texts = list(training_texts(corpus.splits["train"]))
    assert texts == ["x\tone\n\ntwo\n", "y\tthree\n"]
    assert corpus.controls is not None
    assert corpus.controls.several_lines
    assert corpus.notices[-2:] == ("1 empty text left out", "1 text without a label left out")


def test_labels_are_shuffled_and_in_both_parts() -> None:
    corpus = read_corpus([str(names())], columns=Columns(control="script"))
    parts = [list(training_texts(part)) for part in hold_out(corpus, fraction=0.2, seed=0)]
    assert Counter(parts[0] + parts[1]) == Counter(training_texts(corpus.splits["train"]))
    for part in parts:
        labels = [row.partition("\t")[0] for row in part]
        assert set(labels) == set(SHOWN)
        assert labels != sorted(labels)
    texts = [{row.partition("\t")[2] for row in part} for part in parts]
    assert not texts[0] & texts[1]


def test_labels_of_json_may_be_numbers_but_not_lists(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", '{"text": "a", "n": 1}', '{"text": "b", "n": true}')
    corpus = read_corpus([str(path)], columns=Columns(control="n"))
    assert list(training_texts(corpus.splits["train"])) == ["1\ta\n", "true\tb\n"]
    write_lines(path, '{"text": "a", "n": 1}', '{"text": "b", "n": [1]}')
    with pytest.raises(DataError) as caught:
        read_corpus([str(path)], columns=Columns(control="n"))
    assert caught.value.hint == "name another column: --control COLUMN"


def test_the_label_of_a_classifier_can_be_a_control_code(tmp_path: Path) -> None:
    model = train(reviews(), tmp_path / "m", "--control", "label", "--steps", 2)
    result = call("generate", "-m", model, "--control", "good", "--lines", 2, "--length", 3)
    assert len(result.lines) == 2
