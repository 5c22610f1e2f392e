"""What a decoder expects after each token of a text."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnncli.networks.model_numpy import Decoder, State
from rnncli.networks.numerics import Floats, log_softmax
from rnncli.text.special_tokens import SPECIAL_TOKENS
from rnncli.text.tokenizer import Tokenizer

CANDIDATES = 5  # of each step: what can be read at a glance
MAX_LOGITS = 1 << 24  # of a part of the steps: bounds memory


@dataclass(frozen=True)
class Candidate:
    """A token that may come next."""

    token: str
    probability: float


@dataclass(frozen=True)
class NextTokens:
    """The surprisal of each token that was read, and the likeliest ones after it."""

    bits: Floats  # (T,) -log2 of the probability of each token; not a number where it was given
    candidates: tuple[tuple[Candidate, ...], ...]  # T times, the likeliest first


def next_tokens(
    decoder: Decoder[State],
    features: Floats,
    tokens: Sequence[int],
    tokenizer: Tokenizer,
    given: int,
) -> NextTokens:
    """Score the tokens (T,) that a decoder read, whose features are (T, E).

    The first ``given`` tokens are not predicted by it.
    """
    bits = np.full(len(tokens), np.nan, np.float32)
    candidates: list[tuple[Candidate, ...]] = []
    window = max(1, MAX_LOGITS // tokenizer.vocab_size)
    for start in range(0, len(tokens), window):
        log_p = log_softmax(decoder.output(features[start : start + window]))  # (W, V)
        following = np.array(tokens[start + 1 : start + 1 + window], np.int64)
        known = log_p[np.arange(len(following)), following]
        bits[start + 1 : start + 1 + len(following)] = -known / math.log(2)
        candidates += _candidates(log_p, tokenizer)
    bits[:given] = np.nan
    return NextTokens(bits, tuple(candidates))


def _candidates(log_p: Floats, tokenizer: Tokenizer) -> Iterator[tuple[Candidate, ...]]:
    """Yield the likeliest tokens by each row of log-probabilities (W, V)."""
    count = min(CANDIDATES, log_p.shape[1])
    likeliest = np.argpartition(log_p, -count, 1)[:, -count:]  # (W, C) in any order
    order = np.argsort(-np.take_along_axis(log_p, likeliest, 1), 1, kind="stable")
    likeliest = np.take_along_axis(likeliest, order, 1)
    probabilities = np.exp(np.take_along_axis(log_p, likeliest, 1))  # (W, C)
    for tokens, row in zip(likeliest.tolist(), probabilities.tolist(), strict=True):
        texts = (token_text(tokenizer, token) for token in tokens)
        yield tuple(map(Candidate, texts, row))


def token_text(tokenizer: Tokenizer, token: int) -> str:
    """Return the text of a token, and the name of one that stands for none."""
    return SPECIAL_TOKENS[token] if token < len(SPECIAL_TOKENS) else tokenizer.decode_token(token)
