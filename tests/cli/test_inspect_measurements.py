"""``inspect --find``, ``--edit`` and ``--lag``, as a person types them, on small models."""

import json
from pathlib import Path

import numpy as np
import pytest
from models import QUICK, classifier, generator, story, train, translator, write_lines
from shell import call, explained

from rnncli.analysis.hidden_states import read_states
from rnncli.analysis.text_properties import PROPERTIES, TextProperty
from rnncli.analysis.unit_search import Moments, find_units
from rnncli.cli.views.lag import lag_figures
from rnncli.cli.views.table import Table
from rnncli.config import CELLS
from rnncli.tasks import load
from rnncli.tasks.held_out_texts import held_out_texts
from rnncli.tasks.lag import GradientNorms, LagInspection
from rnncli.tasks.unit_search import property_of

WORDS = ["north", "south", "east", "west", "river", "stone", "cloud", "meadow", "harbour", "candle"]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a text with capital letters here and there, which no model was trained on."""
    rng = np.random.default_rng(1)
    rows = []
    for _ in range(500):
        words = rng.choice(WORDS, 6)
        rows.append(" ".join(w.upper() if rng.random() < 0.3 else w for w in words))
    return write_lines(tmp_path_factory.mktemp("texts") / "texts.txt", *rows)


def test_the_units_that_know_capital_letters_are_found(texts: Path) -> None:
    result = call("inspect", generator(), "--find", "upper", "--data", texts, "--json")
    assert result.code == 0, result.err
    (found,) = [json.loads(line)["find"] for line in result.lines]
    assert found["searched"] == 16  # h and c of eight units
    best = found["units"][0]
    assert best["is_significant"] and abs(best["correlation"]) > 0.3
    low, high = best["interval"]
    assert low < best["correlation"] < high
    assert best["effect"]["measure"] == "bits per character"
    assert best["effect"]["after"] != best["effect"]["before"]
    values = [example["value"] for example in best["highest"] + best["lowest"]]
    assert values == sorted(values[:3], reverse=True) + sorted(values[3:])
    assert values[0] > best["mean"] > values[3]


def test_a_random_property_finds_no_unit(texts: Path) -> None:
    """A property that has nothing to do with the text, permuted anew each time."""
    model, rows = load(generator()), texts.read_text().split("\n")
    pieces = ["\n".join(rows[i : i + 4]) for i in range(0, 240, 4)]
    states = read_states(model.network, list(model.tokenizer.encode_all(pieces)))
    rng = np.random.default_rng(2)

    def permuted(text: str) -> np.ndarray:
        runs = rng.permutation(np.repeat(rng.random(len(text) // 10 + 1) < 0.3, 10))
        return runs[: len(text)].astype(np.float64)

    def finds(values_of: TextProperty) -> bool:
        values = [values_of(text) for text in pieces]  # a character is a token
        found = find_units([Moments.of(x, y) for x, y in zip(states, values, strict=True)])
        return any(unit.is_significant for unit in found)

    assert sum(finds(permuted) for _ in range(20)) <= 3
    assert finds(PROPERTIES["upper"])


def test_the_table_and_the_examples_are_drawn_without_markup(texts: Path, tmp_path: Path) -> None:
    rows = [line + " [red]\x1b[31m" for line in texts.read_text().split("\n")[:400]]
    hostile = write_lines(tmp_path / "hostile.txt", *rows)
    result = call("inspect", generator(), "--find", "upper", "--match", "--data", hostile)
    assert result.code == 0, result.err
    drawn = result.out.decode()
    assert "95 % interval" in drawn and "is largest and smallest" in drawn
    assert "\x1b" not in drawn


def test_words_of_a_file_are_a_property(tmp_path: Path, texts: Path) -> None:
    words = write_lines(tmp_path / "directions.txt", "north", "South")
    result = call("inspect", classifier(), "--find", words, "--data", texts, "--json")
    assert result.code == 0, result.err
    (found,) = [json.loads(line)["find"] for line in result.lines]
    assert found["property"] == str(words)
    assert found["units"][0]["unit"].split(".")[0] in ("forward", "backward")
    assert found["units"][0]["effect"]["measure"] == "share of other labels"
    values = property_of("north,South")("to the south")
    np.testing.assert_array_equal(values, property_of(str(words))("to the south"))
    assert values.tolist() == [0.0] * 11 + [1.0]


def test_what_cannot_be_found_is_explained(tmp_path: Path, texts: Path) -> None:
    hint = explained(call("inspect", generator(), "--find", "quot"), 2, "no property 'quot'")
    assert "quote" in hint
    few = write_lines(tmp_path / "few.txt", *texts.read_text().split("\n")[:50])
    explained(call("inspect", generator(), "--find", "upper", "--data", few), 1, "40 texts")
    explained(call("inspect", generator(), "--find", "digit", "--data", texts), 1, "not vary")
    explained(call("inspect", generator(), "--edit", "c99=1", "The"), 2, "no unit c99")


@pytest.mark.parametrize("model", [generator, translator])
def test_an_edit_changes_what_is_written(model: object) -> None:
    path = model()  # type: ignore[operator]
    unit = "h0=1" if model is generator else "encoder.forward.h0=1"
    result = call("inspect", path, "the baker sings", "--edit", unit, "--json")
    assert result.code == 0, result.err
    (edit,) = [json.loads(line)["edit"] for line in result.lines]
    assert edit["edits"] == [unit]
    if model is generator:
        assert edit["before"] != edit["after"]
    drawn = call("inspect", path, "the baker sings", "--edit", unit)
    assert "as trained" in drawn.out.decode() and unit in drawn.out.decode()


def test_an_edit_changes_probabilities_and_labels(texts: Path) -> None:
    edits = [word for i in range(8) for word in ("--edit", f"forward.h{i % 4}=1")]
    result = call("inspect", classifier(), "the soup was lovely", *edits, "--json")
    (edit,) = [json.loads(line)["edit"] for line in result.lines]
    assert edit["probabilities_before"] != edit["probabilities_after"]
    assert sum(edit["probabilities_after"].values()) == pytest.approx(1)
    result = call("inspect", classifier(), *edits, "--data", texts, "--json")
    (edit,) = [json.loads(line)["edit"] for line in result.lines]
    assert 0 <= edit["after"] <= 1


def test_lag_compares_networks_and_contexts(tmp_path: Path) -> None:
    other = train(story(), tmp_path / "rnn", *QUICK, "--steps", 5, "--cell", "rnn")
    cells = [word for cell in CELLS for word in ("--cell", cell)]
    words = ("inspect", generator(), "--lag", "--against", other, *cells, "--data", story())
    result = call(*words, "--json")
    assert result.code == 0, result.err
    (lag,) = [json.loads(line)["lag"] for line in result.lines]
    assert [reach["cell"] for reach in lag["reaches"]] == ["lstm", "rnn", *CELLS]
    assert [reach["is_trained"] for reach in lag["reaches"]] == [True, True, *[False] * len(CELLS)]
    for reach in lag["reaches"]:
        assert len(reach["gradient"]) == 257 and reach["gradient"][0] == 1
        assert len(reach["spectral_radii"]) == (reach["cell"] != "mingru")
    contexts = {each["tokens"]: each for each in lag["contexts"]}
    assert contexts[1]["loss"] > contexts[64]["loss"]
    assert contexts[1]["rise"] > contexts[256]["rise"]
    assert lag["positions"][0]["first"] == 1
    assert lag["training"][0]["after"] <= lag["training"][0]["before"]
    drawn = call(*words).out.decode()
    for word in ("steps back", "spectral radius", "rnn, untrained", "before clipping"):
        assert word in drawn


def test_lag_in_a_short_text_has_contexts_that_are_shorter(tmp_path: Path) -> None:
    short = write_lines(tmp_path / "short.txt", "The baker wakes before the gulls. She lights it.")
    result = call("inspect", generator(), "--lag", "--data", short, "--json")
    (lag,) = [json.loads(line)["lag"] for line in result.lines]
    assert [each["tokens"] for each in lag["contexts"]] == [1, 4, 16]


def test_the_largest_norm_of_many_evaluations_is_shown() -> None:
    norms = [GradientNorms(i, 1.0, 1.0, 50.0 if i == 4 else 1.0) for i in range(1, 26)]
    *_, figure = lag_figures(LagInspection("model", (), None, (), (), tuple(norms)))
    assert isinstance(figure.picture, Table)
    rows = figure.picture.rows
    assert len(rows) == 9
    assert [row[3] for row in rows] == ["1", "50", *["1"] * 7]
    assert rows[-1][0] == "25"


def test_lag_of_a_classifier_hides_the_beginnings_of_texts(texts: Path) -> None:
    result = call("inspect", classifier(), "--lag", "--data", texts, "--json")
    assert result.code == 0, result.err
    (lag,) = [json.loads(line)["lag"] for line in result.lines]
    assert lag["measure"] == "nats of the label"
    assert lag["contexts"][-1]["rise"] == 0  # no text has so many tokens
    assert lag["contexts"][0]["rise"] > 0


def test_texts_that_the_model_held_out_are_read_without_data() -> None:
    result = call("inspect", classifier(), "--lag", "--json")
    assert result.code == 0, result.err
    assert "reading the training data again" in result.err


def test_a_bundled_model_whose_data_is_not_here_reads_texts_that_come_with_it() -> None:
    messages: list[str] = []
    texts = held_out_texts(load("bundled:sentiment"), None, 1_000, messages.append)
    assert sum(map(len, texts)) >= 1_000
    assert "the bundled reviews, which the model may have learned from" in messages[-1]


@pytest.mark.parametrize(
    ("option", "value"), [("--match", ""), ("--cell", "rnn"), ("--data", "texts.txt")]
)
def test_an_option_that_goes_with_another_is_not_ignored(option: str, value: str) -> None:
    result = call("inspect", generator(), *filter(None, (option, value)))
    hint = explained(result, 2, f"{option} goes with --")
    assert hint.startswith("rnncli inspect") and ("--find" in hint or "--lag" in hint)
