"""Arguments of models in Python: collections of texts and settings, or an error with a hint."""

import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, get_type_hints

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from datasets import Dataset
from models import classifier, generator, translator

import rnncli
from rnncli.config import SamplingConfig, SearchConfig
from rnncli.errors import ConfigError, InputError, RnncliError
from rnncli.tasks.generate.predict import SamplingSettings
from rnncli.tasks.translate.predict import SearchSettings

MODELS = {"classify": classifier, "generate": generator, "translate": translator}
TEXTS = ["the soup was lovely", "", "the cat sleeps today"]

every_task = pytest.mark.parametrize("task", MODELS)


def answered(task: str, texts: Any) -> list[str]:
    model = rnncli.load(MODELS[task]())
    if isinstance(model, rnncli.TextClassifier):
        return [result.label for result in model(texts)]
    if isinstance(model, rnncli.TextGenerator):
        return [result.text for result in model(texts, length=8, seed=1)]
    return [result.text for result in model(texts)]


def generated(texts: list[str]) -> Iterator[str]:
    yield from texts


COLLECTIONS: dict[str, Callable[[list[str]], Any]] = {
    "tuple": tuple,
    "generator": generated,
    "series": pd.Series,
    "shuffled series": lambda texts: pd.Series(texts, index=[2, 0, 1]),
    "array": np.array,
    "array of objects": lambda texts: np.array(texts, object),
    "arrow": pa.array,
    "chunks of arrow": lambda texts: pa.chunked_array([texts[:1], texts[1:]]),
    "keys": lambda texts: dict.fromkeys(texts).keys(),
}


@every_task
@pytest.mark.parametrize("kind", COLLECTIONS)
def test_any_collection_of_texts_is_accepted(task: str, kind: str) -> None:
    assert answered(task, COLLECTIONS[kind](TEXTS)) == answered(task, TEXTS)


@every_task
def test_no_texts_have_no_results(task: str) -> None:
    assert answered(task, []) == []


