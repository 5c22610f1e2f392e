"""What holds for whatever text a model is given, and for the code as a whole."""

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from models import classifier, generator, translator

import rnncli
from rnncli import TextClassifier, TextGenerator, Translator
from rnncli.config import SamplingConfig, SearchConfig
from rnncli.errors import ConfigError, DataError, ModelError, RnncliError

ODD = ["", " ", "\n", "\x00", "the soup was lovely", "a\r\nb\u2028c", "日本 🙂", "<pad> <eos>"]
TEXTS = st.lists(st.text(max_size=20) | st.sampled_from(ODD), max_size=6)

FILES = sorted(Path(rnncli.__file__).parent.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


@pytest.fixture(scope="module")
def classify():
    return TextClassifier.load(classifier())


@pytest.fixture(scope="module")
def translate():
    return Translator.load(translator())


@pytest.fixture(scope="module")
def generate():
    return TextGenerator.load(generator())


# Models, whatever they read


@given(TEXTS)
@example(ODD)
def test_any_text_is_classified_as_if_it_were_alone(classify, texts):
    results = classify(texts)
    assert len(results) == len(texts)
    for text, result in zip(texts, results, strict=True):
        alone = classify([text])[0]
        assert result.probabilities == pytest.approx(alone.probabilities, abs=1e-5)
        assert result.probability == max(result.probabilities.values())
        assert result.probabilities[result.label] == result.probability
        assert sum(result.probabilities.values()) == pytest.approx(1)


@given(TEXTS)
@example(ODD)
@settings(max_examples=20)
def test_any_text_is_translated_as_if_it_were_alone(translate, texts):
    config = SearchConfig(beam=3, nbest=3)
    results = translate.nbest(texts, config)
    assert len(results) == len(texts)
    for text, found in zip(texts, results, strict=True):
        scores = [translation.score for translation in found]
        alone = [translation.score for translation in translate.nbest([text], config)[0]]
        np.testing.assert_allclose(scores, alone, atol=1e-5)
        assert not any("\n" in translation.text for translation in found)


def test_a_blank_text_has_a_blank_translation(translate):
    texts = [" ", "the cat sings", "", "\t\n", "\u2003"]
    found = [translation.text for translation in translate(texts)]
    assert found[:1] + found[2:] == [""] * 4
    assert found[1]


@given(st.text(max_size=20), st.integers(1, 3), st.integers(0, 99))
@settings(max_examples=30)
def test_what_is_streamed_is_what_is_returned(generate, prompt, n, seed):
    config = SamplingConfig(length=12, seed=seed, temperature=1.5)
    samples = generate.samples([prompt], n, config)[0]
    texts = [sample.text for sample in samples]
    pieces = list(generate.stream(prompt, n, config))
    assert ["".join(parts) for parts in zip(*pieces, strict=True)] == texts
    assert samples[0] == generate([prompt], config)[0]
    assert all(len(text) <= 12 for text in texts)


@given(st.lists(st.text(max_size=20) | st.sampled_from(ODD), max_size=5), st.integers(0, 99))
@example(ODD, 1)
@settings(max_examples=30)
def test_any_prompt_goes_on_as_if_it_were_alone(generate, prompts, seed):
    config = SamplingConfig(length=8, seed=seed, temperature=1.5)
    together = generate.samples(prompts, 2, config)
    assert together == [generate.samples([prompt], 2, config)[0] for prompt in prompts]
    assert [own[0].prompt for own in together] == prompts


@given(st.sampled_from(["e", " t", "the", "\n"]), st.integers(0, 99))
@settings(max_examples=30)
def test_a_stop_string_ends_a_text_and_is_not_in_it(generate, stop, seed):
    whole = generate(["The "], SamplingConfig(length=60, seed=seed))[0].text
    stopped = generate(["The "], SamplingConfig(length=60, seed=seed, stop=stop))[0].text
    assert stopped == whole.split(stop)[0]


@given(st.lists(st.text(min_size=2, max_size=30), min_size=1, max_size=4))
@settings(max_examples=20)
def test_a_text_scores_alike_in_one_piece_and_in_many(generate, texts):
    assert generate.score(texts) == pytest.approx(generate.score(["".join(texts)]), rel=1e-5)


# Code


def test_no_file_is_a_drawer_for_odds_and_ends():
    assert not {path.stem for path in FILES} & {"utils", "util", "helpers", "common", "misc"}


def test_every_error_says_what_to_type_next():
    silent = [
        f"{path.name}:{node.lineno}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("RnncliError", "DataError", "ModelError", "ConfigError")
        and len(node.args) + len(node.keywords) < 2
        and not any(isinstance(argument, ast.Starred) for argument in node.args)  # both
    ]
    assert silent == []


def test_an_error_is_its_message_and_its_hint():
    error = DataError("no text", "add some")
    assert (str(error), error.message, error.hint) == ("no text", "no text", "add some")
    assert isinstance(error, RnncliError)


def test_only_settings_that_cannot_work_are_wrong_usage():
    codes = {kind: kind("", None).exit_code for kind in (DataError, ModelError, ConfigError)}
    assert codes == {DataError: 1, ModelError: 1, ConfigError: 2}
