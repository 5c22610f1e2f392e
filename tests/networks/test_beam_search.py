"""Beam search: equal to a reference implementation, within its limits and rules."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import WORDS, Toy

from rnncli.config import SearchConfig
from rnncli.networks.beam_search import Hypothesis, TokenRules, beam_search
from rnncli.text.special_tokens import BOS, EOS

FREE = TokenRules(ngram_size=100)  # any word may come as often as it likes


def score(toy, source, tokens, penalty):
    """Return the score of a whole translation: log-probability / length ** penalty."""
    ended = (*tokens, EOS)
    total = sum(toy.log_p(source, ended[:i])[token] for i, token in enumerate(ended))
    return total / len(ended) ** penalty


def search(toy, sources, limits, rules=FREE, **config):
    config = SearchConfig(**config)
    return beam_search(toy, toy.start(sources), np.array(limits), config, rules)


def tokens_of(result):
    return [hypothesis.tokens for hypothesis in result]


def all_translations(toy, source, limit, penalty):
    """Return every translation that fits the limit, best first."""
    return sorted(
        (
            Hypothesis(tokens, score(toy, source, tokens, penalty))
            for length in range(1, limit)
            for tokens in product(WORDS, repeat=length)
        ),
        key=lambda hypothesis: -hypothesis.score,
    )


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_beam_wide_enough_finds_the_best_of_all_translations(seed, penalty):
    toy = Toy(seed)
    every = all_translations(toy, 5, 4, penalty)  # 3 + 9 + 27
    result = search(toy, [5], [4], beam=200, nbest=200, length_penalty=penalty)[0]
    assert tokens_of(result) == tokens_of(every)
    np.testing.assert_allclose([h.score for h in result], [h.score for h in every], rtol=1e-6)


def greedy_search(toy, source, limit):
    tokens = ()
    while len(tokens) < limit:
        best = int(toy.log_p(source, tokens).argmax())
        if best == EOS:
            break
        tokens += (best,)
    return tokens


@given(st.integers(0, 10**6), st.integers(1, 9))
def test_a_beam_of_one_is_greedy(seed, limit):
    toy = Toy(seed)
    result = search(toy, [seed % 7], [limit], beam=1)
    assert tokens_of(result[0]) == [greedy_search(toy, seed % 7, limit)]


def plain_beam_search(toy, source, limit, beam, penalty):
    """Search for one source with plain lists: the reference implementation."""
    live, finished = [((), 0.0)], []
    for length in range(1, limit + 1):
        grown = [
            (prefix, token, total + log_p[token])
            for prefix, total in live
            for log_p in [toy.log_p(source, prefix)]
            for token in range(EOS, toy.vocab)
        ]
        grown.sort(key=lambda candidate: -candidate[2])
        for prefix, token, total in grown[:beam]:
            if token == EOS and total > -np.inf:
                finished.append(Hypothesis(prefix, total / length**penalty))
        live = [((*p, token), total) for p, token, total in grown if token != EOS][:beam]
        if len(finished) >= beam:
            break
    cut = [Hypothesis(prefix, total / limit**penalty) for prefix, total in live]
    return sorted(finished or cut, key=lambda hypothesis: -hypothesis.score)


@given(
    st.integers(0, 10**6),
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 7)), min_size=1, max_size=4),
    st.sampled_from([0.0, 1.0, 2.0]),
)
def test_a_batch_of_searches_equals_the_reference_for_each_source(seed, beam, sources, penalty):
    check_search(Toy(seed, sharpness=2.0), beam, sources, penalty)


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(300, 400))
def test_the_search_of_a_large_vocabulary_equals_the_reference(seed, beam, vocab):
    check_search(Toy(seed, sharpness=2.0, vocab=vocab), beam, [(seed % 9, 4), (1, 3)], 1.0)


def check_search(toy, beam, sources, penalty):
    numbers, limits = zip(*sources, strict=True)
    results = search(toy, numbers, limits, beam=beam, nbest=beam, length_penalty=penalty)
    assert len(results) == len(sources)
    for (source, limit), result in zip(sources, results, strict=True):
        expected = plain_beam_search(toy, source, limit, beam, penalty)[:beam]
        assert tokens_of(result) == tokens_of(expected)
        # The search normalises in float32, as the logits are.
        np.testing.assert_allclose(
            [h.score for h in result], [h.score for h in expected], rtol=0, atol=1e-6
        )


@given(st.integers(0, 10**6), st.integers(1, 5))
def test_the_n_best_are_sorted_and_distinct(seed, nbest):
    result = search(Toy(seed), [1, 2], [6, 6], beam=5, nbest=nbest)
    for hypotheses in result:
        scores = [hypothesis.score for hypothesis in hypotheses]
        assert scores == sorted(scores, reverse=True)
        assert len(set(tokens_of(hypotheses))) == len(hypotheses)
        assert 1 <= len(hypotheses) <= nbest


def test_the_best_does_not_depend_on_n():
    for nbest in range(1, 5):
        result = search(Toy(0), [3], [6], beam=5, nbest=nbest)[0]
        assert result == search(Toy(0), [3], [6], beam=5, nbest=5)[0][:nbest]


@given(st.integers(0, 10**6), st.integers(1, 6))
def test_translations_are_within_their_limits_and_without_special_tokens(seed, beam):
    limits = [1, 2, 5, 8]
    result = search(Toy(seed), [0, 1, 2, 3], limits, beam=beam, nbest=beam)
    for limit, hypotheses in zip(limits, result, strict=True):
        for hypothesis in hypotheses:
            assert len(hypothesis.tokens) <= limit
            assert set(hypothesis.tokens) <= set(WORDS)


def test_a_translation_that_never_ends_is_cut_at_its_limit():
    toy = Toy(0)
    toy.table[:, EOS] = -1e9
    result = search(toy, [0, 1], [3, 5], beam=2)
    assert [len(hypotheses[0].tokens) for hypotheses in result] == [3, 5]


def test_no_translation_is_empty():
    toy = Toy(0)
    toy.table[:, EOS] = 1e9
    assert [len(tokens) for tokens in tokens_of(search(toy, [0], [5], beam=3)[0])] == [1]


def most_repeats(tokens, n):
    """Return the count of the most frequent n-gram."""
    ngrams = Counter(tokens[i : i + n] for i in range(len(tokens) - n + 1))
    return max(ngrams.values(), default=0)


@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 2), st.integers(1, 4))
def test_no_ngram_exceeds_its_largest_count(seed, n, most, beam):
    toy = Toy(seed)
    toy.table[:, EOS] -= 5  # so that translations are long
    result = search(toy, [0, 1], [30, 20], TokenRules(n, most), beam=beam, nbest=beam)
    for tokens in tokens_of([*result[0], *result[1]]):
        assert most_repeats(tokens, n) <= most


def test_loops_are_blocked_by_default():
    toy = Toy(0)
    toy.table[:] = [0, 0, 0, 0, 9, 0, 0]  # always the same word
    assert most_repeats(search(toy, [0], [30], beam=1)[0][0].tokens, 4) > 2
    (result,) = beam_search(toy, toy.start([0]), np.array([30]), SearchConfig(beam=1))
    assert most_repeats(result[0].tokens, 4) == 2


@given(st.integers(0, 10**6), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3))
def test_the_best_translation_with_a_prefix_is_found(seed, prefix):
    toy, limit = Toy(seed), 3
    state = toy.start([5])
    for token in (BOS, *prefix[:-1]):
        _, state = toy(np.array([token]), state)
    config = SearchConfig(beam=60, nbest=1, length_penalty=0.0)
    ((result,),) = beam_search(toy, state, np.array([limit]), config, FREE, tuple(prefix))
    before = sum(toy.log_p(5, prefix[:i])[token] for i, token in enumerate(prefix))
    every = [
        (score(toy, 5, (*prefix, *more), 0.0) - before, (*prefix, *more))
        for length in range(limit)
        for more in product(WORDS, repeat=length)
    ]
    assert result.score == pytest.approx(max(every)[0], abs=1e-5)
    assert result.tokens == max(every)[1]


def test_no_sources_give_no_translations():
    assert search(Toy(0), [], []) == []


def test_a_length_penalty_favours_longer_translations():
    toy = Toy(2)
    lengths = [
        len(search(toy, [5], [6], beam=500, length_penalty=penalty)[0][0].tokens)
        for penalty in (0.0, 1.0, 3.0)
    ]
    assert lengths[0] <= lengths[1] <= lengths[2]
    assert lengths[0] < lengths[2]
