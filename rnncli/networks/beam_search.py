"""Beam search for a batch of sources.

A step function, as in `sampling.py`, takes the last tokens (R,) and a state, and returns the logits
(R, V) of the next ones and the state after them.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, repeat
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnncli.config import USUAL_LENGTH_PENALTY, SearchConfig
from rnncli.networks.beam_allocation import Constraints, Extension, allocate, bias
from rnncli.networks.numerics import Floats, Ints, log_sums
from rnncli.text.special_tokens import BOS, EOS, PAD, UNK

if TYPE_CHECKING:
    from typing_extensions import Self

GROUP_SIZE = 32  # tokens of a group, in the search for the largest logits


class SearchState(Protocol):
    """The interface of a decoder's state: rows R = N K in order, K for each of N sources."""

    def take(self, rows: Ints) -> "Self":
        """Select rows; the sources stay."""
        ...

    def keep_sources(self, sources: Ints) -> "Self":
        """Select sources; the rows stay."""
        ...


State = TypeVar("State", bound=SearchState)


@dataclass(frozen=True)
class Hypothesis:
    """The tokens of a translation, without ``<eos>``, and its score."""

    tokens: tuple[int, ...]
    score: float  # log-probability / length ** penalty


@dataclass(frozen=True)
class TokenRules:
    """The tokens to suppress: special tokens, and those that would repeat an n-gram."""

    ngram_size: int = 4  # tokens
    max_ngram_count: int = 2  # of an n-gram in a translation
    suppressed: tuple[int, ...] = (PAD, UNK, BOS)


DEFAULT_RULES = TokenRules()


def beam_search(
    step: Callable[[Ints, State], tuple[Floats, State]],
    state: State,
    limits: Ints,
    config: SearchConfig,
    rules: TokenRules = DEFAULT_RULES,
    prefix: tuple[int, ...] = (),
    renormalise: bool = True,
    constraints: Sequence[Constraints] | None = None,
) -> list[list[Hypothesis]]:
    """Return the n best hypotheses of each of N sources, best first.

    ``state`` has one row a source, and has read all of ``prefix`` but its last token; ``limits``
    (N,) are the maximal numbers of tokens, without the prefix. A source is removed when as many of
    its hypotheses have ended as the beam is wide. No hypothesis is empty. Scores are divided by
    length ** penalty (Wu et al. 2016, section 7, simplified).

    With ``renormalise``, probabilities are normalised after tokens were suppressed; without it, the
    logits must be log-probabilities. With ``constraints``, one for each source, hypotheses end when
    they have its phrases; at their limits they may lack some.
    """
    penalty = USUAL_LENGTH_PENALTY if config.length_penalty is None else config.length_penalty
    searches = [
        _Search(int(limit), config.beam, penalty, [prefix], constraints=required)
        for limit, required in zip(limits, constraints or repeat(None), strict=False)
    ]
    active = searches
    tokens = np.full(len(searches), prefix[-1] if prefix else BOS)  # (R,)
    length = 0  # without the prefix
    while active:
        length += 1
        logits, state = step(tokens, state)
        _suppress(logits, active, rules, may_end=length > 1 or bool(prefix))
        log_p = np.array([search.log_p for search in active])  # (N, K); K = 1 in the first step
        extensions = topk_extensions(logits, log_p, 2 * config.beam, renormalise)
        if constraints:
            extensions = allocate(extensions, logits, active, renormalise)
        continued = [
            (number, longer)
            for number, (search, candidates) in enumerate(zip(active, extensions, strict=True))
            if (longer := search.advance(candidates, length))
        ]
        if len(continued) < len(active):
            state = state.keep_sources(np.array([number for number, _ in continued], np.int64))
        rows = [number * log_p.shape[1] + e.row for number, longer in continued for e in longer]
        state = state.take(np.array(rows, np.int64))
        tokens = np.array([e.token for _, longer in continued for e in longer], np.int64)
        active = [active[number] for number, _ in continued]
    best_first = (sorted(search.ended, key=lambda h: -h.score) for search in searches)
    return [hypotheses[: config.nbest] for hypotheses in best_first]