@every_task
@pytest.mark.parametrize(
    ("texts", "message", "hint"),
    [
        ("a text", "a single string", "model([text])"),
        (b"a text", "a single string", "model([text])"),
        (None, "None", "model([text])"),
        (7, "7", "model([text])"),
        ([b"a text"], "text 0 is b'a text'", "decode"),
        (["a", None], "text 1 is None", "fillna"),
        (["a", "b", float("nan")], "text 2 is nan", "fillna"),
        (pd.Series(["a", float("nan"), "b"]), "text 1 is nan", "fillna"),
        ([["a"]], "text 0 is ['a']", "strings"),
        ({"text": ["a"]}, "columns", 'table["text"]'),
        (pd.DataFrame({"text": ["a"]}), "columns", 'table["text"]'),
        (Dataset.from_dict({"text": ["a"]}), "columns", 'table["text"]'),
        ({"a", "b"}, "set", "model([text])"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_arguments_are_errors_with_a_hint(
    task: str, texts: Any, message: str, hint: str
) -> None:
    with pytest.raises(InputError) as caught:
        answered(task, texts)
    assert message in caught.value.message
    assert hint in str(caught.value.hint)
    assert isinstance(caught.value, RnncliError) and isinstance(caught.value, TypeError)


def test_methods_refuse_a_single_string_too() -> None:
    models = [rnncli.load(path()) for path in MODELS.values()]
    classify, generate, translate = models
    assert isinstance(classify, rnncli.TextClassifier)
    assert isinstance(generate, rnncli.TextGenerator)
    assert isinstance(translate, rnncli.Translator)
    calls: list[Callable[[Any], Any]] = [
        classify.logits,
        classify.explain,
        lambda texts: rnncli.explain(classify, texts),
        lambda texts: generate.samples(texts, 2),
        generate.surprisal,
        translate.nbest,
        lambda texts: translate.align(texts, texts),
    ]
    for call in calls:
        with pytest.raises(InputError, match="single string"):
            call("the cat")
    for prompt in (None, ["The "], b"The "):
        with pytest.raises(InputError, match="prompt"):
            next(generate.stream(prompt))  # type: ignore[arg-type]
        with pytest.raises(InputError, match="prompt"):
            next(generate.lines(1, prompt))  # type: ignore[arg-type]


# Settings


def test_settings_are_keywords_or_a_config() -> None:
    model = rnncli.TextGenerator.load(generator())
    config = SamplingConfig(length=20, temperature=0.5, seed=3)
    expected = model(["The "], config)
    assert model(["The "], length=20, temperature=0.5, seed=3) == expected
    assert model(["The "], SamplingConfig(length=20, seed=3), temperature=0.5) == expected
    assert model.samples(["The "], 1, length=20, temperature=0.5, seed=3) == [expected]
    streamed = "".join(piece for (piece,) in model.stream("The ", 1, config))
    again = model.stream("The ", 1, length=20, temperature=0.5, seed=3)
    assert "".join(piece for (piece,) in again) == streamed
    assert list(model.lines(2, "The ", seed=1)) == list(
        model.lines(2, "The ", SamplingConfig(seed=1))
    )


def test_a_beam_is_a_keyword_or_in_a_config() -> None:
    model = rnncli.Translator.load(translator())
    texts = ["the cat sleeps", "a gull sings"]
    (greedy, several) = (
        [[output.text for output in best] for best in model.nbest(texts, config)]
        for config in (SearchConfig(beam=1), SearchConfig(nbest=2))
    )
    assert [[output.text] for output in model(texts, beam=1)] == greedy
    assert [[output.text for output in best] for best in model.nbest(texts, nbest=2)] == several


@pytest.mark.parametrize(
    ("config", "settings"), [(SamplingConfig, SamplingSettings), (SearchConfig, SearchSettings)]
)
def test_every_field_of_a_config_is_a_keyword(config: Any, settings: Any) -> None:
    types = {field.name: field.type for field in fields(config)}
    assert get_type_hints(settings) == types


@pytest.mark.parametrize(
    ("setting", "hint"), [("temprature", "temperature"), ("lenght", "length"), ("xyz", "top_k")]
)
def test_an_unknown_setting_is_an_error_with_a_hint(setting: str, hint: str) -> None:
    model = rnncli.TextGenerator.load(generator())
    with pytest.raises(ConfigError, match=setting) as caught:
        model(["The "], **{setting: 1})
    assert hint in str(caught.value.hint)
    with pytest.raises(ConfigError, match=setting):
        rnncli.Translator.load(translator())(["the cat"], **{setting: 1})


def test_a_classifier_abstains_below_a_threshold() -> None:
    model = rnncli.TextClassifier.load(classifier())
    plain = model(TEXTS)
    assert not any(result.abstained for result in plain)
    unsure = model(TEXTS, threshold=1, abstain_label="unsure")
    assert {result.label for result in unsure} == {"unsure"}
    assert [r.probability for r in unsure] == [r.probability for r in plain]
    assert [r.abstained for r in model(TEXTS, threshold="auto")] == [
        result.probability < 2 / 3 for result in plain
    ]
    for threshold in (0, 1.5, "most", None):
        if threshold is not None:
            with pytest.raises(ConfigError, match="threshold"):
                model(TEXTS, threshold=threshold)  # type: ignore[arg-type]


# Representations


def test_the_public_names_are_listed() -> None:
    assert dir(rnncli) == sorted(rnncli.__all__)
    for name in rnncli.__all__:
        assert getattr(rnncli, name)
    functions = ["load", "train", "evaluate", "explain"]
    assert all(inspect.getdoc(getattr(rnncli, name)) for name in functions)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = rnncli.nothing


def test_public_names_are_imported_lazily() -> None:
    code = (
        "import rnncli, sys; dir(rnncli); print({'numpy', 'torch', 'datasets'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code]).strip() == b"set()"


@every_task
def test_the_representation_of_a_model_has_its_properties(task: str) -> None:
    model = rnncli.load(MODELS[task]())
    shown = repr(model)
    assert shown.startswith(f"<{type(model).__name__} {MODELS[task]()}: ")
    (parameters,) = re.findall(r"([\d,]+) parameters", shown)
    assert int(parameters.replace(",", "")) > 100
    assert "level" in shown
    if task == "classify":
        assert "2 labels (bad, good)" in shown


def test_results_are_readable() -> None:
    (result,) = rnncli.TextClassifier.load(classifier())(["the soup was lovely"])
    assert repr(result).startswith("Classification(label='good', probability=0.")
    assert [field.name for field in fields(result)][:2] == ["label", "probability"]
