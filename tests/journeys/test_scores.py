"""A model is scored on what it was trained for, or a person is told that it is not."""

import json
from functools import cache
from pathlib import Path

import pytest
from corpora import as_csv, write
from models import QUICK, SMALL, VERDICTS, generator, pairs, train, translator
from shell import call, explained

LABELS = {"good": "1", "bad": "0"}
ROWS = [
    (f"the {thing} {verdict}", LABELS[label])
    for label, verdicts in VERDICTS.items()
    for verdict in verdicts
    for thing in ("soup", "bread", "garden", "ferry", "choir")
]


@cache
def model(folder: Path) -> Path:
    rows = [(str(i), text, label) for i, (text, label) in enumerate(ROWS)]
    data = write(folder / "train.csv", as_csv([("id", "body2", "team"), *rows]))
    return train(Path(data), folder / "model", "--text", "body2", "--label", "team", *QUICK)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a classifier of the labels 0 and 1, trained on the columns body2 and team."""
    return model(tmp_path_factory.mktemp("numbers"))


def test_the_columns_of_the_training_come_first(numbers: Path, tmp_path: Path) -> None:
    rows = [("text", "body2", "team", "label")]
    rows += [(f"note {i}", text, label, "abc"[i % 3]) for i, (text, label) in enumerate(ROWS)]
    data = write(tmp_path / "test.csv", as_csv(rows))
    result = call("evaluate", numbers, data, "--require", "accuracy>=0.9", "--no-baselines")
    assert result.code == 0, result.err
    assert "from the columns body2 and team" in result.err


def test_texts_that_were_trained_on_are_counted(numbers: Path, tmp_path: Path) -> None:
    seen = [("text", "label"), *[(f"{text.upper()} ", label) for text, label in ROWS]]
    result = call("evaluate", numbers, write(tmp_path / "seen.csv", as_csv(seen)))
    held_out = call("evaluate", numbers, "--json")
    number = len(ROWS) - json.loads(held_out.out)["texts"]
    assert f"seen.csv: {number} of {len(ROWS)} texts, such as" in result.err
    new = [("text", "label"), *[(f"I think {text}", label) for text, label in ROWS]]
    result = call("evaluate", numbers, write(tmp_path / "new.csv", as_csv(new)))
    assert "leak" not in result.err + held_out.err


def test_scores_of_other_settings_are_not_compared_with_the_card() -> None:
    assert "the card of the model states the same" in call("evaluate", generator()).err
    assert "the card of the model" not in call("evaluate", generator(), "--window", 2).err


def test_equal_numbers_are_equal_labels(numbers: Path, tmp_path: Path) -> None:
    rows = [(text, f"{label}.0") for text, label in ROWS]
    data = write(tmp_path / "test.csv", as_csv([("text", "label"), *rows]))
    result = call("evaluate", numbers, data, "--require", "accuracy>=0.9", "--no-baselines")
    assert result.code == 0, result.err


def test_labels_that_the_model_does_not_know_are_listed(numbers: Path, tmp_path: Path) -> None:
    rows = [("text", "label"), ("a fine day", "weather"), *ROWS]
    result = call("evaluate", numbers, write(tmp_path / "a.csv", as_csv(rows)), "--no-baselines")
    assert result.code == 0, result.err
    assert "does not know, and gets wrong: weather (1); it knows 0, 1" in result.err
    rows = [("text", "label"), *[(text, f"class {label}") for text, label in ROWS]]
    result = call("evaluate", numbers, write(tmp_path / "b.csv", as_csv(rows)))
    explained(result, 1, "knows none of the labels: class 0 (20), class 1 (20); it knows 0, 1")


def test_pairs_are_scored_in_the_direction_of_the_model(tmp_path: Path) -> None:
    rows = [line.split("\t") for line in pairs().read_text().splitlines()[1:]]
    turned = [("fr", "en"), *[(target, source) for source, target in rows]]
    data = write(tmp_path / "turned.csv", as_csv(turned))
    result = call("evaluate", translator(), data, "--require", "bleu>=30")
    assert result.code == 0, result.err
    assert "columns exchanged: the model translates from en to fr" in result.err
    result = call("evaluate", translator(), data, "--source", "fr", "--target", "en")
    hint = explained(result, 1, "the model translates from en to fr")
    command = f"rnncli evaluate {translator()} {data} --source en --target fr"
    assert hint == f"exchange them: {command}"


def test_pairs_the_other_way_round_are_told_with_the_options_that_exchange_them(
    tmp_path: Path,
) -> None:
    rows = [line.split("\t") for line in pairs().read_text().splitlines()[1:]]
    there = write(tmp_path / "there.tsv", "".join(f"{a}\t{b}\n" for a, b in rows))
    back = write(tmp_path / "back.tsv", "".join(f"{b}\t{a}\n" for a, b in rows))
    told = call("evaluate", translator(), back, "--json")
    options = told.err.partition("the other way round")[2].splitlines()[0].rpartition(": ")[2]
    assert options == "--source 2 --target 1"
    exchanged = call("evaluate", translator(), back, "--json", *options.split())
    expected = call("evaluate", translator(), there, "--json")
    assert "the other way round" not in exchanged.err + expected.err
    scores = [json.loads(result.out)["chrf"]["score"] for result in (exchanged, expected)]
    assert scores[0] == scores[1]


def test_ordered_labels_are_scored_by_their_distance(tmp_path: Path) -> None:
    verdicts = ("was dreadful", "was rather poor", "was fair", "was quite good", "was superb")
    rows = [
        (f"the {thing} {verdict}", f"{stars} star{'s' * (stars > 1)}")
        for stars, verdict in enumerate(verdicts, 1)
        for thing in ("soup", "bread", "garden", "ferry", "choir", "lamp", "map", "novel")
    ]
    data = write(tmp_path / "train.csv", as_csv([("text", "label"), *rows]))
    model = train(Path(data), tmp_path / "model", *QUICK)
    assert "| mean_absolute_error |" in (model / "README.md").read_text()
    rows = [
        ("the soup was superb", "5 stars"),
        ("the soup was superb", "4 stars"),
        ("the soup was superb", "3 stars"),
        ("the soup was superb", "1 star"),
    ]
    data = write(tmp_path / "test.csv", as_csv([("text", "label"), *rows]))
    required = ("--require", "mean_absolute_error<=1.75", "--require", "within_one>=0.5")
    result = call("evaluate", model, data, *required)
    assert result.code == 0, result.err
    (line,) = [line for line in result.out.decode().splitlines() if line.startswith(" model  ")][:1]
    assert line.split()[1] == "1.750"
    assert "50.00 %" in line
    scores = json.loads(call("evaluate", model, data, "--against", model, "--json").lines[0])
    assert (scores["mean_absolute_error"], scores["within_one"]) == (1.75, 0.5)
    assert scores["against"]["mean_absolute_error"] == 1.75
    assert scores["baselines"]["majority_class"]["within_one"] <= 1


def test_short_pairs_are_scored_by_exact_match(tmp_path: Path) -> None:
    words = ("the", "red", "cat", "dog", "sun", "sea", "map", "ink", "oak", "bee")
    rows = [("wrong", "right"), *[(f"{a}{b}", f"{a} {b}") for a in words for b in words]]
    data = write(tmp_path / "train.csv", as_csv(rows))
    model = train(Path(data), tmp_path / "model", "--task", "translate", "--steps", 1)
    answers = call("translate", "-m", model, "redcat", "sunsea").lines
    rows = [("wrong", "right"), ("redcat", answers[0] or "?"), ("sunsea", "right")]
    data = write(tmp_path / "test.csv", as_csv(rows))
    result = call("evaluate", model, data, "--require", "exact_match>=0.5")
    assert result.code == 0, result.err
    assert "BLEU does not apply: most of the 2 targets have fewer than 4 words" in result.err
    shown = result.out.decode()
    assert "BLEU" not in shown
    (line,) = [line for line in shown.splitlines() if line.startswith(" exact match, % ")]
    assert line.split()[3] == "50.00"
    assert max(map(len, shown.splitlines())) <= 80
    scores = json.loads(call("evaluate", model, data, "--against", model, "--json").lines[0])
    assert 0 <= scores["character_accuracy"] <= 1
    assert scores["against"]["exact_match"] == scores["exact_match"] == 0.5
    assert "points of exact match" in scores["against"]["verdict"]
    result = call("evaluate", model, data, "--against", model, env={"COLUMNS": "80"})
    lines = [line for line in result.out.decode().splitlines() if line.startswith(" ")]
    assert max(map(len, lines)) <= 80, max(lines, key=len)


def test_labels_that_look_alike_are_told(tmp_path: Path) -> None:
    spellings = ("pos", "POS", "pos\u200b", "neg")
    rows = [(f"the {text} {i}", spellings[i % 4]) for i, (text, _) in enumerate(ROWS)]
    data = write(tmp_path / "a.csv", as_csv([("text", "label"), *rows]))
    result = call("train", data, "-o", tmp_path / "m", *SMALL, "--steps", 1)
    assert result.code == 0, result.err
    (warning,) = [line for line in result.err.splitlines() if line.startswith("similar labels")]
    assert "'pos' (" in warning
    assert "'POS' (" in warning
    assert "neg" not in warning


def test_labels_of_letters_that_look_alike_are_told_by_their_names(tmp_path: Path) -> None:
    spellings = ("positive", "p\u043esitive", "\u041fOSITIVE", "negative", "\u03bfne", "one")
    rows = [(f"the {text} {i}", spellings[i % 6]) for i, (text, _) in enumerate(ROWS)]
    data = write(tmp_path / "a.csv", as_csv([("text", "label"), *rows]))
    result = call("train", data, "--dry-run")
    assert result.code == 0, result.err
    (warning,) = [line for line in result.err.splitlines() if line.startswith("similar labels")]
    assert "'positive' (" in warning
    assert "'p\u043esitive' with CYRILLIC SMALL LETTER O (" in warning
    assert "'\u03bfne' with GREEK SMALL LETTER OMICRON (" in warning
    assert "'one' (" in warning
    assert "negative" not in warning
    assert "\u041f" not in warning  # it looks like no Latin letter


def test_a_perplexity_of_a_foreign_text_is_written_with_an_exponent(tmp_path: Path) -> None:
    data = write(tmp_path / "foreign.txt", "ΞΨΩΦ ЖЩЮЯ " * 40)
    (row,) = [
        line for line in call("evaluate", generator(), data).lines if "perplexity per word" in line
    ]
    assert float(row.split()[3]) >= 1e6
    assert "e+" in row