@dataclass
class _Search:
    """The search for the translations of one source."""

    limit: int  # tokens
    beam: int
    length_penalty: float
    prefixes: list[tuple[int, ...]]  # of the hypotheses that have not ended
    log_p: list[float] = field(default_factory=lambda: [0.0])  # of these
    ended: list[Hypothesis] = field(default_factory=list)
    constraints: Constraints | None = None

    def advance(self, extensions: Sequence[Extension], length: int) -> list[Extension]:
        """Add the best extensions, of ``length`` tokens; return those that have not ended.

        They are as many as the beam is wide, filled up with impossible ones, or none at the end of
        the search.
        """
        divisor = length**self.length_penalty
        longer: list[Extension] = []
        for rank, extension in enumerate(extensions):
            if extension.token == EOS:
                if rank < self.beam:
                    score = extension.log_p / divisor
                    self.ended.append(Hypothesis(self.prefixes[extension.row], score))
            elif len(longer) < self.beam:
                longer.append(extension)
        prefixes = [(*self.prefixes[e.row], e.token) for e in longer]
        if not longer or len(self.ended) >= self.beam or length >= self.limit:
            if not self.ended:  # at the limit: return unfinished ones rather than none
                pairs = zip(prefixes, longer, strict=True)
                self.ended = [Hypothesis(prefix, e.log_p / divisor) for prefix, e in pairs]
            return []
        missing = self.beam - len(longer)
        longer += [Extension(-np.inf, 0, EOS)] * missing
        self.prefixes = prefixes + [()] * missing
        self.log_p = [e.log_p for e in longer]
        return longer


def _suppress(logits: Floats, active: Sequence[_Search], rules: TokenRules, may_end: bool) -> None:
    """Set the logits (R, V) of suppressed tokens to -inf, and raise those of phrases, in place."""
    logits[:, rules.suppressed] = -np.inf
    if not may_end and logits.shape[1] > EOS + 1:
        logits[:, EOS] = -np.inf
    prefixes = [prefix for search in active for prefix in search.prefixes]
    for row, prefix in enumerate(prefixes):
        if looping := looping_tokens(prefix, rules):
            logits[row, looping] = -np.inf
    if any(search.constraints is not None for search in active):
        bias(logits, active)


def looping_tokens(tokens: tuple[int, ...], rules: TokenRules) -> list[int]:
    """Return the tokens that would complete an n-gram beyond its largest count."""
    n, max_count = rules.ngram_size, rules.max_ngram_count
    if n > 1 and (len(tokens) < n or tokens.count(tokens[-1]) <= max_count):  # most often
        return []
    last = tokens[len(tokens) - n + 1 :]
    followers = Counter(
        tokens[i + n - 1] for i in range(len(tokens) - n + 1) if tokens[i : i + n - 1] == last
    )
    return [token for token, count in followers.items() if count >= max_count]


def topk_extensions(
    logits: Floats, log_p: NDArray[np.float64], k: int, renormalise: bool
) -> list[list[Extension]]:
    """Return the k likeliest extensions of the hypotheses of each source, likeliest first.

    ``logits`` is (N K, V); ``log_p`` (N, K) are the log-probabilities of the hypotheses. Where
    fewer than k are possible, there are fewer.

    Tokens form groups. The k best are in the groups with the k best maxima: maxima are computed
    quickly, and only the members of these groups are sorted.
    """
    n, beam = log_p.shape
    size = logits.shape[1]
    width = max(size // GROUP_SIZE, min(size, k))  # G groups, of each G-th token
    maxima = _group_maxima(logits, width)  # (N K, G)
    offsets = log_p.reshape(-1, 1)  # (N K, 1)
    if renormalise:
        offsets = offsets - log_sums(logits, maxima.max(1))[:, None]
    group_totals = (maxima + offsets).reshape(n, -1)  # (N, K G) totals
    last = min(k, group_totals.shape[1])
    bound = np.partition(group_totals, -last)[:, -last, None]  # (N, 1)
    bound = np.maximum(bound, np.finfo(np.float64).min)  # excludes -inf
    source, group = np.nonzero(group_totals >= bound)  # (M,), (M,)
    row, group = np.divmod(group, width)
    tokens = group[:, None] + np.arange(0, size, width)  # (M, V / G) members
    exists = tokens < size
    rows = (source * beam + row)[:, None]
    totals = logits[rows, np.where(exists, tokens, 0)] + offsets[rows[:, 0]]
    member, column = np.nonzero(exists & (totals >= bound[source]))
    order = np.lexsort((-totals[member, column], source[member]))
    member, column = member[order], column[order]
    parts = (totals[member, column], row[member], tokens[member, column])
    extensions = list(map(Extension, *(part.tolist() for part in parts)))
    ends = np.searchsorted(source[member], np.arange(n + 1)).tolist()
    return [extensions[start : min(end, start + k)] for start, end in pairwise(ends)]


def _group_maxima(x: Floats, width: int) -> Floats:
    """Return the maxima (R, G) of groups j: the columns j, j + G, j + 2 G, ... of x (R, V).

    With this layout NumPy compares contiguous rows.
    """
    full_groups = x.shape[1] // width * width
    maxima: Floats = x[:, :full_groups].reshape(len(x), -1, width).max(1)
    rest = x[:, full_groups:]
    np.maximum(maxima[:, : rest.shape[1]], rest, out=maxima[:, : rest.shape[1]])
    return maxima
