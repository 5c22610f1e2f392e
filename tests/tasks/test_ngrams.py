"""The linear n-gram model: features, logits, fitting, and its file."""

import json
import math
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from rnncli.errors import ModelError
from rnncli.networks.numerics import log_softmax
from rnncli.storage.tensors import TensorFile, write_tensors
from rnncli.tasks.classify.fit_ngrams import (
    MIN_TEXTS,
    NgramExamples,
    NgramFit,
    NgramFitter,
    select_ngrams,
)
from rnncli.tasks.classify.ngrams import BUCKETS, NgramFeatures, NgramModel, lookup
from rnncli.training.contract import TrainingData
from rnncli.training.parallel import Workers

WORDS, LETTERS, BOTH = (
    NgramFeatures((1, 2), ()),
    NgramFeatures((), (1, 2, 3)),
    NgramFeatures((1, 2), (3, 4)),
)
APART = NgramFeatures((1, 2), (3, 4), max_skip=3, normalised=True)

TEXTS = st.text(max_size=60)
every_kind = pytest.mark.parametrize("ngrams", [WORDS, LETTERS, BOTH, APART])


def buckets_of(ngrams, text):
    return ngrams.extract([text])[0]


@every_kind
@given(texts=st.lists(TEXTS, max_size=5))
def test_the_buckets_of_texts_are_those_of_each(ngrams, texts):
    buckets, starts = ngrams.extract(texts)
    for text, result in zip(texts, np.split(buckets, starts)[1:], strict=True):
        np.testing.assert_array_equal(result, buckets_of(ngrams, text))


@every_kind
@given(text=TEXTS)
def test_buckets_are_in_range_and_unique(ngrams, text):
    result = buckets_of(ngrams, text)
    assert ((result >= 0) & (result < BUCKETS)).all()
    assert len(set(result.tolist())) == len(result)


def test_case_and_spaces_are_ignored():
    np.testing.assert_array_equal(buckets_of(BOTH, "  Good\n BOOK"), buckets_of(BOTH, "good book"))


def test_features_are_words_and_ordered_bigrams():
    def common(one, other, ngrams=WORDS):
        return len(np.intersect1d(buckets_of(ngrams, one), buckets_of(ngrams, other)))

    empty = len(buckets_of(WORDS, ""))  # beginning and end
    assert len(buckets_of(WORDS, "not good")) == 2 + 2 + 3  # with beginning and end as words
    assert common("not good", "good not") == 2 + 2
    assert common("a b", "a c") == 2 + 2  # the word, and that it begins the text
    assert common("映画", "映像") == 2 + 2  # in scripts without spaces characters are words
    assert common("Petrov", "Ivanov", LETTERS) > common("Petrov", "Smith", LETTERS)
    assert empty == 2 + 1


SPACED = NgramFeatures((1,), (), splits_unspaced=False)  # what models did that do not say it


@pytest.mark.parametrize(
    "text", ["กขค", "ກຂຄ", "ကခဂ", "កខគ", "映画祭", "\U00020000\U00020001\U00020002"]
)
def test_each_character_of_a_script_without_spaces_is_a_word(text):
    words = NgramFeatures((1,), ())
    np.testing.assert_array_equal(buckets_of(words, text), buckets_of(words, " ".join(text)))
    assert len(buckets_of(words, f"good {text}")) == 2 + 1 + 3  # with beginning and end as words
    assert len(buckets_of(SPACED, f"good {text}")) == 2 + 1 + (3 if text == "映画祭" else 1)


@pytest.mark.parametrize("text", ["it's late, she said", "déjà vu: l’été", "Добрый день!", "हिन्दी"])
def test_words_between_spaces_are_the_same_for_models_of_every_age(text):
    words = NgramFeatures((1,), ())
    np.testing.assert_array_equal(buckets_of(words, text), buckets_of(SPACED, text))


def test_skip_grams_have_a_largest_distance():
    near, far = NgramFeatures((1,), (), max_skip=2), NgramFeatures((1,), (), max_skip=3)

    def pairs(text, ngrams):
        return np.setdiff1d(buckets_of(ngrams, text), buckets_of(NgramFeatures((1,), ()), text))

    assert len(pairs("one two three", near)) == 3  # with beginning and end as words
    assert len(pairs("one two three", far)) == 3 + 2
    assert len(np.intersect1d(pairs("not so good", near), pairs("not very good", near))) == 1
    ends = 2  # (beginning, so) and (so, end)
    assert len(np.intersect1d(pairs("not so good", near), pairs("good so not", near))) == ends
    ends = 2  # (beginning, not) and (good, end)
    same = np.intersect1d(pairs("x not so y good z", far), pairs("a not b good c", far))
    assert len(same) == ends + 1


