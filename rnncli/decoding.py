"""Choosing tokens, given a function that scores the next one; NumPy alone.

The step function takes the last tokens (R,) and a state and returns logits (R, V) and the state
after them. It is ``Network.step`` in practice, and anything at all in the tests. The logits
are the caller's to change.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from rnncli.arrays import Floats, Ints, softmax
from rnncli.config import USUAL_LENGTH_PENALTY, SamplingConfig, SearchConfig
from rnncli.runtime import DecoderState
from rnncli.tokenizer import BOS, EOS, PAD, UNK

GROUPS = 32  # of a vocabulary, when the largest logits are looked for

StepFunction = Callable[[Ints, DecoderState], tuple[Floats, DecoderState]]


@dataclass(frozen=True)
class Hypothesis:
    """One finished translation: its tokens, without the end, and its score."""

    tokens: tuple[int, ...]
    score: float  # log-probability / length ** penalty


def filter_probabilities(logits: Floats, config: SamplingConfig) -> NDArray[np.float64]:
    """Return the probabilities (R, V) from which to draw, given logits (R, V).

    Temperature, which is above 0, comes first; then top-k (Fan et al. 2018), top-p (Holtzman et al.
    2020) and min-p (Nguyen et al. 2024) each cut the tail of what the one before left.
    """
    # The largest becomes 0 first: divided by a tiny temperature, it would overflow.
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(-1, keepdims=True)
    with np.errstate(over="ignore"):  # to -inf, which is a probability of 0
        shifted /= config.temperature
    probabilities = softmax(shifted)
    if config.top_k is not None and config.top_k < logits.shape[-1]:
        order = np.argsort(-probabilities, axis=-1, kind="stable")  # k of them, whatever the ties
        np.put_along_axis(probabilities, order[:, config.top_k :], 0, -1)
        probabilities = _renormalise(probabilities)
    if config.top_p is not None and config.top_p < 1:
        order = np.argsort(-probabilities, axis=-1, kind="stable")
        ranked = np.take_along_axis(probabilities, order, -1)
        before = ranked.cumsum(-1) - ranked  # the likeliest token always stays
        ranked[before >= config.top_p] = 0
        np.put_along_axis(probabilities, order, ranked, -1)
        probabilities = _renormalise(probabilities)
    if config.min_p is not None:
        threshold = config.min_p * probabilities.max(-1, keepdims=True)
        probabilities = _renormalise(np.where(probabilities >= threshold, probabilities, 0))
    return probabilities


def random_seeds(seed: int | None, prompts: int, n: int) -> list[np.random.SeedSequence]:
    """Return a seed for each of n samples of each prompt.

    With a seed, a sample depends neither on how many others are drawn nor on other prompts: the
    j-th sample of every prompt draws the same numbers.
    """
    if seed is None:
        return np.random.SeedSequence().spawn(prompts * n)
    return np.random.SeedSequence(seed).spawn(n) * prompts


def random_streams(seed: int | None, prompts: int, n: int) -> list[np.random.Generator]:
    """Return a stream of random numbers for each of n samples of each prompt."""
    return list(map(np.random.default_rng, random_seeds(seed, prompts, n)))


def sample(
    step: StepFunction,
    logits: Floats,
    state: DecoderState,
    config: SamplingConfig,
    streams: Sequence[np.random.Generator],
) -> Iterator[Ints]:
    """Yield tokens (R,), drawn one step at a time, until ``config.length`` of them.

    ``logits`` (R, V) score the first token.
    """
    seen = np.zeros(logits.shape, bool)
    logits = logits.copy()  # the caller's; those of a step are nobody's
    for count in range(config.length):
        tokens = draw(logits, seen, config, streams)
        yield tokens
        if count + 1 < config.length:
            logits, state = step(tokens, state)


def draw(
    logits: Floats,
    seen: NDArray[np.bool_],
    config: SamplingConfig,
    streams: Sequence[np.random.Generator],
) -> Ints:
    """Draw a token for each row of logits (R, V), and note it in ``seen`` (R, V).

    Each row draws from a random stream of its own. Temperature 0 is greedy: it takes the likeliest
    token and draws nothing.
    """
    logits[:, :EOS] = -np.inf  # padding, unknown, beginning: nothing that could be printed
    if config.repetition_penalty != 1:  # Keskar et al. 2019, section 4.1
        weaker = np.where(
            logits > 0, logits / config.repetition_penalty, logits * config.repetition_penalty
        )
        logits = np.where(seen, weaker, logits)
    tokens: Ints
    if config.temperature == 0:
        tokens = logits.argmax(-1)
    else:
        cumulative = filter_probabilities(logits, config).cumsum(-1)
        draws = np.array([stream.random() for stream in streams]) * cumulative[:, -1]
        tokens = np.minimum((cumulative <= draws[:, None]).sum(-1), logits.shape[-1] - 1)
    seen[np.arange(len(tokens)), tokens] = True
    return tokens


@dataclass(frozen=True)
class Rules:
    """Say what no translation may be: one that loops, or that has tokens which are no words."""

    ngram: int = 4  # tokens
    most: int = 2  # times that the same n-gram may occur
    never: tuple[int, ...] = (PAD, UNK, BOS)


NO_LOOPS = Rules()


def beam_search(
    step: StepFunction,
    state: DecoderState,
    limits: Ints,
    config: SearchConfig,
    rules: Rules = NO_LOOPS,
    prefix: tuple[int, ...] = (),
) -> list[list[Hypothesis]]:
    """Return the n best hypotheses of each of N sources, best first.

    ``state`` has one row a source, and has read all of ``prefix`` but its last token; ``limits``
    (N,) is the largest number of tokens of each, the prefix left out. A source is done when as
    many of its hypotheses have ended as the beam is wide, and drops out of the batch. No hypothesis
    is empty. Scores are divided by length ** penalty (Wu et al. 2016, section 7, simplified).
    """
    beam, penalty = config.beam, config.length_penalty
    if penalty is None:
        penalty = USUAL_LENGTH_PENALTY
    finished: list[list[Hypothesis]] = [[] for _ in limits]
    sources = np.arange(len(limits))  # those not done
    # At the start all rows of a source would be alike, so there is but one; then K.
    tokens = np.full(len(limits), prefix[-1] if prefix else BOS)
    scores = np.zeros((len(limits), 1))
    prefixes: list[list[tuple[int, ...]]] = [[prefix] for _ in limits]
    length = 0
    while len(sources):
        length += 1
        logits, state = step(tokens, state)
        logits[:, rules.never] = -np.inf
        if length == 1 and not prefix and logits.shape[1] > EOS + 1:
            logits[:, EOS] = -np.inf
        for row, own in enumerate(chain.from_iterable(prefixes)):
            logits[row, repeats(own, rules)] = -np.inf
        candidates = _extensions(logits, scores, 2 * beam)
        kept: list[int] = []
        live_scores: list[list[float]] = []
        live_prefixes: list[list[tuple[int, ...]]] = []
        rows: list[int] = []
        next_tokens: list[int] = []
        for i, source in enumerate(sources):
            live: list[tuple[float, int, int]] = []
            for rank, (total, row, token) in enumerate(candidates[i]):
                if total == -np.inf:
                    break
                if token == EOS:
                    if rank < beam:
                        score = total / length**penalty
                        finished[source].append(Hypothesis(prefixes[i][row], score))
                elif len(live) < beam:
                    live.append((total, row, token))
            ended = len(finished[source]) >= beam or not live
            if not ended and length < limits[source]:
                kept.append(i)
                live += [(-np.inf, 0, EOS)] * (beam - len(live))
                live_scores.append([total for total, _, _ in live])
                live_prefixes.append([(*prefixes[i][row], token) for _, row, token in live])
                rows.extend(i * scores.shape[1] + row for _, row, _ in live)
                next_tokens.extend(token for _, _, token in live)
            elif not finished[source]:  # cut at the limit: better an unfinished one than none
                finished[source] = [
                    Hypothesis((*prefixes[i][row], token), total / length**penalty)
                    for total, row, token in live
                ]
        if len(kept) < len(sources):
            state = state.keep_sources(np.array(kept, np.int64))
            sources = sources[kept]
        state = state.take(np.array(rows, np.int64))
        tokens = np.array(next_tokens, np.int64)
        scores, prefixes = np.array(live_scores), live_prefixes
    return [sorted(hypotheses, key=lambda h: -h.score)[: config.nbest] for hypotheses in finished]


def repeats(tokens: tuple[int, ...], rules: Rules) -> list[int]:
    """Return the tokens that would make an n-gram occur more often than it may."""
    n = rules.ngram
    if n > 1 and (len(tokens) < n or tokens.count(tokens[-1]) <= rules.most):  # quickly told
        return []
    last = tokens[len(tokens) - n + 1 :]
    followers = Counter(
        tokens[i + n - 1] for i in range(len(tokens) - n + 1) if tokens[i : i + n - 1] == last
    )
    return [token for token, count in followers.items() if count >= rules.most]


def _extensions(
    logits: Floats, scores: NDArray[np.float64], k: int
) -> list[list[tuple[float, int, int]]]:
    """Return the k best next tokens of each source, best first, each with its total and row.

    ``logits`` is (N K, V); ``scores`` (N, K) are the log-probabilities of the rows before.
    """
    n, beam = scores.shape
    largest = logits.max(1, keepdims=True)  # (N K, 1)
    exponentials = logits - largest
    np.exp(exponentials, out=exponentials)
    log_sums = np.log(exponentials.sum(1, dtype=np.float64)) + largest[:, 0]  # (N K,)
    # In one row, the order of the logits is that of the log-probabilities: k of each are enough.
    tokens = _largest(logits, k)  # (N K, k)
    picked = np.take_along_axis(logits, tokens, 1).astype(np.float64)
    totals = picked + (scores.reshape(-1) - log_sums)[:, None]  # (N K, k)
    totals, tokens = totals.reshape(n, -1), tokens.reshape(n, -1)  # (N, K k)
    best = np.argsort(-totals, axis=1, kind="stable")[:, :k]
    width = totals.shape[1] // beam
    return [
        list(zip(*found, strict=True))
        for found in zip(
            np.take_along_axis(totals, best, 1).tolist(),
            (best // width).tolist(),
            np.take_along_axis(tokens, best, 1).tolist(),
            strict=True,
        )
    ]


def _largest(x: Floats, k: int) -> Ints:
    """Return the indices of the k largest of each row, in any order, or of all if there are fewer.

    The k largest are among the members of the k groups whose maxima are largest: only those few
    have to be sorted out, and maxima are quickly found.
    """
    rows, size = x.shape
    width = size // GROUPS
    if width <= k:
        return np.argpartition(-x, min(k, size) - 1, axis=1)[:, :k]
    # Group j holds the columns j, j + width, j + 2 width, ...: rows of memory side by side.
    maxima = x[:, : GROUPS * width].reshape(rows, GROUPS, width).max(1)  # (R, width)
    groups = np.argpartition(-maxima, k - 1, axis=1)[:, :k]  # (R, k)
    members = groups[:, :, None] + width * np.arange(GROUPS)  # (R, k, GROUPS)
    rest = np.broadcast_to(np.arange(GROUPS * width, size), (rows, size - GROUPS * width))
    members = np.concatenate([members.reshape(rows, -1), rest], 1)
    found = np.argpartition(-np.take_along_axis(x, members, 1), k - 1, axis=1)[:, :k]
    result: Ints = np.take_along_axis(members, found, 1)
    return result


def _renormalise(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = probabilities / probabilities.sum(-1, keepdims=True)
    return result
