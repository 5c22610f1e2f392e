"""``rnncli evaluate`` of a classifier: baselines, comparison, report, mistakes, requirements."""

import csv
import gzip
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from models import (
    classifier,
    generator,
    pairs,
    reviews,
    story,
    train,
    translator,
    write_lines,
)
from shell import Result, call, explained

from rnncli import TextClassifier

# A tab, a quotation mark, a comma, and each way to end a line: in one cell.
NASTY = 'the soup,\tthe "bread"\r\nand\rthe tea'


def scores_of(*arguments: object) -> dict[str, Any]:
    result = call("evaluate", *arguments, "--json")
    assert result.code == 0, result.err
    scores: dict[str, Any] = json.loads(result.lines[0])
    return scores


def labelled(path: Path) -> list[tuple[str, str]]:
    """Return the texts of a CSV file with their labels."""
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def confused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write reviews, every third with the wrong label, and one with characters to escape."""
    rows = labelled(reviews())
    path = tmp_path_factory.mktemp("confused") / "confused.csv"
    other = {"good": "bad", "bad": "good"}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for number, (text, label) in enumerate(rows):
            writer.writerow([text, label if number % 3 else other[label]])
        writer.writerows([NASTY, label] for label in other)
    return path


@pytest.fixture(scope="module")
def skewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train for a step on reviews most of which are good; the data is beside the model."""
    folder = tmp_path_factory.mktemp("skewed")
    rows = [",".join(row) for row in labelled(reviews())]
    data = write_lines(folder / "reviews.csv", "text,label", *rows[:60])  # the bad ones come last
    return train(data, folder / "model", "--steps", 1, "--no-ngrams")


# baselines


def test_a_classifier_is_compared_with_baselines_of_the_same_training_data(
    skewed: Path,
) -> None:
    scores = scores_of(skewed, reviews())
    rows = labelled(reviews())
    assert set(scores["baselines"]) == {"naive_bayes", "majority_class"}
    majority = scores["baselines"]["majority_class"]
    assert majority["accuracy"] == sum(label == "good" for _, label in rows) / len(rows)
    assert scores["baselines"]["naive_bayes"]["accuracy"] > 0.9  # each verdict has its own words
    for own in (scores, *scores["baselines"].values()):
        for name in ("accuracy", "macro_f1"):
            low, high = own[f"{name}_interval"]
            assert 0 <= low <= own[name] <= high <= 1


def test_baselines_are_not_trained_on_held_out_texts(tmp_path: Path) -> None:
    """A word unique to each text predicts its label in training, and nothing on held-out texts."""
    rows = [f"w{number},{'good' if number % 2 else 'bad'}" for number in range(60)]
    data = write_lines(tmp_path / "d.csv", "text,label", *rows)
    model = train(data, tmp_path / "m", "--steps", 1, "--level", "word")
    everything = scores_of(model, data)["baselines"]["naive_bayes"]["accuracy"]
    held_out = scores_of(model)["baselines"]["naive_bayes"]["accuracy"]
    assert everything > 0.9
    assert held_out <= 0.5


@pytest.mark.parametrize("what", ["changed", "gone", "stdin"])
def test_baselines_are_left_out_where_their_data_cannot_be_read(what: str, tmp_path: Path) -> None:
    data = write_lines(tmp_path / "d.csv", *reviews().read_text().splitlines())
    if what == "stdin":
        result = call("train", "-", "-o", "m", "--steps", 1, cwd=tmp_path, stdin=data.read_bytes())
        assert result.code == 0, result.err
    else:
        train(data, tmp_path / "m", "--steps", 1)
    if what == "changed":
        write_lines(data, "text,label", "the soup was lovely,good", "the soup was cold,bad")
    if what == "gone":
        data.unlink()
    result = call("evaluate", tmp_path / "m", reviews(), "--json")
    assert result.code == 0, result.err
    assert json.loads(result.lines[0])["baselines"] == {}
    (line,) = [line for line in result.err.splitlines() if "baselines left out" in line]
    assert {"changed": "has changed", "gone": "d.csv", "stdin": "stdin"}[what] in line