def test_normalised_features_do_not_grow_with_the_length():
    texts = ["good " + " ".join(f"w{j}" for j in range(i)) for i in range(1, 20)]
    texts += ["bad " + " ".join(f"w{j}" for j in range(i)) for i in range(1, 20)]
    classes = np.array([0] * 19 + [1] * 19)
    for ngrams in (WORDS, NgramFeatures((1, 2), (), normalised=True)):
        examples = NgramExamples(*ngrams.extract(texts), classes)
        model = fit(examples, examples, ngrams=ngrams).model
        assert (model(texts).argmax(1) == classes).all()
        half = NgramModel(ngrams, model.buckets, model.weight, 0 * model.bias)
        short, long = half(["good w1", "good w1 and many unknown words"])
        assert (abs(long[0]) < 0.9 * abs(short[0])) == ngrams.normalised


@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_the_buckets_of_words_and_characters_are_joined(texts):
    for text in texts:
        parts = [NgramFeatures((1, 2), ()), NgramFeatures((), (3, 4))]
        apart = np.concatenate([buckets_of(part, text) for part in parts])
        np.testing.assert_array_equal(buckets_of(BOTH, text), np.unique(apart))


@every_kind
@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_logits_are_the_sum_of_the_weights_of_the_buckets(ngrams, texts):
    rng = np.random.default_rng(0)
    buckets, starts = ngrams.extract(texts)
    known_buckets = np.unique(buckets)[::2]
    weight, bias = (
        rng.normal(size=(len(known_buckets), 3)).astype(np.float32),
        np.float32([1, 2, 3]),
    )
    logits = NgramModel(ngrams, known_buckets, weight, bias)(texts)
    for row, text_buckets in zip(logits, np.split(buckets, starts[1:]), strict=True):
        scale = len(text_buckets) ** -0.5 if ngrams.normalised else 1
        expected = scale * weight[np.isin(known_buckets, text_buckets)].sum(0) + bias
        np.testing.assert_allclose(row, expected, atol=1e-4)


def examples(texts, classes):
    return NgramExamples(*WORDS.extract(texts), np.array(classes))


def fit(train, validation, min_count=1, max_ngrams=1000, ngrams=WORDS, workers=1) -> NgramFit:
    num_classes = train.classes.max() + 1
    with closing(Workers(workers)) as threads:
        fitter = NgramFitter(num_classes, min_count, max_ngrams, threads)
        return fitter.fit(ngrams, train, validation)


def fitted(*parts, **options):
    return fit(*parts, **options).model


def test_a_fitted_model_classifies_other_texts():
    good, bad = ("lovely", "bright", "warm"), ("dull", "cold", "dreadful")
    things = [f"thing{i}" for i in range(20)]
    texts = [f"the {thing} was {word}" for thing in things for word in good + bad]
    classes = [int(word in bad) for _ in things for word in good + bad]
    train, held = examples(texts[:90], classes[:90]), examples(texts[90:], classes[90:])
    logits = fitted(train, held)(["a lovely house", "a dreadful house", "neither"])
    assert logits[0].argmax() == 0
    assert logits[1].argmax() == 1
    assert np.ptp(logits[2]) < min(np.ptp(logits[0]), np.ptp(logits[1]))


def test_the_returned_loss_is_that_on_the_validation_part():
    texts = ["good day", "bad day", "good night", "bad night", "so good", "so bad"] * 3
    classes = np.array([0, 1] * 9)
    train, held = examples(texts[:12], classes[:12]), examples(texts[12:], classes[12:])
    found = fit(train, held)
    log_p = log_softmax(found.model(texts[12:]))[np.arange(6), classes[12:]]
    assert found.loss == pytest.approx(-log_p.mean(), abs=1e-5)


def test_unknown_labels_of_the_validation_part_are_ignored():
    train = examples(["up", "down"] * 10, [0, 1] * 10)
    validation = examples(["up", "down", "sideways"], [0, 1, -1])
    assert fitted(train, validation)(["up", "down"]).argmax(1).tolist() == [0, 1]


def test_a_validation_part_of_unknown_labels_alone_is_no_error():
    train = examples(["up", "down"] * 10, [0, 1] * 10)
    assert fitted(train, examples(["left"], [-1]))(["up", "down"]).argmax(1).tolist() == [0, 1]


def test_rare_ngrams_and_those_of_small_effect_are_left_out():
    texts = ["good day", "bad day"] * 10 + ["good once", "bad never"]
    train = examples(texts, [0, 1] * 11)
    common = fitted(train, train, min_count=2)
    assert not np.isin(buckets_of(NgramFeatures((1,), ()), "once never")[2:], common.buckets).any()
    few = fitted(train, train, max_ngrams=4)
    assert len(few.buckets) == len(few.weight) == 4
    assert few(["a good one", "a bad one"]).argmax(1).tolist() == [0, 1]


