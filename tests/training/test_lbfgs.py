"""L-BFGS finds minima that are known."""

import math

import pytest
import torch

from rnncli.training.lbfgs import MIN_ITERATIONS, minimise


def quadratic(minimum, curvatures):
    """Return half the sum of curvatures times squared distances from the minimum, and 1."""

    def function(x):
        distance = x - minimum
        return 1 + float(curvatures @ distance.square()) / 2, curvatures * distance

    return function


def test_the_minimum_of_an_ill_conditioned_quadratic_function():
    minimum = torch.linspace(-2, 3, 50, dtype=torch.float64)
    curvatures = torch.logspace(-2, 2, 50, dtype=torch.float64)
    found = minimise(quadratic(minimum, curvatures), torch.zeros_like(minimum), 500, 0.0)
    torch.testing.assert_close(found, minimum, atol=1e-3, rtol=0)


def test_very_many_variables_have_a_short_history_and_the_same_minimum(monkeypatch):
    monkeypatch.setattr("rnncli.training.lbfgs.HISTORY_BYTES", 8)
    minimum = torch.linspace(-2, 3, 50, dtype=torch.float64)
    curvatures = torch.logspace(-1, 1, 50, dtype=torch.float64)
    found = minimise(quadratic(minimum, curvatures), torch.zeros_like(minimum), 500, 0.0)
    torch.testing.assert_close(found, minimum, atol=1e-3, rtol=0)


def test_the_weight_of_a_logistic_regression_is_the_log_odds():
    right, wrong = 9, 3

    def loss(x):
        p = torch.sigmoid(x)
        return -float(right * p.log() + wrong * (1 - p).log()), (right + wrong) * p - right

    for start in (-6.0, 0.0, 9.0):  # from afar, a step may lead too far
        (found,) = minimise(loss, torch.tensor([start], dtype=torch.float64), 100, 0.0)
        assert float(found) == pytest.approx(math.log(right / wrong), abs=1e-5)


def test_it_ends_when_the_time_is_over_or_little_is_gained():
    minimum, curvatures = torch.ones(30), torch.logspace(-2, 2, 30)
    function = quadratic(minimum, curvatures)
    calls = []

    def counted(x):
        calls.append(x)
        return function(x)

    def calls_of(tolerance, is_over):
        calls.clear()
        minimise(counted, torch.zeros(30), 100, tolerance, is_over)
        return len(calls)

    whole = calls_of(0.0, lambda: False)
    assert MIN_ITERATIONS < calls_of(0.0, lambda: True) < whole / 2
    assert calls_of(0.01, lambda: False) < whole / 2


def test_a_start_at_the_minimum_stays():
    minimum = torch.tensor([1.0, 2.0])
    found = minimise(quadratic(minimum, torch.ones(2)), minimum, 10, 1e-6)
    torch.testing.assert_close(found, minimum)