def test_no_baselines_are_trained_with_no_baselines() -> None:
    for data in ([], [reviews()]):
        assert scores_of(classifier(), *data, "--no-baselines")["baselines"] == {}
    assert "reading" not in call("evaluate", classifier(), reviews(), "--no-baselines").err


# calibration and lengths


def test_reliability_bins_have_the_accuracy_of_their_answers(confused: Path) -> None:
    scores = scores_of(classifier(), confused)
    bins = scores["reliability"]
    assert sum(own["texts"] for own in bins) == scores["texts"]
    right = sum(own["texts"] * own["right"] for own in bins)
    assert right == pytest.approx(scores["accuracy"] * scores["texts"])
    gaps = sum(own["texts"] * abs(own["right"] - own["probability"]) for own in bins)
    assert scores["calibration_error"] == pytest.approx(gaps / scores["texts"])
    assert all(own["low"] <= own["probability"] <= own["high"] for own in bins)


def test_accuracy_is_reported_for_texts_of_each_length(tmp_path: Path) -> None:
    lengths = [2, 4, 4, 4, 5, 9, 30]
    rows = [f"{'soup ' * (length - 1)}lovely,good" for length in lengths]
    scores = scores_of(classifier(), write_lines(tmp_path / "d.csv", "text,label", *rows))
    found = [(x["name"], x["fewest_words"], x["most_words"], x["texts"]) for x in scores["lengths"]]
    assert found == [("short", 2, 4, 4), ("middle", 5, 5, 1), ("long", 9, 30, 2)]
    right = sum(own["texts"] * own["accuracy"] for own in scores["lengths"])
    assert right == pytest.approx(scores["accuracy"] * len(lengths))


def test_the_report_has_baselines_bars_and_lengths(confused: Path) -> None:
    shown = call("evaluate", classifier(), confused).out.decode()
    for words in ("naive Bayes", "majority class", "95 % interval", "█", "short", "long"):
        assert words in shown


@pytest.mark.parametrize("length", [2, 12])
def test_the_confusion_matrix_of_many_labels_is_readable(length: int, tmp_path: Path) -> None:
    labels = [f"{'abc' * 3}"[: length - 2] + f"{number:02}" for number in range(19)]
    rows = [f"the {label} soup {i},{label}" for i in range(12) for label in labels]
    data = write_lines(tmp_path / "d.csv", "text,label", *rows)
    model = train(data, tmp_path / "m", "--steps", 1)
    shown = call("evaluate", model, data, "--no-baselines", env={"COLUMNS": "80"}).out.decode()
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown
    after = shown.split("rows: the right label; columns: the answer\n")[1]
    named, _, after = after.partition("\n\n")
    entries = [f"{n} {label}" for n, label in enumerate(labels, start=1)]
    assert re.split(r",\s", named) == entries  # none is broken into lines
    assert max(map(len, named.splitlines())) <= 80
    lines = after.splitlines()
    assert lines[0].split() == [str(n) for n in range(1, 20)]
    matrix = scores_of(model, data, "--no-baselines")["confusion_matrix"]
    for number, (line, counts) in enumerate(zip(lines[1:20], matrix, strict=True), start=1):
        assert line.split() == [str(number), *(str(count or "-") for count in counts)]
        assert len(line) <= 80


# mistakes

READ: dict[str, Callable[[str], list[dict[str, Any]]]] = {
    ".csv": lambda text: list(csv.DictReader(io.StringIO(text, newline=""))),
    ".tsv": lambda text: list(csv.DictReader(io.StringIO(text), dialect="excel-tab")),
    ".jsonl": lambda text: [json.loads(line) for line in text.split("\n")[:-1]],
}


