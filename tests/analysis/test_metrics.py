import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.analysis.comparison import difference_interval, mcnemar
from rnncli.analysis.metrics import (
    accuracy,
    bits,
    calibration_error,
    calibration_error_by_chance,
    class_scores,
    confusion_matrix,
    macro_f1,
    macro_f1_interval,
    ordinal_scores,
    perplexity,
    reliability,
    wilson_interval,
)

# Three of class 0, one of them taken for 1; two of class 1, found; one of class 2, taken for 0.
TRUTH = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 1, 0])
MATRIX = np.array([[2, 1, 0], [0, 2, 0], [1, 0, 0]])

LABELS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1)


def test_a_confusion_matrix_has_a_row_for_each_true_class():
    assert confusion_matrix(TRUTH, PREDICTED, 3).tolist() == MATRIX.tolist()


def test_scores_of_each_class():
    first, second, third = class_scores(MATRIX)
    assert (first.precision, first.recall, first.f1, first.support) == (2 / 3, 2 / 3, 2 / 3, 3)
    assert (second.precision, second.recall, second.f1, second.support) == (2 / 3, 1, 0.8, 2)
    assert (third.precision, third.recall, third.f1, third.support) == (0, 0, 0, 1)


def test_accuracy_is_the_share_of_hits():
    assert accuracy(MATRIX) == 4 / 6
    assert accuracy(np.zeros((2, 2), np.int64)) == 0


def test_macro_f1_is_the_mean_over_classes():
    assert macro_f1(MATRIX) == pytest.approx((2 / 3 + 0.8 + 0) / 3)


def test_a_class_that_never_occurs_does_not_lower_macro_f1():
    padded = np.pad(MATRIX, (0, 2))
    assert macro_f1(padded) == macro_f1(MATRIX)
    assert macro_f1(np.zeros((2, 2), np.int64)) == 0


def test_a_class_that_is_only_ever_predicted_does_lower_macro_f1():
    assert macro_f1(np.array([[1, 1], [0, 0]])) == pytest.approx((2 / 3 + 0) / 2)


@given(LABELS)
def test_scores_equal_their_definitions(pairs):
    truth, predicted = np.array(pairs).T
    matrix = confusion_matrix(truth, predicted, 4)
    assert accuracy(matrix) == pytest.approx(np.mean(truth == predicted))
    for c, score in enumerate(class_scores(matrix)):
        hits = sum(t == p == c for t, p in pairs)
        assert score.support == sum(t == c for t, _ in pairs)
        assert score.recall * score.support == pytest.approx(hits)
        assert score.precision * sum(p == c for _, p in pairs) == pytest.approx(hits)
        if hits:
            harmonic = 2 / (1 / score.precision + 1 / score.recall)
            assert score.f1 == pytest.approx(harmonic)
        else:
            assert score.f1 == 0


def test_calibration_error_is_weighted_by_the_sizes_of_bins():
    probabilities = np.array([0.95, 0.95, 0.95, 0.65])
    correct = np.array([True, True, False, False])
    expected = 3 / 4 * abs(2 / 3 - 0.95) + 1 / 4 * 0.65
    assert calibration_error(probabilities, correct) == pytest.approx(expected)


def test_gaps_within_one_bin_cancel_out():
    probabilities = np.array([0.5, 0.5, 0.5, 0.5])
    assert calibration_error(probabilities, np.array([True, False] * 2)) == 0
    assert calibration_error(probabilities, np.array([True, True] * 2)) == 0.5


def test_a_probability_of_one_is_in_the_last_bin():
    assert calibration_error(np.ones(4), np.ones(4, bool)) == 0
    assert calibration_error(np.ones(4), np.zeros(4, bool)) == 1
    assert calibration_error(np.array([1.0, 0.99]), np.array([True, False])) == pytest.approx(0.495)


def test_calibration_error_by_chance_is_the_mean_of_a_calibrated_classifier():
    rng = np.random.default_rng(0)
    probabilities = rng.uniform(0.4, 1, 500)
    drawn = [calibration_error(probabilities, rng.random(500) < probabilities) for _ in range(400)]
    assert calibration_error_by_chance(probabilities) == pytest.approx(np.mean(drawn), rel=0.05)
    assert calibration_error_by_chance(np.tile(probabilities, 100)) < 0.005
    assert calibration_error_by_chance(np.ones(3)) == calibration_error_by_chance(np.ones(0)) == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1), st.integers(1, 20))
def test_calibration_error_is_a_share(pairs, bins):
    probabilities, correct = map(np.array, zip(*pairs, strict=True))
    overall = abs(probabilities.mean() - correct.mean())
    assert overall - 1e-9 <= calibration_error(probabilities, correct, bins) <= 1


SHARES = st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
MATRICES = [
    np.array([[40, 7, 3], [4, 30, 6], [0, 9, 11]]),
    np.array([[3, 0, 1], [0, 0, 0], [2, 1, 90]]),
]


