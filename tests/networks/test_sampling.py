"""Sampling: its filters, and its reproducibility by seeds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import VOCAB, Toy

from rnncli.config import SamplingConfig
from rnncli.networks.numerics import softmax
from rnncli.networks.sampling import filter_probabilities, random_seeds, sample
from rnncli.text.special_tokens import BOS, EOS, PAD, UNK

# No two so close that they would give the same probability.
LOGITS = st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=12, unique=True).map(
    lambda row: np.array([row]) / 1_000
)
SHARES = st.floats(0.01, 1)


def filtered(logits, **config):
    return filter_probabilities(logits, SamplingConfig(**{"temperature": 1.0} | config))[0]


@given(LOGITS, st.floats(0.05, 5))
def test_temperature_scales_the_logits(logits, temperature):
    probabilities = filtered(logits, temperature=temperature)
    np.testing.assert_allclose(probabilities, softmax(logits / temperature)[0], atol=1e-12)


@given(LOGITS)
def test_a_tiny_temperature_selects_the_likeliest_token(logits):
    probabilities = filtered(logits, temperature=5e-324)
    assert probabilities[logits.argmax()] == probabilities.sum() == 1


@given(LOGITS, st.integers(1, 14))
def test_top_k_keeps_the_k_likeliest(logits, k):
    probabilities = filtered(logits, top_k=k)
    remaining = np.flatnonzero(probabilities)
    assert set(remaining) == set(np.argsort(-logits[0])[:k])
    before = softmax(logits)[0]
    np.testing.assert_allclose(
        probabilities[remaining], before[remaining] / before[remaining].sum()
    )


@given(LOGITS, SHARES)
def test_top_p_keeps_the_smallest_set_of_the_likeliest_with_that_share(logits, p):
    before = np.sort(softmax(logits)[0])[::-1]
    remaining = np.count_nonzero(filtered(logits, top_p=p))
    assert before[:remaining].sum() >= p - 1e-9
    assert before[: remaining - 1].sum() < p + 1e-9
    assert remaining >= 1


@given(LOGITS, SHARES)
def test_min_p_is_relative_to_the_likeliest_token(logits, p):
    before = softmax(logits)[0]
    assert (
        np.flatnonzero(filtered(logits, min_p=p)) == np.flatnonzero(before >= p * before.max())
    ).all()


@given(LOGITS, st.floats(0.1, 3), st.integers(1, 12), SHARES, SHARES)
def test_all_filters_together_leave_probabilities_in_the_same_order(logits, t, k, p, m):
    probabilities = filtered(logits, temperature=t, top_k=k, top_p=p, min_p=m)
    assert abs(probabilities.sum() - 1) < 1e-9
    remaining = np.flatnonzero(probabilities)
    assert 1 <= len(remaining) <= k
    order = remaining[np.argsort(logits[0, remaining])]
    assert (np.diff(probabilities[order]) >= 0).all()
    assert logits.argmax() in remaining


def test_top_p_is_applied_after_top_k():
    logits = np.log([[0.4, 0.3, 0.2, 0.1]])
    # of 4/7 and 3/7 the first alone has half
    np.testing.assert_allclose(filtered(logits, top_k=2, top_p=0.5), [1, 0, 0, 0])
    np.testing.assert_allclose(filtered(logits, top_p=0.5), [4 / 7, 3 / 7, 0, 0])


def test_each_row_is_filtered_alone():
    logits = np.random.default_rng(0).normal(size=(4, 9))
    config = SamplingConfig(temperature=0.7, top_k=5, top_p=0.9, min_p=0.1)
    rows = [filter_probabilities(row[None], config)[0] for row in logits]
    np.testing.assert_allclose(filter_probabilities(logits, config), rows)


# Sampling


def draw(toy, n=1, **config):
    state = toy.start([0] * n)
    logits, state = toy(np.full(n, 4), state)
    drawn = sampled(toy, logits, state, **{"seed": 1, "length": 30} | config)
    return np.stack(list(drawn), 1).tolist()  # (n, length)


def generators(seed, prompts, n):
    return list(map(np.random.default_rng, random_seeds(seed, prompts, n)))


def sampled(step, logits, state, **config):
    settings = SamplingConfig(**config)
    return sample(step, logits, state, settings, generators(settings.seed, 1, len(logits)))


def test_the_same_seed_draws_the_same_tokens():
    assert draw(Toy(0)) == draw(Toy(0)) != draw(Toy(0), seed=2)


def test_without_a_seed_every_run_differs():
    assert draw(Toy(0), seed=None) != draw(Toy(0), seed=None)


@pytest.mark.parametrize("n", [2, 5])
def test_a_sample_does_not_depend_on_the_number_of_samples(n):
    samples = draw(Toy(0), n)
    assert samples[0] == draw(Toy(0))[0]
    assert samples[: n - 1] == draw(Toy(0), n - 1)
    assert len({tuple(tokens) for tokens in samples}) == n


@pytest.mark.parametrize("length", [1, 7])
def test_the_length_is_the_number_of_tokens(length):
    assert [len(tokens) for tokens in draw(Toy(0), 3, length=length)] == [length] * 3


@given(st.integers(0, 10**6), st.floats(0.1, 50))
def test_padding_unknowns_and_beginnings_are_never_drawn(seed, temperature):
    tokens = np.array(draw(Toy(seed), 4, temperature=temperature, seed=seed))
    assert not np.isin(tokens, [PAD, UNK, BOS]).any()
    assert (tokens < VOCAB).all()


def test_a_sample_is_drawn_even_where_only_special_tokens_are_likely():
    logits = np.array([[50.0, 50, 50, -50, -40]], np.float32)
    tokens = next(sampled(Toy(0), logits, Toy(0).start([0]), top_k=1))
    assert tokens.tolist() == [4]


@given(st.integers(0, 10**6))
def test_temperature_zero_takes_the_likeliest(seed):
    toy = Toy(seed)
    tokens = draw(toy, temperature=0, length=6, top_p=0.5)[0]
    state, before = toy.start([0]), 4
    for token in tokens:
        logits, state = toy(np.array([before]), state)
        assert token == EOS + logits[0, EOS:].argmax()
        before = token


def test_the_samples_of_a_prompt_do_not_depend_on_other_prompts():
    single, batched = generators(3, 1, 2), generators(3, 2, 2)
    numbers = [generator.random() for generator in batched]
    assert [generator.random() for generator in single] == numbers[:2] == numbers[2:]
    assert numbers[0] != numbers[1]
    assert len({generator.random() for generator in generators(None, 2, 2)}) == 4


def test_temperature_zero_needs_no_seed():
    assert draw(Toy(0), temperature=0, seed=1) == draw(Toy(0), temperature=0, seed=2)


def test_frequencies_of_samples_equal_probabilities():
    n = 20_000
    logits = np.tile(np.log([1, 1, 1, 0.1, 0.2, 0.3, 0.4]), (n, 1)).astype(np.float32)
    drawn = next(sampled(Toy(0), logits, None, temperature=1, length=1, seed=0))
    counts = np.bincount(drawn, minlength=VOCAB)
    np.testing.assert_allclose(counts / n, [0, 0, 0, 0.1, 0.2, 0.3, 0.4], atol=0.015)


def always(row):
    """Return a step function with constant logits."""

    def step(tokens, state):
        return np.repeat([row], len(tokens), 0), state

    return step, np.array([row])


@pytest.mark.parametrize("row", [[9.0, 9, 9, -9, 2, 1.9, 1], [9.0, 9, 9, -9, -1, -1.1, -2]])
def test_a_repetition_penalty_lowers_tokens_that_were_drawn(row):
    def greedy(penalty):
        drawn = sampled(*always(row), None, temperature=0, repetition_penalty=penalty, length=2)
        return [int(tokens[0]) for tokens in drawn]

    assert greedy(1.0) == [4, 4]
    assert greedy(1.5) == [4, 5]


def test_the_repetition_penalty_is_that_of_each_sample():
    settings = {"repetition_penalty": 5.0, "length": 8, "temperature": 0.3}
    single = draw(Toy(0, vocab=40), **settings)[0]
    batched = draw(Toy(0, vocab=40), 6, **settings)
    assert batched[0] == single
    assert len({token for tokens in batched for token in tokens}) > 12
