"""A generator's opinion of what a transcriber writes: shallow fusion (Gulcehre et al. 2015)."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rnncli.errors import ConfigError
from rnncli.networks.ctc_search import Prefix, PrefixScorer
from rnncli.networks.model_numpy import DecoderState
from rnncli.networks.numerics import Floats, log_softmax
from rnncli.tasks.generate.predict import TextGenerator
from rnncli.text.tokenizer import Tokenizer

LENGTH_BONUS = 1.0  # nats a token, times the weight: else the shorter of two texts is likelier
MAX_CONTEXTS = 10_000  # that are kept: those of an utterance


@dataclass(frozen=True)
class Context:
    """What a generator has read."""

    state: DecoderState
    log_probs: Floats | None = None  # (V,) of what may follow
    log_p: float = 0.0  # of what was read last


def character_scorer(generator: TextGenerator, tokenizer: Tokenizer, weight: float) -> PrefixScorer:
    """Return a function that scores prefixes of tokens by a generator of characters.

    Raises:
        ConfigError: its tokens are no characters.

    """
    if generator.tokenizer.level != "char":
        raise ConfigError(
            f"the tokens of {generator.path} are no characters: {generator.tokenizer.level}",
            "train one: rnncli train --level char -o models/characters FILE.txt",
        )

    def read(context: Context, text: str) -> Context:
        log_p, state, log_probs = 0.0, context.state, context.log_probs
        for token in generator.tokenizer.encode(text):
            log_p += 0.0 if log_probs is None else float(log_probs[token])
            logits, state = generator.network.step(np.array([token]), state)
            log_probs = log_softmax(logits[0])
        return Context(state, log_probs, log_p)

    start = read(Context(generator.network.empty_state(1)), "\n")

    @lru_cache(MAX_CONTEXTS)
    def context(prefix: Prefix) -> Context:
        if not prefix:
            return start
        before, text = context(prefix[:-1]), tokenizer.decode_token(prefix[-1])
        # The space before the first word is that of a transcriber alone.
        return before if before is start and text.isspace() else read(before, text)

    return lambda prefix: weight * (context(prefix).log_p + LENGTH_BONUS)
