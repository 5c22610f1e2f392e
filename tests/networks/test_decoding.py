from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnncli.config import SamplingConfig, SearchConfig
from rnncli.networks.beam_search import (
    Hypothesis,
    Rules,
    beam_search,
    filter_probabilities,
    random_streams,
    sample,
)
from rnncli.networks.model_numpy import DecoderState, Memory
from rnncli.networks.numerics import log_softmax, softmax
from rnncli.text.special_tokens import BOS, EOS, PAD, UNK

WORDS = (4, 5, 6)  # what a toy writes; the special tokens stand before them
VOCAB = 7
FREE = Rules(ngram=100)  # any word may come as often as it likes


class Toy:
    """A step function with random scores that depend on the source and on all tokens before.

    Each row's state is its history, as digits of one number; the source is read from the memory,
    as attention does, with as many rows a source as there are.
    """

    def __init__(self, seed, sharpness=1.0, vocab=VOCAB):
        rng = np.random.default_rng(seed)
        self.vocab = vocab
        self.table = rng.normal(0, sharpness, (997, vocab)).astype(np.float32)
        self.key = int(rng.integers(1, 997))

    def start(self, sources):
        values = np.array(sources, np.float32).reshape(-1, 1, 1)
        memory = Memory(values, values, np.ones(values.shape[:2], bool))
        return DecoderState(((np.zeros((len(sources), 1), np.int64),),), memory)

    def __call__(self, tokens, state):
        history = state.layers[0][0]  # (R, 1)
        each = len(tokens) // len(state.memory.values)
        source = np.repeat(state.memory.values[:, 0, 0], each).astype(np.int64)  # (R,)
        history = history * self.vocab + tokens[:, None]
        logits = self.table[(self.key * (history[:, 0] + 31 * source)) % 997]
        return logits.copy(), DecoderState(((history,),), state.memory)

    def log_p(self, source, prefix):
        """Return the log-probabilities of what follows a prefix, from scratch."""
        state = self.start([source])
        for token in (BOS, *prefix):
            logits, state = self(np.array([token]), state)
        logits[:, [PAD, UNK, BOS]] = -np.inf
        if not prefix:
            logits[:, EOS] = -np.inf  # no translation is empty
        return log_softmax(logits.astype(np.float64))[0]


def score(toy, source, tokens, penalty):
    """Return the score of a whole translation: log-probability / length ** penalty."""
    ended = (*tokens, EOS)
    total = sum(toy.log_p(source, ended[:i])[token] for i, token in enumerate(ended))
    return total / len(ended) ** penalty


def search(toy, sources, limits, rules=FREE, **config):
    config = SearchConfig(**config)
    return beam_search(toy, toy.start(sources), np.array(limits), config, rules)


def tokens_of(found):
    return [hypothesis.tokens for hypothesis in found]


# Filters

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
def test_the_lowest_temperature_takes_the_likeliest_too(logits):
    probabilities = filtered(logits, temperature=5e-324)
    assert probabilities[logits.argmax()] == probabilities.sum() == 1


@given(LOGITS, st.integers(1, 14))
def test_top_k_keeps_the_k_likeliest(logits, k):
    probabilities = filtered(logits, top_k=k)
    kept = np.flatnonzero(probabilities)
    assert set(kept) == set(np.argsort(-logits[0])[:k])
    before = softmax(logits)[0]
    np.testing.assert_allclose(probabilities[kept], before[kept] / before[kept].sum())


@given(LOGITS, SHARES)
def test_top_p_keeps_the_smallest_set_of_the_likeliest_with_that_share(logits, p):
    before = np.sort(softmax(logits)[0])[::-1]
    kept = np.count_nonzero(filtered(logits, top_p=p))
    assert before[:kept].sum() >= p - 1e-9
    assert before[: kept - 1].sum() < p + 1e-9
    assert kept >= 1


@given(LOGITS, SHARES)
def test_min_p_keeps_what_is_likely_beside_the_likeliest(logits, p):
    before = softmax(logits)[0]
    assert (
        np.flatnonzero(filtered(logits, min_p=p)) == np.flatnonzero(before >= p * before.max())
    ).all()


