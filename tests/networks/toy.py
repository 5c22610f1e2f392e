"""A step function with random scores, for the tests of sampling and of beam search."""

import numpy as np

from rnncli.networks.attention_numpy import Source
from rnncli.networks.model_numpy import AttentionState
from rnncli.networks.numerics import log_softmax
from rnncli.text.special_tokens import BOS, EOS, PAD, UNK

WORDS = (4, 5, 6)  # what a toy writes; the special tokens stand before them
VOCAB = 7


class Toy:
    """A step function with random scores that depend on the source and on all tokens before.

    Each row's state is its history, as digits of one number; the source is read from the state,
    as attention does, with as many rows a source as there are.
    """

    def __init__(self, seed, sharpness=1.0, vocab=VOCAB):
        rng = np.random.default_rng(seed)
        self.vocab = vocab
        self.table = rng.normal(0, sharpness, (997, vocab)).astype(np.float32)
        self.key = int(rng.integers(1, 997))

    def start(self, sources):
        values = np.array(sources, np.float32).reshape(-1, 1, 1)
        source = Source(values, values, np.ones(values.shape[:2], bool), values)
        return AttentionState(((np.zeros((len(sources), 1), np.int64),),), source)

    def __call__(self, tokens, state):
        history = state.layers[0][0]  # (R, 1)
        each = len(tokens) // len(state.source.values)
        source = np.repeat(state.source.values[:, 0, 0], each).astype(np.int64)  # (R,)
        history = history * self.vocab + tokens[:, None]
        logits = self.table[(self.key * (history[:, 0] + 31 * source)) % 997]
        return logits.copy(), AttentionState(((history,),), state.source)

    def log_p(self, source, prefix):
        """Compute the log-probabilities of the next token after a prefix."""
        state = self.start([source])
        for token in (BOS, *prefix):
            logits, state = self(np.array([token]), state)
        logits[:, [PAD, UNK, BOS]] = -np.inf
        if not prefix:
            logits[:, EOS] = -np.inf  # no translation is empty
        return log_softmax(logits.astype(np.float64))[0]