@pytest.mark.parametrize("ending", [*READ, ".csv.gz"])
def test_mistakes_are_written_the_most_confident_first(
    ending: str, confused: Path, tmp_path: Path
) -> None:
    path = tmp_path / f"mistakes{ending}"
    path.write_text("from the last time")
    scores = scores_of(classifier(), confused, "--errors", path, "--force")
    read = path.read_bytes()
    text = (gzip.decompress(read) if ending.endswith(".gz") else read).decode()
    rows = READ[ending.removesuffix(".gz")](text)
    assert len(rows) == scores["mistakes"] == round((1 - scores["accuracy"]) * scores["texts"])
    probabilities = [float(row["probability"]) for row in rows]
    assert probabilities == sorted(probabilities, reverse=True)
    right = {"\t".join(pair) for pair in labelled(confused)}
    for row in rows:
        assert row["label"] != row["answer"]
        if ending != ".tsv":  # which has no way to write a tab or the end of a line
            assert f"{row['text']}\t{row['label']}" in right
    answers = TextClassifier.load(classifier())([row["text"] for row in rows])
    assert [row["answer"] for row in rows] == [answer.label for answer in answers]
    again = scores_of(classifier(), path, "--label", "label")
    assert (again["texts"], again["accuracy"]) == (len(rows), 0)


def test_mistakes_on_stdout_leave_the_scores_to_stderr(confused: Path) -> None:
    result = call("evaluate", classifier(), confused, "--errors", "-")
    assert result.code == 0
    assert result.lines[0] == "label\tanswer\tprobability\ttext"
    assert all(line.count("\t") == 3 for line in result.lines)
    assert "macro F1" in result.err
    quiet = call("evaluate", classifier(), confused, "--errors", "-", "-q")
    assert (quiet.out, quiet.err) == (result.out, "")


def test_a_model_without_mistakes_writes_a_header(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "d.csv", "text,label", "the soup was lovely,good")
    assert scores_of(classifier(), data, "--errors", tmp_path / "e.tsv")["mistakes"] == 0
    assert (tmp_path / "e.tsv").read_text() == "label\tanswer\tprobability\ttext\n"


def test_mistakes_need_a_folder_and_a_name(tmp_path: Path) -> None:
    for path, word in ((tmp_path / "no" / "e.tsv", "e.tsv"), (tmp_path, "is a folder")):
        result = call("evaluate", classifier(), "--errors", path)
        explained(result, 1, word)
        assert "scoring" not in result.err
    explained(call("evaluate", classifier(), "--errors", "-", "--json"), 2, "stdout")


# requirements


def numbers(scores: dict[str, Any]) -> list[str]:
    """Return the names of the scores in --json, but for those of parts and baselines."""
    return [name for name, value in scores.items() if isinstance(value, int | float)]


@pytest.mark.parametrize(
    ("model", "more"),
    [
        (classifier, ["classes.good.recall", "MACRO_F1"]),
        (generator, []),
        (translator, ["bleu", "BLEU_lower", "chrF"]),
    ],
    ids=["classify", "generate", "translate"],
)
def test_every_score_can_be_required(model: Callable[[], Path], more: list[str]) -> None:
    names = [*numbers(scores_of(model())), *more]
    assert len(names) >= 4
    required = [word for name in names for word in ("--require", f"{name} >= -1")]
    result = call("evaluate", model(), *required)
    assert result.code == 0, result.err
    assert result.err.count("required: ") == len(names)


@pytest.mark.parametrize(
    ("sign", "offset", "is_met"),
    [
        (">=", 0, True), (">", 0, False), ("<=", 0, True), ("<", 0, False),
        (">=", 0.25, False), ("<=", -0.25, False), (">", -0.25, True), ("<", 0.25, True),
    ],
)  # fmt: skip
def test_each_comparison_operator_of_a_requirement_works(
    sign: str, offset: float, is_met: bool, tmp_path: Path
) -> None:
    rows = ("the soup was lovely,good", "the tea was lovely,bad")
    data = write_lines(tmp_path / "d.csv", "text,label", *rows)
    required = f"accuracy{sign}{0.5 + offset}"
    result = call("evaluate", classifier(), data, "-q", "--require", required)
    assert result.code == (0 if is_met else 3)
    assert ("error: " in result.err) != is_met
    if offset and not is_met:
        assert "0.25 too low" in result.err or "0.25 too high" in result.err


