"""Calibration by fitted weights of one or several models."""

from itertools import product

import numpy as np
import pytest

from rnncli.analysis.calibration import MIN_WEIGHT, PRIOR, combine, fit_weights
from rnncli.analysis.metrics import calibration_error
from rnncli.networks.numerics import softmax

NUMBER, CLASSES = 4_000, 3


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def truth(rng, logits):
    """Draw a class for each row with the probabilities of its logits."""
    return np.array([rng.choice(CLASSES, p=row) for row in softmax(logits)])


def loss(logits, classes):
    return -np.log(softmax(logits)[np.arange(len(classes)), classes]).mean()


def error(logits, classes):
    p = softmax(logits)
    return calibration_error(p.max(1), p.argmax(1) == classes)


def test_an_overconfident_model_is_calibrated(rng):
    honest = rng.normal(size=(NUMBER, CLASSES))
    classes = truth(rng, honest)
    (weight,) = fit_weights(5 * honest[None], classes)
    assert weight == pytest.approx(1 / 5, rel=0.1)
    calibrated = combine(5 * honest[None], np.array([weight]))
    assert error(calibrated, classes) < 0.03 < error(5 * honest, classes)


def test_two_models_combined_are_better_than_each(rng):
    parts = rng.normal(size=(2, NUMBER, CLASSES))
    classes = truth(rng, parts.sum(0))
    weights = fit_weights(parts, classes)
    np.testing.assert_allclose(weights, 1, atol=0.15)
    batched = loss(combine(parts, weights), classes)
    single = [loss(combine(p[None], fit_weights(p[None], classes)), classes) for p in parts]
    assert batched < min(single)


def test_an_uninformative_model_gets_a_small_weight(rng):
    knows, guesses = rng.normal(size=(2, NUMBER, CLASSES))
    classes = truth(rng, knows)
    first, second = fit_weights(np.stack([knows, 3 * guesses]), classes)
    assert first == pytest.approx(1, abs=0.1)
    assert 0 < second < 0.05


def test_few_texts_leave_the_weights_near_the_prior(rng):
    knows, guesses = rng.normal(size=(2, NUMBER, CLASSES))
    classes = truth(rng, 3 * knows)
    both = np.stack([knows, guesses])

    def distance(number: int) -> float:
        weights = fit_weights(both[:, :number], classes[:number])
        return float(np.abs(weights - 0.5).max())

    assert distance(1) < 0.5 < 2 < distance(NUMBER)
    assert distance(0) == 0


@pytest.mark.parametrize("number", [1, 30, NUMBER])
def test_weights_minimise_the_penalised_loss(rng, number):
    logits = rng.normal(size=(2, number, CLASSES))
    classes = truth(rng, logits.sum(0))

    def objective(weights):
        total = combine(logits, np.array(weights))
        return number * loss(total, classes) + PRIOR / 2 * ((np.array(weights) - 0.5) ** 2).sum()

    result = fit_weights(logits, classes)
    for step in product((-1e-3, 0, 1e-3), repeat=2):
        assert objective(result) <= objective(np.maximum(result + step, MIN_WEIGHT)) + 1e-9


@pytest.mark.parametrize("number", [0, 1, 2])
def test_weights_are_finite_for_any_number_of_texts(rng, number):
    weights = fit_weights(1e3 * rng.normal(size=(2, number, CLASSES)), np.zeros(number, np.int64))
    assert np.isfinite(weights).all()
    assert (weights > 0).all()
