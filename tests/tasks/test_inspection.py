"""What happens in small trained models as they read a text."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from models import classifier, generator, translator

from rnncli import TextClassifier, TextGenerator, Translator, load
from rnncli.analysis.weights import parts
from rnncli.errors import ConfigError, DataError
from rnncli.tasks.inspection import MAX_CHARACTERS, inspect_model, inspect_text, similar_tokens

TEXT = "the soup was lovely"


def test_a_generator_expects_what_it_scores() -> None:
    model = TextGenerator.load(generator())
    result = inspect_text(model, TEXT)
    (reading,) = result.readings
    assert "".join(reading.tokens) == "\n" + TEXT
    (score,) = model.surprisal([TEXT])
    bits = result.arrays["surprisal"].values
    assert np.isnan(bits[0])
    pieces = [value for _, value in score.pieces()][:-1]  # without the newline at the end
    np.testing.assert_allclose(bits[1:], pieces, atol=1e-3)
    for token, value, candidates in zip(
        reading.tokens[1:], bits[1:], result.prediction.candidates, strict=False
    ):
        probabilities = [each.probability for each in candidates]
        assert len(candidates) == 5
        assert probabilities == sorted(probabilities, reverse=True)
        for each in candidates:
            if each.token == token:
                assert -math.log2(each.probability) == pytest.approx(value, abs=1e-3)


def test_a_classifier_labels_each_prefix() -> None:
    model = TextClassifier.load(classifier())
    result = inspect_text(model, TEXT)
    (reading,) = result.readings
    assert reading.tokens[-1] == "<eos>"
    probabilities = result.arrays["probabilities"].values
    assert len(probabilities) == len(reading.tokens)
    for row, words in ((0, 1), (1, 2), (-1, 4)):
        (expected,) = model([" ".join(TEXT.split()[:words])])
        np.testing.assert_allclose(
            probabilities[row], list(expected.probabilities.values()), atol=1e-5
        )
    (blank,) = model([""])
    np.testing.assert_allclose(
        result.prediction.initial, list(blank.probabilities.values()), atol=1e-5
    )
    assert {(trace.half, trace.backward) for trace in reading.traces} == {
        ("encoder", False),
        ("encoder", True),
    }


def test_a_translator_is_read_in_both_halves() -> None:
    model = Translator.load(translator())
    text = "the cat sleeps today"
    result = inspect_text(model, text)
    encoder, decoder = result.readings
    assert [each.strip() for each in encoder.tokens] == [*text.split(), "<eos>"]
    (translation,) = model([text])
    assert result.prediction.text == translation.text
    assert "".join(decoder.tokens) == "<bos>" + translation.text
    (alignment,) = model.align([text], [translation.text])
    np.testing.assert_allclose(result.arrays["attention"].values, alignment.weights, atol=1e-6)
    assert {trace.half for trace in result.traces.values()} == {"encoder", "decoder"}
    bits = result.arrays["surprisal"].values
    for written, value, candidates in zip(
        decoder.tokens[1:], bits[1:], result.prediction.next_tokens.candidates, strict=False
    ):
        assert 2**-value <= candidates[0].probability + 1e-5, written


@pytest.mark.parametrize("path", [classifier, generator, translator])
def test_arrays_have_names_and_axes_and_become_json(path) -> None:
    model = load(path())
    result = inspect_text(model, TEXT)
    sizes = {reading.half: len(reading.tokens) for reading in result.readings}
    for name, array in result.arrays.items():
        assert array.values.ndim == len(array.axes)
        if name in ("surprisal", "probabilities", "attention"):
            continue
        assert array.axes == ("token", "unit")
        assert len(array.values) == sizes[name.split(".")[0]]
    values = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert values["arrays"].keys() == result.arrays.keys()
    assert values["text"] == TEXT


def test_a_model_is_described_by_its_parts() -> None:
    model = TextClassifier.load(classifier())
    result = inspect_model(model)
    assert sum(part.parameters for part in result.parts) == model.parameters
    assert result.parts == tuple(parts(model.network.weights))
    assert set(result.resting_gates["encoder.layers.0.0"]) == {"input", "forget", "output"}
    assert result.metrics[0]["step"] > 0
    json.dumps(result.to_dict(), allow_nan=False)


def test_words_used_alike_are_near_and_unknown_words_are_refused() -> None:
    model = TextClassifier.load(classifier())
    similar = similar_tokens(model, "lovely")
    assert "lovely" not in [each.token for each in similar]
    assert all(a.cosine >= b.cosine for a, b in pairwise(similar))
    with pytest.raises(ConfigError, match="not one token"):
        similar_tokens(model, "xylophone")


def test_texts_that_cannot_be_shown_are_refused() -> None:
    with pytest.raises(DataError, match="2,001 characters"):
        inspect_text(TextGenerator.load(generator()), "x" * (MAX_CHARACTERS + 1))
    with pytest.raises(DataError, match="blank"):
        inspect_text(Translator.load(translator()), " \n")
    with pytest.raises(ConfigError, match="control"):
        inspect_text(TextClassifier.load(classifier()), TEXT, "bad")
    assert inspect_text(TextClassifier.load(classifier()), "").readings[0].tokens == ("<eos>",)
    assert inspect_text(TextGenerator.load(generator()), "").readings[0].tokens == ("\n",)