def test_a_missed_requirement_is_announced_after_the_scores() -> None:
    limits = ("--require", "accuracy>=1.5", "--require", "texts>=1", "--require", "macro_f1>2")
    result = call("evaluate", classifier(), "--json", *limits)
    assert result.code == 3
    assert json.loads(result.lines[0])["texts"] == 8
    (line,) = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert "accuracy>=1.5" in line
    assert "macro_f1>2" in line
    assert "texts" not in line


@pytest.mark.parametrize(
    "requirement",
    ["acuracy>=0.8", "accuracy", "accuracy=0.8", "accuracy>=", ">=0.8", "accuracy>=high",
     "accuracy>=nan", "accuracy>=inf", "bleu>=30", "classes.so-so.f1>0", "against.p_value<1", ""],
)  # fmt: skip
def test_an_invalid_requirement_is_refused_before_scoring(requirement: str) -> None:
    result = call("evaluate", classifier(), "--require", requirement)
    hint = explained(result, 2, "--require")
    assert "accuracy" in hint
    assert "reading" not in result.err


# a second model


def test_a_model_is_compared_with_one_that_has_learned_nothing(skewed: Path) -> None:
    result = call("evaluate", classifier(), reviews(), "--against", skewed, "--json")
    scores = json.loads(result.lines[0])
    against, alone = scores["against"], scores_of(skewed, reviews())
    assert against["accuracy"] == alone["accuracy"]
    assert against["macro_f1_interval"] == alone["macro_f1_interval"]
    assert against["difference"] == pytest.approx(scores["accuracy"] - alone["accuracy"])
    low, high = against["difference_interval"]
    assert 0 < low <= against["difference"] <= high
    assert (against["only_first_right"] - against["only_second_right"]) / 80 == pytest.approx(
        against["difference"]
    )
    assert against["p_value"] < 0.001
    assert against["verdict"].startswith(f"{classifier()} is better than {skewed}")
    turned = scores_of(skewed, reviews(), "--against", classifier())["against"]
    assert turned["difference"] == pytest.approx(-against["difference"])
    assert turned["p_value"] == against["p_value"]
    assert turned["verdict"] == against["verdict"]


def test_a_model_is_no_better_than_itself() -> None:
    result = call("evaluate", classifier(), "--against", classifier())
    assert result.code == 0
    assert "may be chance" in result.out.decode()
    assert "holds out another part" not in result.err
    required = ("--against", classifier(), "--require", "against.difference>=0")
    assert call("evaluate", classifier(), *required).code == 0
    against = scores_of(classifier(), "--against", classifier())["against"]
    assert (against["difference"], against["p_value"]) == (0, 1)
    assert against["difference_interval"] == [0, 0]


def test_a_second_model_that_may_have_seen_the_texts_is_announced(skewed: Path) -> None:
    result = call("evaluate", classifier(), "--against", skewed)
    assert result.code == 0
    assert "holds out another part" in result.err


def test_models_with_other_labels_are_not_compared(tmp_path: Path) -> None:
    rows = [f"{text},{label.replace('bad', 'poor')}" for text, label in labelled(reviews())]
    data = write_lines(tmp_path / "d.csv", "text,label", *rows)
    other = train(data, tmp_path / "m", "--steps", 1)
    explained(call("evaluate", classifier(), "--against", other), 1, "bad", "poor")
    explained(call("evaluate", classifier(), "--against", generator()), 1, "generate")


@pytest.mark.parametrize(
    ("option", "model", "data"),
    [
        ("--against", generator, story),
        ("--errors", generator, story),
        ("--no-baselines", generator, story),
        ("--no-baselines", translator, pairs),
    ],
)
def test_options_of_other_tasks_are_refused(
    option: str, model: Callable[[], Path], data: Callable[[], Path], tmp_path: Path
) -> None:
    words: list[object] = [option] if option == "--no-baselines" else [option, tmp_path / "x"]
    result: Result = call("evaluate", model(), data(), *words)
    explained(result, 2, option)
    assert list(tmp_path.iterdir()) == []
