"""``rnncli.evaluate``: the scores are those of the command and of training."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models import classifier, generator, pairs, reviews, story, translator, write_lines
from shell import call

import rnncli
from rnncli import Translator
from rnncli.data.values import column_values
from rnncli.errors import ConfigError, DataError, ModelError
from rnncli.networks.numerics import log_softmax
from rnncli.storage.reading import read_description
from rnncli.tasks.evaluation_data import read_held_out, training_data_of
from rnncli.text.batching import pad
from rnncli.text.sentences import clean
from rnncli.text.special_tokens import BOS, EOS

TASKS: dict[str, tuple[Callable[[], Path], Callable[[], Path]]] = {
    "classify": (classifier, reviews),
    "generate": (generator, story),
    "translate": (translator, pairs),
}
every_task = pytest.mark.parametrize("task", TASKS)


@every_task
@pytest.mark.parametrize("is_named", [False, True])
def test_the_scores_are_those_of_the_command(task: str, is_named: bool) -> None:
    model, data = TASKS[task][0](), [TASKS[task][1]()] if is_named else []
    printed = json.loads(call("evaluate", model, *data, "--json").lines[0])
    result = rnncli.evaluate(model, data or None)
    assert json.loads(json.dumps(result.to_dict())) == printed
    assert {"model": str(model), "data": result.data, **result.scores} == result.to_dict()


@pytest.mark.parametrize("data", [str, Path, lambda path: [path], lambda path: (str(path),)])
def test_data_may_be_a_name_a_path_or_a_list_of_them(data: Callable[[Path], Any]) -> None:
    assert rnncli.evaluate(classifier(), data(reviews())).scores["texts"] == 80


def test_the_representation_of_a_result_shows_the_total_scores() -> None:
    result = rnncli.evaluate(str(translator()), pairs())
    shown = repr(result)
    assert shown.startswith(f"EvaluationResult('{translator()}', '{pairs()}', ")
    assert f"bleu={result.scores['bleu']['score']:.6g}" in shown
    assert "baselines" not in shown


def test_mistakes_are_dictionaries_and_can_be_iterated_twice(tmp_path: Path) -> None:
    rows = ["the soup was lovely,bad", "the soup was dreadful,bad", "the tea was dreadful,good"]
    data = write_lines(tmp_path / "d.csv", "text,label", *rows)
    mistakes = rnncli.evaluate(classifier(), data).mistakes
    assert mistakes is not None
    first = list(mistakes)
    assert {(row["text"], row["label"], row["answer"]) for row in first} == {
        ("the soup was lovely", "bad", "good"),
        ("the tea was dreadful", "good", "bad"),
    }
    assert list(mistakes) == first
    assert len(mistakes) == 2
    assert rnncli.evaluate(generator(), story()).mistakes is None


def test_settings_have_the_effect_of_the_options() -> None:
    scores = rnncli.evaluate(classifier(), reviews(), baselines=False, against=classifier()).scores
    assert scores["baselines"] == {}
    assert scores["against"]["difference"] == 0
    whole, windows = (rnncli.evaluate(generator(), story(), window=n).scores for n in (None, 3))
    assert windows["nats_per_token"] > whole["nats_per_token"]
    assert "tok:char" in rnncli.evaluate(translator(), tokenize="char").scores["bleu"]["signature"]


def test_notices_go_to_announce_alone(capsys: pytest.CaptureFixture[str]) -> None:
    notices: list[str] = []
    rnncli.evaluate(generator(), announce=notices.append)
    assert any(str(story()) in notice for notice in notices)
    rnncli.evaluate(generator())
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize(
    ("model", "data", "settings", "error"),
    [
        (generator, story, {"against": "other"}, ConfigError),
        (translator, pairs, {"baselines": False}, ConfigError),
        (classifier, reviews, {"beam": 3}, ConfigError),
        (classifier, reviews, {"memory": False}, ConfigError),
        (generator, story, {"tokenize": "char"}, ConfigError),
        (translator, pairs, {"window": 3}, ConfigError),
        (classifier, lambda: None, {"split": "train"}, ConfigError),
        (classifier, lambda: None, {"text": "text"}, ConfigError),
        (translator, pairs, {"tokenize": "13b"}, ConfigError),
        (translator, pairs, {"beam": 0}, ConfigError),
        (generator, story, {"control": "author"}, ConfigError),
        (classifier, lambda: "nowhere.csv", {}, DataError),
        (classifier, reviews, {"split": "test"}, DataError),
        (lambda: "nowhere", reviews, {}, ModelError),
        (classifier, lambda: [("the soup was lovely", "good")], {}, ConfigError),
        (classifier, lambda: 3, {}, ConfigError),
    ],
)
def test_wrong_arguments_are_errors_with_a_hint(
    model: Callable[[], Any], data: Callable[[], Any], settings: dict[str, Any], error: type
) -> None:
    with pytest.raises(error) as caught:
        rnncli.evaluate(model(), data(), **settings)
    assert caught.value.hint


def test_the_loss_of_a_saved_translator_is_that_of_training() -> None:
    """Training computes it in PyTorch, the saved model in NumPy."""
    description, model = read_description(translator()), Translator.load(translator())
    rows = read_held_out("translate", training_data_of(translator()), None, print).rows
    ids = []
    for column, tokenizer in zip(
        ("source", "target"), (model.tokenizer, model.target_tokenizer), strict=True
    ):
        texts = map(clean, column_values(rows, column))
        ids.append([[*tokens, EOS] for tokens in tokenizer.encode_all(texts)])
    sources, targets = ids
    inputs, lengths = pad([[BOS, *target[:-1]] for target in targets])
    state = model.network.encode(*pad(sources))
    logits, _ = model.network.decode(inputs, state)
    log_p = log_softmax(logits)
    losses = [
        -log_p[row, np.arange(length), target]
        for row, (length, target) in enumerate(zip(lengths, targets, strict=True))
    ]
    loss = np.concatenate(losses).mean()
    assert loss == pytest.approx(description.scores["loss"], abs=1e-4)
