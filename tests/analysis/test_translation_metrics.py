"""BLEU and chrF: of a corpus, of sentences, of bootstrap resamples, and of two systems."""

import json
import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from rnncli.analysis.translation_metrics import (
    BATCH_SENTENCES,
    Measurement,
    compare,
    faults,
    measure,
    require_tokenizer,
)
from rnncli.errors import ConfigError

WORDS = ["the", "The", "cat", "sat", "on", "a", "mat", "and", "looked", "at", "rain"]
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)
PAIRS = st.lists(st.tuples(SENTENCES, SENTENCES, SENTENCES), min_size=1, max_size=12)


def sentences(number: int) -> tuple[list[str], list[str]]:
    """Return references, and outputs with one wrong word in every third sentence."""
    references = [" ".join(WORDS[(i * j) % 11] for j in range(1, 10)) for i in range(number)]
    outputs = [text if i % 3 else text.replace("cat", "dog") for i, text in enumerate(references)]
    return outputs, references


def measured(
    outputs: list[str], references: list[str], tokenize: str = "13a"
) -> dict[str, Measurement]:
    """Measure one system."""
    (result,) = measure([outputs], references, tokenize)
    return result


def test_a_perfect_translation_scores_100() -> None:
    references = ["The cat sat on the mat.", "A dog barks at the moon."]
    result = measured(references, references)
    assert {name: measurement.score for name, measurement in result.items()} == {
        "bleu": 100, "bleu_lower": 100, "chrf": 100
    }  # fmt: skip
    assert all(measurement.interval == (100, 100) for measurement in result.values())


def test_bleu_is_the_geometric_mean_of_precisions_and_the_brevity_penalty() -> None:
    bleu = measured(["a b c d e x"], ["a b c d e f g"])["bleu"]
    precisions = 5 / 6 * 4 / 5 * 3 / 4 * 2 / 3
    expected = 100 * precisions**0.25 * math.exp(1 - 7 / 6)
    assert bleu.score == pytest.approx(expected, abs=1e-4)


def test_only_the_lower_cased_score_ignores_case() -> None:
    result = measured(["the cat sat on it"], ["The CAT sat on it"])
    assert result["bleu"].score < result["bleu_lower"].score == 100


@pytest.mark.parametrize("tokenize", ["13a", "char"])
def test_each_score_has_its_signature(tokenize: str) -> None:
    result = measured(["a b"], ["a b"], tokenize)
    assert f"case:mixed|eff:no|tok:{tokenize}" in result["bleu"].signature
    assert f"case:lc|eff:no|tok:{tokenize}" in result["bleu_lower"].signature
    assert "nc:6" in result["chrf"].signature
    assert all("version:" in measurement.signature for measurement in result.values())


def test_japanese_words_stand_beside_characters() -> None:
    result = measured(["私は猫が好きです。"], ["私は犬が好きです。"], "ja-mecab")
    assert "tok:ja-mecab" in result["bleu"].signature
    assert "tok:char" in result["bleu_char"].signature
    assert result["bleu_char"].score != result["bleu"].score


@pytest.mark.parametrize(("name", "metric"), [("bleu", BLEU), ("chrf", CHRF)])
def test_scores_and_intervals_are_those_of_sacrebleu(
    name: str, metric: Callable[[], BLEU | CHRF]
) -> None:
    outputs, references = sentences(200)
    measurement, sacrebleu_metric = measured(outputs, references)[name], metric()
    score = sacrebleu_metric.corpus_score(outputs, [references], n_bootstrap=1_000)
    sacrebleu_result = json.loads(
        score.format(8, signature=str(sacrebleu_metric.get_signature()), is_json=True)
    )
    low, high = measurement.interval
    assert measurement.score == pytest.approx(sacrebleu_result["score"], abs=1e-4)
    assert low < sacrebleu_result["confidence_mean"] < high
    assert (high - low) / 2 == pytest.approx(sacrebleu_result["confidence_var"], rel=0.01)