def random_examples(num_texts, num_classes):
    rng = np.random.default_rng(0)
    classes = rng.integers(num_classes, size=num_texts)
    texts = [" ".join(f"w{w}" for w in rng.poisson(3 + 2 * c, 8)) for c in classes]
    return examples(texts, classes)


@pytest.mark.parametrize("num_classes", [2, 3])
def test_workers_fit_the_same_model_as_one_does(num_classes):
    train, held = random_examples(300, num_classes), random_examples(100, num_classes)
    one, two, again = (fitted(train, held, workers=count) for count in (1, 2, 2))
    np.testing.assert_array_equal(two.buckets, again.buckets)
    np.testing.assert_array_equal(two.weight, again.weight)
    np.testing.assert_array_equal(one.buckets, two.buckets)
    np.testing.assert_allclose(one.weight, two.weight, atol=1e-3)
    assert np.ptp(one.weight) > 0.1


@pytest.mark.parametrize("num_classes", [2, 5])
def test_texts_in_pieces_fit_the_same_model_as_all_at_once(num_classes, monkeypatch):
    """Of many classes, memory holds the logits of a few texts at a time."""
    train, held = random_examples(300, num_classes), random_examples(100, num_classes)
    whole = fitted(train, held)
    monkeypatch.setattr("rnncli.tasks.classify.regression.MAX_LOGITS", 70 * num_classes)
    pieces = fitted(train, held)
    np.testing.assert_array_equal(pieces.buckets, whole.buckets)
    np.testing.assert_allclose(pieces.weight, whole.weight, atol=1e-3)
    assert np.ptp(whole.weight) > 0.1


def test_classes_in_pieces_have_the_same_logits_as_all_at_once(monkeypatch):
    model = fitted(random_examples(300, 7), random_examples(100, 7))
    texts = ["w3 w5 w8", "", "w1 " * 50]
    whole = model(texts)
    monkeypatch.setattr("rnncli.tasks.classify.ngrams.MAX_VALUES", 100)
    np.testing.assert_array_equal(model(texts), whole)
    assert np.ptp(whole) > 0.1


@pytest.mark.parametrize("size", [100, 4_000_000])  # of the numbers, few or many of them looked up
def test_lookup_finds_the_rows_of_the_buckets_that_are_there(size):
    rng = np.random.default_rng(0)
    known, buckets = np.unique(rng.integers(size, size=60)), rng.integers(size + 9, size=1_000)
    known[-1] = size - 1
    buckets[::3] = rng.choice(known, len(buckets[::3]))
    starts = np.array([0, 0, 10, 700])
    rows, row_starts = lookup(known, buckets, starts)
    expected = [
        [known.tolist().index(b) for b in part.tolist() if b in known]
        for part in np.split(buckets, starts[1:])
    ]
    assert [part.tolist() for part in np.split(rows, row_starts[1:])] == expected


def texts_of_two_classes(number):
    rng = np.random.default_rng(number)
    classes = rng.integers(2, size=number)
    words = np.array([["good", "lovely", "warm"], ["bad", "dreadful", "cold"]])
    texts = [f"a {words[c, rng.integers(3)]} thing {rng.integers(99)}" for c in classes]
    return Dataset.from_dict({"text": texts}), classes


def test_a_fit_without_time_takes_fewer_texts_and_still_learns():
    train, classes = texts_of_two_classes(MIN_TEXTS + 500)
    held, held_classes = texts_of_two_classes(200)
    data = TrainingData(train, held)
    threads = torch.get_num_threads()
    whole, short = (
        select_ngrams(data, classes, held_classes, 2, 2, 2, seconds) for seconds in (math.inf, 1e-9)
    )
    assert torch.get_num_threads() == threads
    assert (whole.num_texts, whole.is_complete) == (MIN_TEXTS + 500, True)
    assert (short.num_texts, short.is_complete) == (MIN_TEXTS, False)
    for found in (whole, short):
        assert (found.validation.argmax(1) == held_classes).mean() == 1
        np.testing.assert_allclose(found.validation, found.model(held["text"]))


def test_weights_minimise_the_penalised_loss():
    """At the minimum no small change of a weight makes the penalised loss smaller."""
    texts = ["good day", "bad day", "good night", "bad night", "good", "day"]
    train = examples(texts, [0, 1, 0, 1, 0, 1])
    model = fitted(train, train)
    logits = model(texts)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert abs((p - np.eye(2)[[0, 1, 0, 1, 0, 1]]).mean(0)).max() < 1e-3  # of the biases


# The file


