"""Search and alignment in the outputs of a CTC network (Graves et al. 2006)."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rnncli.networks.numerics import Floats, Ints
from rnncli.text.special_tokens import PAD

BLANK = PAD  # the token of a step in which nothing is written
MIN_LOG_PROBABILITY = -9.0  # of a token at a step: less probable ones are not tried
NEVER = -math.inf

Prefix = tuple[int, ...]


class PrefixScorer(Protocol):
    """Another model's opinion of what is written."""

    def __call__(self, prefix: Prefix) -> float:
        """Return what to add to the log-probability for the last token of a prefix."""
        ...


def greedy(log_probs: Floats) -> list[int]:
    """Return the tokens of the most probable path in log-probabilities (T, V)."""
    path = log_probs.argmax(1)  # (T,)
    changes = np.flatnonzero(np.diff(path, prepend=-1))
    return [int(token) for token in path[changes] if token != BLANK]


def prefix_beam_search(
    log_probs: Floats, beam: int, scorer: PrefixScorer | None = None
) -> list[int]:
    """Return the tokens that log-probabilities (T, V) say are the most probable.

    The probabilities of all paths that write the same are summed (Hannun et al. 2014, algorithm 1).
    """
    beams: dict[Prefix, PathScores] = {(): PathScores(blank=0.0)}
    bonus: dict[Prefix, float] = {(): 0.0}  # of the scorer

    def score(prefix: Prefix) -> float:
        return beams[prefix].total + bonus.get(prefix, 0.0)

    for step in log_probs:
        tokens = np.flatnonzero(step > MIN_LOG_PROBABILITY).tolist()
        before, beams = beams, defaultdict(PathScores)
        for prefix, paths in before.items():
            for token, log_p in zip(tokens, step[tokens].tolist(), strict=True):
                if token == BLANK:
                    beams[prefix].add_blank(paths.total + log_p)
                    continue
                longer = (*prefix, token)
                if scorer is not None and longer not in bonus:
                    bonus[longer] = bonus[prefix] + scorer(longer)
                if prefix and token == prefix[-1]:  # a repeated token needs a blank between
                    beams[prefix].add_token(paths.token + log_p)
                    beams[longer].add_token(paths.blank + log_p)
                else:
                    beams[longer].add_token(paths.total + log_p)
        beams = {prefix: beams[prefix] for prefix in sorted(beams, key=score, reverse=True)[:beam]}
    return list(next(iter(beams)))


@dataclass
class PathScores:
    """The log-probabilities of the paths that write a prefix, by what they end in."""

    blank: float = NEVER
    token: float = NEVER

    @property
    def total(self) -> float:
        """That of all paths."""
        return _log_add(self.blank, self.token)

    def add_blank(self, log_p: float) -> None:
        """Add a path that ends in a blank."""
        self.blank = _log_add(self.blank, log_p)

    def add_token(self, log_p: float) -> None:
        """Add a path that ends in the last token."""
        self.token = _log_add(self.token, log_p)


def _log_add(first: float, second: float) -> float:
    """Return log(exp(first) + exp(second)); NumPy takes ten times as long for two numbers."""
    low, high = sorted((first, second))
    return high if low == NEVER else high + math.log1p(math.exp(low - high))


def align(log_probs: Floats, tokens: Sequence[int]) -> tuple[Ints, Ints]:
    """Return the first and the last step (U,) of each token on the most probable path.

    ``log_probs`` is (T, V); the path is that of Viterbi over the states of Graves et al. 2006,
    figure 3: the tokens with a blank before, between and behind them.
    """
    states = np.full(2 * len(tokens) + 1, BLANK)
    states[1::2] = tokens
    may_skip = np.zeros(len(states), np.bool_)  # the blank between two different tokens
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    scores = np.full(len(states), NEVER)
    scores[:2] = log_probs[0, states[:2]]
    moves = np.zeros((len(log_probs), len(states)), np.int64)  # by how many states each step went
    for t in range(1, len(log_probs)):
        candidates = np.full((3, len(states)), NEVER)
        candidates[0] = scores
        candidates[1, 1:] = scores[:-1]
        candidates[2, 2:] = np.where(may_skip[2:], scores[:-2], NEVER)
        moves[t] = candidates.argmax(0)
        scores = candidates.max(0) + log_probs[t, states]
    state = len(states) - 1
    if len(states) > 1 and scores[-2] > scores[-1]:
        state -= 1
    path = np.zeros(len(log_probs), np.int64)
    for t in range(len(log_probs) - 1, -1, -1):
        path[t] = state
        state -= moves[t, state]
    steps = np.arange(len(path))
    first = np.array([steps[path == 2 * i + 1][0] for i in range(len(tokens))], np.int64)
    last = np.array([steps[path == 2 * i + 1][-1] for i in range(len(tokens))], np.int64)
    return first, last
