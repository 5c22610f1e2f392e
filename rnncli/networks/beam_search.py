"""Choosing tokens, given a function that scores the next one; NumPy alone.

The step function takes the last tokens (R,) and a state and returns logits (R, V) and the state
after them. It is ``Network.step`` in practice, and anything at all in the tests. The logits
are the caller's to change.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnncli.config import USUAL_LENGTH_PENALTY, SamplingConfig, SearchConfig
from rnncli.networks.model_numpy import DecoderState
from rnncli.networks.numerics import Floats, Ints, log_sums, softmax
from rnncli.text.special_tokens import BOS, EOS, PAD, UNK

if TYPE_CHECKING:
    from typing_extensions import Self

GROUPS = 32  # of a vocabulary, when the largest logits are looked for

StepFunction = Callable[[Ints, DecoderState], tuple[Floats, DecoderState]]


class SearchState(Protocol):
    """What a search needs of a state: rows R = N K in order, K for each of N sources."""

    def take(self, rows: Ints) -> "Self":
        """Return the state with these rows in place of the old ones; sources stay."""
        ...

    def keep_sources(self, sources: Ints) -> "Self":
        """Return the state with these sources only; rows stay."""
        ...


State = TypeVar("State", bound=SearchState)


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
    step: Callable[[Ints, State], tuple[Floats, State]],
    state: State,
    limits: Ints,
    config: SearchConfig,
    rules: Rules = NO_LOOPS,
    prefix: tuple[int, ...] = (),
    normalised: bool = False,
) -> list[list[Hypothesis]]:
    """Return the n best hypotheses of each of N sources, best first.

    ``state`` has one row a source, and has read all of ``prefix`` but its last token; ``limits``
    (N,) is the largest number of tokens of each, the prefix left out. A source is done when as
    many of its hypotheses have ended as the beam is wide, and drops out of the batch. No hypothesis
    is empty. Scores are divided by length ** penalty (Wu et al. 2016, section 7, simplified). With
    ``normalised`` the logits are log-probabilities, which saves the work of making them so.
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
            if looping := repeats(own, rules):
                logits[row, looping] = -np.inf
        candidates = _extensions(logits, scores, 2 * beam, normalised)
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
    logits: Floats, scores: NDArray[np.float64], k: int, normalised: bool
) -> list[list[tuple[float, int, int]]]:
    """Return the k best next tokens of each source, best first, each with its total and row.

    ``logits`` is (N K, V); ``scores`` (N, K) are the log-probabilities of the rows before. Where
    fewer than k may follow, there are fewer.

    The k best are among the members of those groups of tokens whose best is among the k best of all
    groups: maxima are quickly found, and only those few have to be sorted out.
    """
    n, beam = scores.shape
    size = logits.shape[1]
    width = max(size // GROUPS, min(size, k))  # G groups, of each G-th token
    maxima = _group_maxima(logits, width)  # (N K, G)
    offsets = scores.reshape(-1, 1)  # (N K, 1)
    if not normalised:
        offsets = offsets - log_sums(logits, maxima.max(1))[:, None]
    best = (maxima + offsets).reshape(n, -1)  # (N, K G) totals
    last = min(k, best.shape[1])
    bound = np.partition(best, -last)[:, -last, None]  # (N, 1)
    bound = np.maximum(bound, np.finfo(np.float64).min)  # what is impossible is never a candidate
    source, group = np.nonzero(best >= bound)  # (M,), (M,)
    row, group = np.divmod(group, width)
    tokens = group[:, None] + np.arange(0, size, width)  # (M, V / G) members
    inside = tokens < size
    rows = (source * beam + row)[:, None]
    totals = logits[rows, np.where(inside, tokens, 0)] + offsets[rows[:, 0]]
    member, place = np.nonzero(inside & (totals >= bound[source]))
    order = np.lexsort((-totals[member, place], source[member]))
    member, place = member[order], place[order]
    found = list(
        zip(
            totals[member, place].tolist(),
            row[member].tolist(),
            tokens[member, place].tolist(),
            strict=True,
        )
    )
    ends = np.searchsorted(source[member], np.arange(n + 1)).tolist()
    return [found[start : min(end, start + k)] for start, end in pairwise(ends)]


def _group_maxima(x: Floats, width: int) -> Floats:
    """Return the maxima (R, G) of groups j: the columns j, j + G, j + 2 G, ... of x (R, V).

    So the rows of memory that are compared lie side by side.
    """
    whole = x.shape[1] // width * width
    maxima: Floats = x[:, :whole].reshape(len(x), -1, width).max(1)
    rest = x[:, whole:]
    np.maximum(maxima[:, : rest.shape[1]], rest, out=maxima[:, : rest.shape[1]])
    return maxima


def _renormalise(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = probabilities / probabilities.sum(-1, keepdims=True)
    return result