def test_the_batch_size_does_not_change_the_statistics() -> None:
    outputs, references = sentences(BATCH_SENTENCES + 1)
    for measurement, system in zip(
        measure([outputs, references], references, "13a"), (outputs, references), strict=True
    ):
        expected = BLEU().corpus_score(system, [references]).score
        assert measurement["bleu"].score == pytest.approx(expected, abs=1e-4)


@given(PAIRS)
def test_the_score_of_a_sentence_does_not_depend_on_others(
    pairs: list[tuple[str, str, str]],
) -> None:
    outputs, references, _ = map(list, zip(*pairs, strict=True))
    scores = measured(outputs, references)["chrf"].sentence_scores
    for output, reference, score in zip(outputs, references, scores, strict=True):
        single = CHRF().sentence_score(output, [reference]).score
        assert score == pytest.approx(single, abs=1e-4)


# Two systems


@settings(max_examples=10)  # each scores 9,000 draws
@given(PAIRS)
def test_a_comparison_is_symmetric(pairs: list[tuple[str, str, str]]) -> None:
    first, second, references = map(list, zip(*pairs, strict=True))
    ours, sacrebleu_metric = measured(first, references), measured(second, references)
    for name in ours:
        there, back = (
            compare(ours[name], sacrebleu_metric[name]),
            compare(sacrebleu_metric[name], ours[name]),
        )
        assert there.difference == -back.difference
        assert there.difference_interval == pytest.approx(
            [-x for x in back.difference_interval][::-1]
        )
        assert there.p_value == back.p_value
        assert 0 < there.p_value <= 1
        same = compare(ours[name], ours[name])
        assert (same.difference, same.difference_interval, same.p_value) == (0, (0, 0), 1)


@pytest.mark.parametrize(("number", "is_told"), [(1, False), (5, False), (6, True), (60, True)])
def test_a_system_that_is_always_better_is_significant_from_six_sentences_on(
    number: int, is_told: bool
) -> None:
    """By a sign test, five of five sentences are not significant at 5 %, six of six are."""
    references = [f"the cat sat on mat number {i}" for i in range(number)]
    worse = [text.replace("cat", "dog") for text in references]
    result = compare(measured(references, references)["bleu"], measured(worse, references)["bleu"])
    assert result.difference > 0
    assert (result.p_value < 0.05) == is_told


def test_equal_numbers_of_better_and_worse_sentences_are_not_significant() -> None:
    references = [f"the cat sat on mat number {i}" for i in range(60)]
    one, other = (
        [text.replace("cat", "dog") if i % 2 == rest else text for i, text in enumerate(references)]
        for rest in (0, 1)
    )
    result = compare(measured(one, references)["bleu"], measured(other, references)["bleu"])
    low, high = result.difference_interval
    assert low < 0 < high
    assert result.p_value > 0.5


# Faults


def test_empty_and_looping_outputs_are_counted_and_lengths_compared() -> None:
    loop = "and so on it goes " * 3
    outputs = ["", "a b c d e f", loop, "no no no no no no", "no no no no no", "e e e f f f"]
    result = faults(outputs, ["one two three four five"] * len(outputs), "13a")
    assert result.empty_outputs == 1
    assert result.looping_outputs == 2  # "no no no no" stands in five words twice
    assert result.length_ratio == pytest.approx((0 + 6 + 15 + 6 + 5 + 6) / 30)


def test_loops_are_found_in_a_language_without_spaces() -> None:
    outputs = ["猫が好きです" * 3, "猫が好きです"]
    for tokenize in ("char", "ja-mecab"):
        assert faults(outputs, outputs, tokenize).looping_outputs == 1


# Tokenizers


def test_an_unknown_tokenizer_is_refused() -> None:
    require_tokenizer("13a")
    for name in ("13b", "", "flores200"):  # the last would be fetched
        with pytest.raises(ConfigError, match="no tokenizer"):
            require_tokenizer(name)