@given(SHARES)
def test_the_ends_of_a_wilson_interval_are_1_96_standard_errors_away(share):
    hits, total = share
    low, high = wilson_interval(hits, total)
    assert 0 <= low <= hits / total + 1e-9
    assert hits / total - 1e-9 <= high <= 1
    for end in (low, high):  # with the variance that the end itself would have
        variance = end * (1 - end) / total
        assert (hits / total - end) ** 2 == pytest.approx(1.96**2 * variance, rel=1e-3, abs=1e-12)


def test_the_intervals_of_no_texts_are_maximal():
    assert wilson_interval(0, 0) == (0, 1)


@pytest.mark.parametrize("matrix", MATRICES)
def test_the_interval_of_macro_f1_equals_a_bootstrap_over_texts(matrix):
    truth, predicted = np.repeat(np.indices(matrix.shape).reshape(2, -1), matrix.ravel(), axis=1)
    rng = np.random.default_rng(1)
    values = []
    for _ in range(2_000):
        drawn = rng.integers(len(truth), size=len(truth))
        values.append(macro_f1(confusion_matrix(truth[drawn], predicted[drawn], len(matrix))))
    expected = np.quantile(values, [0.025, 0.975])
    assert macro_f1_interval(matrix) == pytest.approx(expected, abs=0.03)
    assert macro_f1_interval(np.pad(matrix, (0, 2))) == macro_f1_interval(matrix)


def test_the_bootstrap_interval_of_all_or_none_right_is_a_point():
    assert macro_f1_interval(np.diag([5, 9])) == (1, 1)
    assert macro_f1_interval(np.array([[0, 5], [9, 0]])) == (0, 0)


def test_the_interval_of_a_difference_equals_a_paired_bootstrap():
    rng = np.random.default_rng(1)
    first = rng.random(300) < 0.8
    second = first ^ (rng.random(300) < 0.1)
    drawn = rng.integers(300, size=(2_000, 300))
    differences = first[drawn].mean(1) - second[drawn].mean(1)
    expected = np.quantile(differences, [0.025, 0.975])
    assert difference_interval(first, second) == pytest.approx(expected, abs=0.01)
    assert difference_interval(first, first) == (0, 0)
    assert difference_interval(np.ones(4, bool), np.zeros(4, bool)) == (1, 1)


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_p_value_of_mcnemar_is_binomial(first, second):
    tosses, fewer = first + second, min(first, second)
    as_rare = sum(math.comb(tosses, k) for k in range(fewer + 1))
    assert mcnemar(first, second) == pytest.approx(min(1, 2 * as_rare / 2**tosses), rel=1e-6)


def test_the_p_value_of_many_texts_can_be_computed():
    assert mcnemar(50_000, 50_000) == 1
    assert 0 < mcnemar(49_000, 51_000) < 1e-6


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1), st.integers(1, 20))
def test_each_prediction_is_in_the_bin_of_its_probability(pairs, bins):
    probabilities, correct = map(np.array, zip(*pairs, strict=True))
    result = reliability(probabilities, correct, bins)
    assert sum(interval_bin.texts for interval_bin in result) == len(pairs)
    assert sum(interval_bin.texts * interval_bin.right for interval_bin in result) == pytest.approx(
        correct.sum()
    )
    assert sum(
        interval_bin.texts * interval_bin.probability for interval_bin in result
    ) == pytest.approx(probabilities.sum())
    for interval_bin in result:
        assert interval_bin.high - interval_bin.low == pytest.approx(1 / bins)
        assert interval_bin.low - 1e-9 <= interval_bin.probability <= interval_bin.high + 1e-9


def test_perplexity_is_exp_of_the_loss_and_never_overflows():
    assert perplexity(0) == 1
    assert perplexity(math.log(50)) == pytest.approx(50)
    assert perplexity(1e4) == math.inf


def test_bits_are_nats_over_log_2():
    assert bits(math.log(8)) == pytest.approx(3)


@given(LABELS, st.permutations((0.0, 1.0, 2.0, 5.0)))
def test_ordinal_scores_equal_their_definitions(pairs, positions):
    truth, predicted = np.array(pairs).T
    positions = np.array(positions)
    scores = ordinal_scores(confusion_matrix(truth, predicted, 4), positions)
    errors = np.abs(positions[truth] - positions[predicted])
    assert scores.mean_absolute_error == pytest.approx(errors.mean())
    assert scores.within_one == pytest.approx((errors <= 1).mean())
    low, high = scores.mean_absolute_error_interval
    assert errors.min() - 1e-9 <= low <= high <= errors.max() + 1e-9
    assert scores.within_one >= np.mean(truth == predicted) - 1e-9


def test_the_interval_of_the_mean_absolute_error_equals_a_bootstrap_over_texts():
    matrix, rng = MATRICES[0], np.random.default_rng(1)
    scores = ordinal_scores(matrix, np.arange(3.0))
    errors = np.repeat(np.abs(np.subtract.outer(range(3), range(3))).ravel(), matrix.ravel())
    drawn = errors[rng.integers(len(errors), size=(2_000, len(errors)))].mean(1)
    expected = np.quantile(drawn, [0.025, 0.975])
    assert scores.mean_absolute_error_interval == pytest.approx(expected, abs=0.02)
