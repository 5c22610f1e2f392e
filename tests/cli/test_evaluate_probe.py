"""``rnncli evaluate --probe``: the table of behaviour, own cases, requirements, errors."""

import json
from pathlib import Path

import pytest
from models import classifier, generator, reviews, train, write_lines
from shell import call, explained

from rnncli import evaluate
from rnncli.data.probe_cases import read_probe_cases

WITHOUT_NEUTRAL = [case for case in read_probe_cases(None) if case.expected != "neutral"]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write cases in the words of the test's reviews: one text is wrong, and one pair differs."""
    return write_lines(
        tmp_path_factory.mktemp("cases") / "cases.tsv",
        "row\ttext\texpected\ttext2",
        "verdicts\tthe soup was lovely\tgood\t",
        "verdicts\tthe lamp was dreadful\tbad\t",
        "verdicts\tthe bread was warm and bright\tbad\t",
        "verdicts\tthe choir is my favourite\tpositive\t",
        "subjects\tthe map pleased us all\tsame\tthe teapot pleased us all",
        "subjects\tthe novel was lovely\tsame\tthe novel was cold and dull",
        "additions\tthe ferry was lovely\tnot higher\tthe ferry was cold and dull",
    )


@pytest.fixture(scope="module")
def topics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train for a step on labels that are no sentiment."""
    folder = tmp_path_factory.mktemp("topics")
    words = {"food": ("bread", "soup", "cheese", "cake"), "tools": ("saw", "drill", "file", "axe")}
    rows = [
        f"the {word} is {where},{label}"
        for label, nouns in words.items()
        for word in nouns
        for where in ("here", "there", "in the shed", "on the table", "gone")
    ]
    data = write_lines(folder / "topics.csv", "text,label", *rows)
    return train(data, folder / "model", "--steps", 1, "--no-ngrams")


def test_the_bundled_probe_prints_a_row_for_each_kind_of_case() -> None:
    result = call("evaluate", classifier(), "--probe")
    assert result.code == 0, result.err
    assert "labels taken as sentiment: bad as negative, good as positive" in result.err
    assert "neutral cases left out: the model has no such label" in result.err
    shown = result.out.decode()
    for row in dict.fromkeys(case.row for case in WITHOUT_NEUTRAL):
        assert row in shown
    assert "negation of neutral" not in shown
    assert f"{len(WITHOUT_NEUTRAL):,}" in shown


def test_json_has_the_shares_and_the_worst_three() -> None:
    result = call("evaluate", classifier(), "--probe", "--json")
    (line,) = result.lines
    scores = json.loads(line)
    assert scores["cases"] == len(WITHOUT_NEUTRAL)
    rows = scores["rows"]
    assert sum(row["cases"] for row in rows.values()) == scores["cases"]
    assert sum(row["failures"] for row in rows.values()) == scores["failures"]
    shares = [row["failures"] / row["cases"] for row in rows.values()]
    assert scores["mean_failure"] == pytest.approx(sum(shares) / len(shares))
    for row in rows.values():
        assert len(row["worst"]) == min(3, row["failures"])
    assert rows["single words"]["failures"] >= 3  # the model knows few of these words
    sizes = [failure["probability"] for failure in rows["single words"]["worst"]]
    assert sizes == sorted(sizes, reverse=True)


def test_own_cases_are_judged(cases: Path) -> None:
    result = call("evaluate", classifier(), "--probe", cases, "--json", "-q")
    assert result.code == 0, result.err
    rows = json.loads(result.lines[0])["rows"]
    found = {name: (row["failures"], row["cases"]) for name, row in rows.items()}
    assert found == {"verdicts": (1, 4), "subjects": (1, 2), "additions": (0, 1)}
    (wrong,) = rows["verdicts"]["worst"]
    assert (wrong["text"], wrong["answer"]) == ("the bread was warm and bright", "good")
    (changed,) = rows["subjects"]["worst"]
    assert (changed["answer"], changed["answer2"]) == ("good", "bad")
    assert changed["text2"] == "the novel was cold and dull"


def test_the_table_shows_failures_with_what_was_expected(cases: Path) -> None:
    shown = call("evaluate", classifier(), "--probe", cases).out.decode()
    assert "the bread was warm and bright" in shown
    assert "the novel was cold and dull" in shown
    assert "the lamp was dreadful" not in shown
    (summary,) = [line for line in shown.splitlines() if "verdicts" in line and "%" in line]
    assert summary.split() == ["verdicts", "4", "1", "25.0", "%"]


def test_python_and_the_file_of_mistakes_have_every_failure(cases: Path, tmp_path: Path) -> None:
    result = evaluate(classifier(), cases, probe=True)
    assert result.scores["failures"] == 2
    assert result.mistakes is not None
    assert [each["row"] for each in result.mistakes] == ["verdicts", "subjects"]
    file = tmp_path / "mistakes.tsv"
    assert call("evaluate", classifier(), "--probe", cases, "--errors", file).code == 0
    header, *lines = file.read_text("utf-8").splitlines()
    assert header.split("\t")[:3] == ["row", "expected", "answer"]
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("requirement", "code"),
    [
        ("mean_failure<=0.3", 0),
        ("mean_failure<=0.2", 3),
        ("rows.verdicts.failure<=0.25", 0),
        ("rows.verdicts.failure<0.25", 3),
        ("failures<=2", 0),
        ("rows.nothing.failure<=0.5", 2),
    ],
)
def test_a_level_may_be_required(requirement: str, code: int, cases: Path) -> None:
    result = call("evaluate", classifier(), "--probe", cases, "--require", requirement)
    assert result.code == code, result.err


def test_labels_that_are_no_sentiment_are_an_error(topics: Path, tmp_path: Path) -> None:
    hint = explained(call("evaluate", topics, "--probe"), 2, "food, tools")
    assert f"rnncli evaluate {topics} --probe cases.tsv" in hint
    cases = write_lines(tmp_path / "c.tsv", "text\texpected", "the bread\tfood", "the saw\ttools")
    assert call("evaluate", topics, "--probe", cases).code == 0
    other = write_lines(tmp_path / "o.tsv", "text\texpected", "the bread\tcake")
    explained(call("evaluate", topics, "--probe", other), 1, "'cake'")
    added = write_lines(tmp_path / "a.tsv", "text\texpected\ttext2", "a\tnot lower\tb")
    explained(call("evaluate", topics, "--probe", added), 1, "positive")


@pytest.mark.parametrize(
    ("options", "option"),
    [
        (["--against", "MODEL"], "--against"),
        (["--no-baselines"], "--no-baselines"),
        (["--split", "test"], "--split"),
        (["--text", "body"], "--text"),
    ],
)
def test_options_of_data_do_not_go_with_it(options: list[str], option: str) -> None:
    words = [str(classifier()) if word == "MODEL" else word for word in options]
    explained(call("evaluate", classifier(), "--probe", *words), 2, option, "--probe")


def test_the_classifier_of_the_folder_is_taken_where_there_are_other_models(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "classify").symlink_to(classifier())
    (tmp_path / "models" / "generate").symlink_to(generator())
    result = call("evaluate", "--probe", "--json", cwd=tmp_path)
    assert result.code == 0, result.err
    assert json.loads(result.lines[0])["cases"] == len(WITHOUT_NEUTRAL)


def test_it_is_for_classifiers_and_one_file() -> None:
    explained(call("evaluate", generator(), "--probe"), 2, "--probe")
    explained(call("evaluate", classifier(), reviews(), reviews(), "--probe"), 1, "2 files")


@pytest.mark.parametrize("options", [["--probe"], []])
def test_a_file_that_is_missing_is_not_taken_for_a_model(
    options: list[str], tmp_path: Path
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "classify").symlink_to(classifier())
    for file in ("models/cases.tsv", "./cases.tsv"):
        missing = call("evaluate", *options, file, cwd=tmp_path)
        explained(missing, 1, f"no such file: {file}")
    named = call("evaluate", "models/other", "models/cases.tsv", *options, cwd=tmp_path)
    explained(named, 1, "models/other does not exist")
