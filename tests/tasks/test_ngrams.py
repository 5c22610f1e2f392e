"""The linear n-gram model: the buckets of a text, their sum, how it is fitted and where it lies."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.errors import ModelError
from rnncli.networks.numerics import log_softmax
from rnncli.storage.tensors import TensorFile, write_tensors
from rnncli.tasks.classify.fit_ngrams import NgramExamples, fit_ngrams
from rnncli.tasks.classify.ngrams import BUCKETS, NgramFeatures, NgramModel

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
def test_texts_together_have_the_places_of_each(ngrams, texts):
    buckets, starts = ngrams.extract(texts)
    for text, found in zip(texts, np.split(buckets, starts)[1:], strict=True):
        np.testing.assert_array_equal(found, buckets_of(ngrams, text))


@every_kind
@given(text=TEXTS)
def test_each_place_is_one_of_the_places_and_there_once(ngrams, text):
    found = buckets_of(ngrams, text)
    assert ((found >= 0) & (found < BUCKETS)).all()
    assert len(set(found.tolist())) == len(found)


def test_capitals_and_spaces_make_no_difference():
    np.testing.assert_array_equal(buckets_of(BOTH, "  Good\n BOOK"), buckets_of(BOTH, "good book"))


def test_words_and_pairs_of_words_count_and_their_order_does():
    def common(one, other, ngrams=WORDS):
        return len(np.intersect1d(buckets_of(ngrams, one), buckets_of(ngrams, other)))

    nothing = len(buckets_of(WORDS, ""))  # that a text begins and ends
    assert len(buckets_of(WORDS, "not good")) == 2 + 2 + 3  # with beginning and end as words
    assert common("not good", "good not") == 2 + 2
    assert common("a b", "a c") == 2 + 2  # the word, and that it begins the text
    assert common("映画", "映像") == 2 + 2  # in scripts without spaces characters are words
    assert common("Petrov", "Ivanov", LETTERS) > common("Petrov", "Smith", LETTERS)
    assert nothing == 2 + 1


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


def test_pairs_of_words_count_up_to_a_distance_whatever_is_between():
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


def test_a_scaled_bag_tells_the_same_of_a_text_as_of_longer_ones_of_its_kind():
    texts = ["good " + " ".join(f"w{j}" for j in range(i)) for i in range(1, 20)]
    texts += ["bad " + " ".join(f"w{j}" for j in range(i)) for i in range(1, 20)]
    classes = np.array([0] * 19 + [1] * 19)
    for ngrams in (WORDS, NgramFeatures((1, 2), (), normalised=True)):
        examples = NgramExamples(*ngrams.extract(texts), classes)
        model, _ = fit_ngrams(ngrams, examples, examples, 2, 1, 1_000)
        assert (model(texts).argmax(1) == classes).all()
        half = NgramModel(ngrams, model.buckets, model.weight, 0 * model.bias)
        short, long = half(["good w1", "good w1 and much that nobody knows"])
        assert (abs(long[0]) < 0.9 * abs(short[0])) == ngrams.normalised


@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_the_places_of_words_and_of_characters_are_those_of_each(texts):
    for text in texts:
        parts = [NgramFeatures((1, 2), ()), NgramFeatures((), (3, 4))]
        apart = np.concatenate([buckets_of(part, text) for part in parts])
        np.testing.assert_array_equal(buckets_of(BOTH, text), np.unique(apart))


@every_kind
@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_the_score_of_a_text_is_the_sum_of_its_places_and_as_loud_as_any(ngrams, texts):
    rng = np.random.default_rng(0)
    buckets, starts = ngrams.extract(texts)
    known = np.unique(buckets)[::2]  # the others tell nothing
    weight, bias = rng.normal(size=(len(known), 3)).astype(np.float32), np.float32([1, 2, 3])
    logits = NgramModel(ngrams, known, weight, bias)(texts)
    for row, own in zip(logits, np.split(buckets, starts[1:]), strict=True):
        scale = len(own) ** -0.5 if ngrams.normalised else 1
        expected = scale * weight[np.isin(known, own)].sum(0) + bias
        np.testing.assert_allclose(row, expected, atol=1e-4)


def examples(texts, classes):
    return NgramExamples(*WORDS.extract(texts), np.array(classes))


def fitted(train, validation, min_count=1, most=1000):
    return fit_ngrams(WORDS, train, validation, 2, min_count, most)[0]


def test_what_is_fitted_tells_the_classes_of_other_texts():
    good, bad = ("lovely", "bright", "warm"), ("dull", "cold", "dreadful")
    things = [f"thing{i}" for i in range(20)]
    texts = [f"the {thing} was {word}" for thing in things for word in good + bad]
    classes = [int(word in bad) for _ in things for word in good + bad]
    train, held = examples(texts[:90], classes[:90]), examples(texts[90:], classes[90:])
    logits = fitted(train, held)(["a lovely house", "a dreadful house", "neither"])
    assert logits[0].argmax() == 0
    assert logits[1].argmax() == 1
    assert np.ptp(logits[2]) < min(np.ptp(logits[0]), np.ptp(logits[1]))


def test_the_loss_that_is_told_is_that_of_the_bag_on_the_validation_part():
    texts = ["good day", "bad day", "good night", "bad night", "so good", "so bad"] * 3
    classes = np.array([0, 1] * 9)
    train, held = examples(texts[:12], classes[:12]), examples(texts[12:], classes[12:])
    model, loss = fit_ngrams(WORDS, train, held, 2, 1, 1_000)
    own = log_softmax(model(texts[12:]))[np.arange(6), classes[12:]]
    assert loss == pytest.approx(-own.mean(), abs=1e-5)


def test_labels_that_were_not_trained_on_do_not_disturb():
    train = examples(["up", "down"] * 10, [0, 1] * 10)
    validation = examples(["up", "down", "sideways"], [0, 1, -1])
    assert fitted(train, validation)(["up", "down"]).argmax(1).tolist() == [0, 1]


def test_a_held_out_part_of_unknown_labels_alone_is_no_reason_to_fail():
    train = examples(["up", "down"] * 10, [0, 1] * 10)
    assert fitted(train, examples(["left"], [-1]))(["up", "down"]).argmax(1).tolist() == [0, 1]


def test_n_grams_of_few_texts_are_left_out_and_those_that_tell_most_kept():
    texts = ["good day", "bad day"] * 10 + ["good once", "bad never"]
    train = examples(texts, [0, 1] * 11)
    common = fitted(train, train, min_count=2)
    assert not np.isin(buckets_of(NgramFeatures((1,), ()), "once never")[2:], common.buckets).any()
    few = fitted(train, train, most=4)
    assert len(few.buckets) == len(few.weight) == 4
    assert few(["a good one", "a bad one"]).argmax(1).tolist() == [0, 1]


def test_weights_are_those_of_the_least_loss():
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
def test_what_was_written_is_what_is_read(features: NgramFeatures, tmp_path: Path) -> None:
    model = model_of(features, [0, 5, 77, BUCKETS - 1])
    model.write(tmp_path / "ngrams.safetensors")
    read = NgramModel.read(TensorFile(tmp_path / "ngrams.safetensors"), 2)
    assert read.features == features
    for name in ("buckets", "weight", "bias"):
        np.testing.assert_array_equal(getattr(read, name), getattr(model, name))


def test_bucket_numbers_that_float32_cannot_hold_are_kept(tmp_path: Path) -> None:
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
def test_buckets_that_there_are_not_are_refused(buckets: object, tmp_path: Path) -> None:
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
def test_features_that_there_are_not_are_refused(change: dict[str, object], tmp_path: Path) -> None:
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
