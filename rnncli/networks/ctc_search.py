"""Search and alignment in the outputs of a CTC network (Graves et al. 2006)."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from rnncli.networks.numerics import Floats, Ints
from rnncli.text.special_tokens import PAD

BLANK = PAD  # the token of a step in which nothing is written
MIN_LOG_PROBABILITY = -9.0  # of a token at a step: less probable ones are not tried
NEVER = -math.inf

Prefix: TypeAlias = tuple[int, ...]
PrefixScorer: TypeAlias = Callable[[Prefix], float]  # to add to the log-probability of its last one


def greedy(log_probs: Floats) -> list[int]:
    """Return the tokens of the most probable path in log-probabilities (T, V)."""
    path = log_probs.argmax(1)  # (T,)
    changes = np.flatnonzero(np.diff(path, prepend=-1))
    return [int(token) for token in path[changes] if token != BLANK]


def prefix_beam_search(
    log_probs: Floats, beam: int, scorer: PrefixScorer | None = None
) -> list[int]:
    """Return the tokens that log-probabilities (T, V) say are the most probable.

    The probabilities of all paths that write the same are summed (Hannun et al. 2014, algorithm 1),
    apart for those that end in a blank and those that end in the last token.
    """
    beams: dict[Prefix, list[float]] = {(): [0.0, NEVER]}
    bonus: dict[Prefix, float] = {(): 0.0}  # of the scorer

    def score(prefix: Prefix) -> float:
        return _log_add(*beams[prefix]) + bonus.get(prefix, 0.0)

    for step in log_probs:
        tokens = np.flatnonzero(step > MIN_LOG_PROBABILITY).tolist()
        before, beams = beams, defaultdict(lambda: [NEVER, NEVER])
        for prefix, (blank, last) in before.items():
            total = _log_add(blank, last)
            for token, log_p in zip(tokens, step[tokens].tolist(), strict=True):
                if token == BLANK:
                    beams[prefix][0] = _log_add(beams[prefix][0], total + log_p)
                    continue
                is_repeated = prefix[-1:] == (token,)
                if is_repeated:  # the same token goes on; another one needs a blank between
                    beams[prefix][1] = _log_add(beams[prefix][1], last + log_p)
                longer = (*prefix, token)
                if scorer is not None and longer not in bonus:
                    bonus[longer] = bonus[prefix] + scorer(longer)
                paths = blank if is_repeated else total
                beams[longer][1] = _log_add(beams[longer][1], paths + log_p)
        beams = {prefix: beams[prefix] for prefix in sorted(beams, key=score, reverse=True)[:beam]}
    return list(next(iter(beams)))


def _log_add(first: float, second: float) -> float:
    """Return log(exp(first) + exp(second)); NumPy takes ten times as long for two numbers."""
    low, high = (first, second) if first < second else (second, first)
    return high if low == NEVER else high + math.log1p(math.exp(low - high))


def align(log_probs: Floats, tokens: Sequence[int]) -> tuple[Ints, Ints]:
    """Return the first and the last step (U,) of each token on the most probable path.

    ``log_probs`` is (T, V); the path is that of Viterbi over the states of Graves et al. 2006,
    figure 3: the tokens with a blank before, between and behind them.
    """
    states = np.full(2 * len(tokens) + 1, BLANK)
    states[1::2] = tokens
    skip = np.full(len(states), NEVER)  # 0 where the blank before a state may be left out
    skip[3::2][states[3::2] != states[1:-2:2]] = 0
    emissions = log_probs[:, states]  # (T, 2 U + 1)
    scores = np.full(len(states), NEVER)
    scores[:2] = emissions[0, :2]
    moves = []  # by how many states each step went
    for emission in emissions[1:]:
        before = np.concatenate([[NEVER, NEVER], scores])
        candidates = np.stack([before[2:], before[1:-1], before[:-2] + skip])
        moves.append(candidates.argmax(0))
        scores = candidates.max(0) + emission
    path = [len(states) - 2 + int(scores[-2:].argmax()) if len(states) > 1 else 0]
    for move in reversed(moves):
        path.append(path[-1] - int(move[path[-1]]))
    places = np.arange(1, len(states), 2)
    return np.searchsorted(path[::-1], places), np.searchsorted(path[::-1], places, "right") - 1