def model_of(features: NgramFeatures, buckets: list[int]) -> NgramModel:
    weight = np.arange(2 * len(buckets), dtype=np.float32).reshape(-1, 2)
    return NgramModel(features, np.array(buckets), weight, np.float32([0.5, -0.5]))


@pytest.mark.parametrize("features", [APART, SPACED])
def test_a_model_is_read_as_it_was_written(features: NgramFeatures, tmp_path: Path) -> None:
    model = model_of(features, [0, 5, 77, BUCKETS - 1])
    model.write(tmp_path / "ngrams.safetensors")
    read = NgramModel.read(TensorFile(tmp_path / "ngrams.safetensors"), 2)
    assert read.features == features
    for name in ("buckets", "weight", "bias"):
        np.testing.assert_array_equal(getattr(read, name), getattr(model, name))


def test_buckets_beyond_the_precision_of_float32_are_kept(tmp_path: Path) -> None:
    features = NgramFeatures((1, 2), (), buckets=1 << 25)
    texts = [f"word{i} stands here" for i in range(1_000)]
    buckets = np.unique(features.extract(texts)[0])
    assert (buckets.astype(np.float32).astype(np.int64) != buckets).any()
    model = model_of(features, buckets.tolist())
    path = tmp_path / "ngrams.safetensors"
    write_tensors(
        path,
        {
            "buckets": buckets.astype(np.int32),
            "weight": (model.weight % 7).astype(np.float16),
            "bias": model.bias.astype(np.float16),
        },
        {"features": json.dumps(vars(features))},
    )
    read = NgramModel.read(TensorFile(path), 2)
    np.testing.assert_array_equal(read.buckets, buckets)
    same = NgramModel(features, buckets, model.weight % 7, model.bias)
    np.testing.assert_array_equal(read(texts), same(texts))


def test_a_file_that_names_no_segmentation_is_read_as_it_was_made(tmp_path: Path) -> None:
    path = tmp_path / "ngrams.safetensors"
    model = model_of(SPACED, buckets_of(SPACED, "good กขค").tolist())
    named = {k: v for k, v in vars(SPACED).items() if k != "splits_unspaced"}
    tensors = {
        "buckets": model.buckets.astype(np.int32),
        "weight": model.weight.astype(np.float16),
        "bias": model.bias.astype(np.float16),
    }
    write_tensors(path, tensors, {"features": json.dumps(named)})
    read = NgramModel.read(TensorFile(path), 2)
    np.testing.assert_array_equal(read(["good กขค"]), model(["good กขค"]))
    assert (read(["good กขค"]) != read(["good ก ข ค"])).all()


@pytest.mark.parametrize(
    "buckets",
    [[-1, 5], [5, 3], [5, 5], [5, BUCKETS], np.float16([1, 2]), np.int64([1, 2]), [], [[1, 2]]],
    ids=str,
)
def test_invalid_buckets_are_refused(buckets: object, tmp_path: Path) -> None:
    path = tmp_path / "ngrams.safetensors"
    model_of(WORDS, [1, 2]).write(path)
    array = np.asarray(buckets, getattr(buckets, "dtype", np.int32))
    tensors = {"weight": np.ones((2, 2), np.float16), "bias": np.ones(2, np.float16)}
    write_tensors(path, {"buckets": array, **tensors}, {"features": json.dumps(vars(WORDS))})
    with pytest.raises(ModelError, match=r"ngrams\.safetensors"):
        NgramModel.read(TensorFile(path), 2)


@pytest.mark.parametrize(
    "change",
    [
        {"word_orders": "12"},
        {"word_orders": [0]},
        {"word_orders": [17]},
        {"word_orders": [1.0]},
        {"word_orders": [], "character_orders": []},
        {"character_orders": None},
        {"max_skip": -1},
        {"normalised": 1},
        {"splits_unspaced": None},
        {"buckets": 0},
        {"buckets": 1 << 40},
    ],
    ids=str,
)
def test_invalid_features_are_refused(change: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "ngrams.safetensors"
    tensors = {
        "buckets": np.int32([1, 2]),
        "weight": np.ones((2, 2), np.float16),
        "bias": np.ones(2, np.float16),
    }
    write_tensors(path, tensors, {"features": json.dumps({**vars(WORDS), **change})})
    with pytest.raises(ModelError, match=r"ngrams\.safetensors"):
        NgramModel.read(TensorFile(path), 2)
    write_tensors(path, tensors)
    with pytest.raises(ModelError, match=r"ngrams\.safetensors"):
        NgramModel.read(TensorFile(path), 2)


def test_a_model_of_other_classes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ngrams.safetensors"
    model_of(WORDS, [1, 2]).write(path)
    with pytest.raises(ModelError, match=r"ngrams\.safetensors"):
        NgramModel.read(TensorFile(path), 3)