@given(LOGITS, st.floats(0.1, 3), st.integers(1, 12), SHARES, SHARES)
def test_all_filters_together_leave_probabilities_in_the_same_order(logits, t, k, p, m):
    probabilities = filtered(logits, temperature=t, top_k=k, top_p=p, min_p=m)
    assert abs(probabilities.sum() - 1) < 1e-9
    kept = np.flatnonzero(probabilities)
    assert 1 <= len(kept) <= k
    order = kept[np.argsort(logits[0, kept])]
    assert (np.diff(probabilities[order]) >= 0).all()
    assert logits.argmax() in kept


def test_top_p_cuts_what_top_k_has_left():
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


def sampled(step, logits, state, **config):
    settings = SamplingConfig(**config)
    return sample(step, logits, state, settings, random_streams(settings.seed, 1, len(logits)))


def test_the_same_seed_draws_the_same_tokens():
    assert draw(Toy(0)) == draw(Toy(0)) != draw(Toy(0), seed=2)


def test_without_a_seed_every_run_differs():
    assert draw(Toy(0), seed=None) != draw(Toy(0), seed=None)


@pytest.mark.parametrize("n", [2, 5])
def test_the_first_of_many_samples_is_the_one_drawn_alone(n):
    samples = draw(Toy(0), n)
    assert samples[0] == draw(Toy(0))[0]
    assert samples[: n - 1] == draw(Toy(0), n - 1)
    assert len({tuple(tokens) for tokens in samples}) == n


@pytest.mark.parametrize("length", [1, 7])
def test_as_many_tokens_are_drawn_as_asked_for(length):
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
    alone, together = random_streams(3, 1, 2), random_streams(3, 2, 2)
    numbers = [stream.random() for stream in together]
    assert [stream.random() for stream in alone] == numbers[:2] == numbers[2:]
    assert numbers[0] != numbers[1]
    assert len({stream.random() for stream in random_streams(None, 2, 2)}) == 4


def test_temperature_zero_needs_no_seed():
    assert draw(Toy(0), temperature=0, seed=1) == draw(Toy(0), temperature=0, seed=2)


def test_tokens_are_drawn_as_often_as_they_are_likely():
    n = 20_000
    logits = np.tile(np.log([1, 1, 1, 0.1, 0.2, 0.3, 0.4]), (n, 1)).astype(np.float32)
    drawn = next(sampled(Toy(0), logits, None, temperature=1, length=1, seed=0))
    counts = np.bincount(drawn, minlength=VOCAB)
    np.testing.assert_allclose(counts / n, [0, 0, 0, 0.1, 0.2, 0.3, 0.4], atol=0.015)


def always(row):
    """Return a step function that scores the next token alike whatever was before."""

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


def test_each_sample_has_a_repetition_penalty_of_its_own():
    settings = {"repetition_penalty": 5.0, "length": 8, "temperature": 0.3}
    alone = draw(Toy(0, vocab=40), **settings)[0]
    together = draw(Toy(0, vocab=40), 6, **settings)
    assert together[0] == alone
    assert len({token for tokens in together for token in tokens}) > 12


# Beam search


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
    found = search(toy, [5], [4], beam=200, nbest=200, length_penalty=penalty)[0]
    assert tokens_of(found) == tokens_of(every)
    np.testing.assert_allclose([h.score for h in found], [h.score for h in every], rtol=1e-6)


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
    found = search(toy, [seed % 7], [limit], beam=1)
    assert tokens_of(found[0]) == [greedy_search(toy, seed % 7, limit)]


def plain_beam_search(toy, source, limit, beam, penalty):
    """Search for one source with lists alone, as the docstring of `beam_search` says it."""
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
def test_a_batch_of_searches_equals_a_plain_search_of_each(seed, beam, sources, penalty):
    check_search(Toy(seed, sharpness=2.0), beam, sources, penalty)


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(300, 400))
def test_a_large_vocabulary_is_searched_as_plainly(seed, beam, vocab):
    check_search(Toy(seed, sharpness=2.0, vocab=vocab), beam, [(seed % 9, 4), (1, 3)], 1.0)


