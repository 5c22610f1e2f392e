"""Choosing tokens, given a function that scores the next one; NumPy alone.

The step function takes the last tokens (R,) and a state and returns logits (R, V) and the state
after them. It is ``Network.step`` in practice, and anything at all in the tests.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnncli.config import SamplingConfig, SearchConfig
from rnncli.runtime import DecoderState, Floats, Ints, log_softmax, softmax
from rnncli.tokenizer import BOS, EOS, PAD, UNK

StepFunction = Callable[[Ints, DecoderState], tuple[Floats, DecoderState]]


@dataclass(frozen=True)
class Hypothesis:
    """One finished translation: its tokens, without the end, and its score."""

    tokens: tuple[int, ...]
    score: float  # log-probability / length ** penalty


def filter_probabilities(logits: Floats, config: SamplingConfig) -> NDArray[np.float64]:
    """Return the probabilities (R, V) from which to draw, given logits (R, V).

    Temperature comes first, then top-k (Fan et al. 2018), top-p (Holtzman et al. 2020) and min-p
    (Nguyen et al. 2024) each cut the tail of what the one before left. Temperature 0 is greedy.
    """
    if config.temperature == 0:
        greedy = np.zeros(logits.shape)
        greedy[np.arange(len(logits)), logits.argmax(-1)] = 1
        return greedy
    # The largest becomes 0 first: divided by a tiny temperature, it would overflow.
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    with np.errstate(over="ignore"):  # to -inf, which is a probability of 0
        probabilities = softmax(shifted / config.temperature)
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


def sample(
    step: StepFunction, logits: Floats, state: DecoderState, config: SamplingConfig
) -> Iterator[Ints]:
    """Yield tokens (R,), drawn one step at a time, until ``config.length`` of them.

    ``logits`` (R, V) score the first token. Each row has a random stream of its own, so that the
    first of many samples is the one that is drawn alone.
    """
    seeds = np.random.SeedSequence(config.seed).spawn(len(logits))
    streams = [np.random.default_rng(seed) for seed in seeds]
    seen = np.zeros(logits.shape, bool)
    for count in range(config.length):
        logits = logits.astype(np.float32, copy=True)
        logits[:, [PAD, UNK, BOS]] = -np.inf  # nothing that could be printed
        if config.repetition_penalty != 1:  # Keskar et al. 2019, section 4.1
            weaker = np.where(
                logits > 0, logits / config.repetition_penalty, logits * config.repetition_penalty
            )
            logits = np.where(seen, weaker, logits)
        cumulative = filter_probabilities(logits, config).cumsum(-1)
        draws = np.array([stream.random() for stream in streams]) * cumulative[:, -1]
        tokens = (cumulative <= draws[:, None]).sum(-1).clip(max=logits.shape[-1] - 1)
        seen[np.arange(len(tokens)), tokens] = True
        yield tokens
        if count + 1 < config.length:
            logits, state = step(tokens, state)


def beam_search(
    step: StepFunction, state: DecoderState, limits: Ints, config: SearchConfig
) -> list[list[Hypothesis]]:
    """Return the n best hypotheses of each of N sources, best first.

    ``state`` has one row a source; ``limits`` (N,) is the largest number of tokens of each. A
    source is done when as many of its hypotheses have ended as the beam is wide, and drops out of
    the batch. Scores are divided by length ** penalty (Wu et al. 2016, section 7, simplified).
    """
    beam = config.beam
    finished: list[list[Hypothesis]] = [[] for _ in limits]
    sources = np.arange(len(limits))  # those not done
    state = state.take(np.repeat(sources, beam))
    tokens = np.full(len(limits) * beam, BOS)
    scores = np.full((len(limits), beam), -np.inf)  # (N, K) log-probability
    scores[:, 0] = 0  # at the start all rows are alike: only one counts
    prefixes: list[list[tuple[int, ...]]] = [[()] * beam for _ in limits]
    length = 0
    while len(sources):
        length += 1
        logits, state = step(tokens, state)
        logits[:, [PAD, UNK, BOS]] = -np.inf
        vocab = logits.shape[-1]
        log_p = log_softmax(logits.astype(np.float64)).reshape(len(sources), beam, vocab)
        totals = (scores[:, :, None] + log_p).reshape(len(sources), -1)  # (N, K V)
        # Twice the beam, so that enough remain when every hypothesis could end here.
        best = _largest(totals, min(2 * beam, totals.shape[1]))  # (N, 2 K) best first
        kept: list[int] = []
        rows: list[int] = []
        next_tokens: list[int] = []
        for i, source in enumerate(sources):
            live: list[tuple[float, int, int]] = []
            for rank, candidate in enumerate(best[i]):
                row, token = divmod(int(candidate), vocab)
                total = float(totals[i, candidate])
                if total == -np.inf:
                    break
                if token == EOS:
                    if rank < beam:
                        score = total / length**config.length_penalty
                        finished[source].append(Hypothesis(prefixes[i][row], score))
                elif len(live) < beam:
                    live.append((total, row, token))
            ended = len(finished[source]) >= beam or not live
            if not ended and length < limits[source]:
                kept.append(i)
                live += [(-np.inf, 0, EOS)] * (beam - len(live))
                scores[i] = [total for total, _, _ in live]
                prefixes[i] = [(*prefixes[i][row], token) for _, row, token in live]
                rows.extend(i * beam + row for _, row, _ in live)
                next_tokens.extend(token for _, _, token in live)
            elif not finished[source]:  # cut at the limit: better an unfinished one than none
                finished[source] = [
                    Hypothesis((*prefixes[i][row], token), total / length**config.length_penalty)
                    for total, row, token in live
                ]
        if len(kept) < len(sources):
            state = state.keep_sources(np.array(kept, np.int64))
        state = state.take(np.array(rows, np.int64))
        tokens = np.array(next_tokens, np.int64)
        scores, prefixes = scores[kept], [prefixes[i] for i in kept]
        sources = sources[kept]
    return [sorted(hypotheses, key=lambda h: -h.score)[: config.nbest] for hypotheses in finished]


def _largest(x: NDArray[np.float64], k: int) -> Ints:
    """Return the indices of the k largest of each row, largest first."""
    candidates = np.argpartition(-x, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(x, candidates, 1), axis=1, kind="stable")
    result: Ints = np.take_along_axis(candidates, order, 1)
    return result


def _renormalise(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = probabilities / probabilities.sum(-1, keepdims=True)
    return result
