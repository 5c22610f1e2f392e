"""A generator's opinion of what a transcriber writes: shallow fusion (Gulcehre et al. 2015)."""

from dataclasses import dataclass

import numpy as np

from rnncli.errors import ConfigError
from rnncli.networks.ctc_search import Prefix
from rnncli.networks.model_numpy import DecoderState
from rnncli.networks.numerics import Floats, log_softmax
from rnncli.tasks.generate.predict import TextGenerator
from rnncli.tasks.transcribe import LANGUAGE_MODEL_WEIGHT
from rnncli.text.tokenizer import Tokenizer

LENGTH_BONUS = 1.0  # nats a token, times the weight: else the shorter of two texts is likelier
MAX_CONTEXTS = 10_000  # that are kept: those of an utterance


@dataclass(frozen=True)
class Context:
    """What a generator has read."""

    state: DecoderState
    log_probs: Floats | None = None  # (V,) of what may follow
    log_p: float = 0.0  # of what was read last


class CharacterLanguageModel:
    """Score prefixes by a generator of characters."""

    def __init__(
        self,
        generator: TextGenerator,
        tokenizer: Tokenizer,
        weight: float = LANGUAGE_MODEL_WEIGHT,
    ) -> None:
        """Read texts of ``tokenizer`` with a generator.

        Raises:
            ConfigError: its tokens are no characters.

        """
        if generator.tokenizer.level != "char":
            raise ConfigError(
                f"the tokens of {generator.path} are no characters: {generator.tokenizer.level}",
                "train one: rnncli train --level char -o models/characters FILE.txt",
            )
        self._network, self._weight = generator.network, weight
        self._encode, self._text = generator.tokenizer.encode, tokenizer.decode_token
        self._start = self._read(Context(self._network.empty_state(1)), "\n")
        self._contexts: dict[Prefix, Context] = {}

    def __call__(self, prefix: Prefix) -> float:
        """Return what the last token of a prefix adds to its score."""
        return self._weight * (self._context(prefix).log_p + LENGTH_BONUS)

    def _context(self, prefix: Prefix) -> Context:
        """Return the state after a prefix; each is computed once."""
        if not prefix:
            return self._start
        if prefix not in self._contexts:
            if len(self._contexts) > MAX_CONTEXTS:
                self._contexts.clear()
            before, text = self._context(prefix[:-1]), self._text(prefix[-1])
            # The space before the first word is that of a transcriber alone.
            is_first_space = before is self._start and text.isspace()
            self._contexts[prefix] = before if is_first_space else self._read(before, text)
        return self._contexts[prefix]

    def _read(self, context: Context, text: str) -> Context:
        """Read the text of a token, which is a character or several."""
        log_p, state, log_probs = 0.0, context.state, context.log_probs
        for token in self._encode(text):
            log_p += 0.0 if log_probs is None else float(log_probs[token])
            logits, state = self._network.step(np.array([token]), state)
            log_probs = log_softmax(logits[0])
        return Context(state, log_probs, log_p)