def check_search(toy, beam, sources, penalty):
    numbers, limits = zip(*sources, strict=True)
    results = search(toy, numbers, limits, beam=beam, nbest=beam, length_penalty=penalty)
    assert len(results) == len(sources)
    for (source, limit), found in zip(sources, results, strict=True):
        expected = plain_beam_search(toy, source, limit, beam, penalty)[:beam]
        assert tokens_of(found) == tokens_of(expected)
        # The search normalises in float32, as the logits are.
        np.testing.assert_allclose(
            [h.score for h in found], [h.score for h in expected], rtol=0, atol=1e-6
        )


@given(st.integers(0, 10**6), st.integers(1, 5))
def test_the_n_best_are_sorted_distinct_and_no_more_than_asked_for(seed, nbest):
    found = search(Toy(seed), [1, 2], [6, 6], beam=5, nbest=nbest)
    for hypotheses in found:
        scores = [hypothesis.score for hypothesis in hypotheses]
        assert scores == sorted(scores, reverse=True)
        assert len(set(tokens_of(hypotheses))) == len(hypotheses)
        assert 1 <= len(hypotheses) <= nbest


def test_the_best_does_not_depend_on_how_many_are_asked_for():
    for nbest in range(1, 5):
        found = search(Toy(0), [3], [6], beam=5, nbest=nbest)[0]
        assert found == search(Toy(0), [3], [6], beam=5, nbest=5)[0][:nbest]


@given(st.integers(0, 10**6), st.integers(1, 6))
def test_translations_keep_to_their_limits_and_hold_words_alone(seed, beam):
    limits = [1, 2, 5, 8]
    found = search(Toy(seed), [0, 1, 2, 3], limits, beam=beam, nbest=beam)
    for limit, hypotheses in zip(limits, found, strict=True):
        for hypothesis in hypotheses:
            assert len(hypothesis.tokens) <= limit
            assert set(hypothesis.tokens) <= set(WORDS)


def test_a_translation_that_never_ends_is_cut_at_its_limit():
    toy = Toy(0)
    toy.table[:, EOS] = -1e9
    found = search(toy, [0, 1], [3, 5], beam=2)
    assert [len(hypotheses[0].tokens) for hypotheses in found] == [3, 5]


def test_no_translation_is_empty():
    toy = Toy(0)
    toy.table[:, EOS] = 1e9
    assert [len(tokens) for tokens in tokens_of(search(toy, [0], [5], beam=3)[0])] == [1]


def most_repeats(tokens, n):
    """Return how often the n-gram occurs that occurs most often."""
    ngrams = Counter(tokens[i : i + n] for i in range(len(tokens) - n + 1))
    return max(ngrams.values(), default=0)


@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 2), st.integers(1, 4))
def test_no_ngram_occurs_more_often_than_it_may(seed, n, most, beam):
    toy = Toy(seed)
    toy.table[:, EOS] -= 5  # so that translations are long
    found = search(toy, [0, 1], [30, 20], Rules(n, most), beam=beam, nbest=beam)
    for tokens in tokens_of([*found[0], *found[1]]):
        assert most_repeats(tokens, n) <= most


def test_loops_are_blocked_unless_told_else():
    toy = Toy(0)
    toy.table[:] = [0, 0, 0, 0, 9, 0, 0]  # always the same word
    assert most_repeats(search(toy, [0], [30], beam=1)[0][0].tokens, 4) > 2
    (found,) = beam_search(toy, toy.start([0]), np.array([30]), SearchConfig(beam=1))
    assert most_repeats(found[0].tokens, 4) == 2


@given(st.integers(0, 10**6), st.lists(st.sampled_from(WORDS), min_size=1, max_size=3))
def test_what_goes_on_from_a_prefix_is_the_best_that_does(seed, prefix):
    toy, limit = Toy(seed), 3
    state = toy.start([5])
    for token in (BOS, *prefix[:-1]):
        _, state = toy(np.array([token]), state)
    config = SearchConfig(beam=60, nbest=1, length_penalty=0.0)
    ((found,),) = beam_search(toy, state, np.array([limit]), config, FREE, tuple(prefix))
    before = sum(toy.log_p(5, prefix[:i])[token] for i, token in enumerate(prefix))
    every = [
        (score(toy, 5, (*prefix, *more), 0.0) - before, (*prefix, *more))
        for length in range(limit)
        for more in product(WORDS, repeat=length)
    ]
    assert found.score == pytest.approx(max(every)[0], abs=1e-5)
    assert found.tokens == max(every)[1]


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
