"""Draw texts, token by token, from prompts that a network has read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnncli.config import USUAL_LENGTH, SamplingConfig
from rnncli.networks.model_numpy import CausalLM, DecoderState
from rnncli.networks.numerics import Floats, Ints
from rnncli.networks.sampling import draw, max_length, sample
from rnncli.tasks.generate.constraints import MAX_TRIES, Constraint, violations
from rnncli.text.streaming import StopStrings, TextStreamer
from rnncli.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class SamplerState:
    """Prompts that have been read, and the random numbers of their samples, a row each."""

    logits: Floats  # (R, V) of the first token
    decoder: DecoderState
    generators: Sequence[np.random.Generator]

    def take(self, rows: Ints) -> "SamplerState":
        """Return the state of these rows."""
        generators = [self.generators[row] for row in rows]
        return SamplerState(self.logits[rows], self.decoder.take(rows), generators)


@dataclass(frozen=True)
class Sampler:
    """Draw texts with a network until they end."""

    network: CausalLM
    tokenizer: Tokenizer
    config: SamplingConfig
    stop_strings: StopStrings

    def draw(self, state: SamplerState, constraints: Sequence[Constraint] = ()) -> list[str]:
        """Return a text for each row; one that violates a constraint is drawn again.

        The random numbers of a row go on with each try.

        Raises:
            RnncliError: that of a constraint which no try satisfied.

        """
        texts = self._draw(state)
        if not constraints:
            return texts
        rows = list(range(len(texts)))  # of the last try
        for _ in range(MAX_TRIES - 1):
            rows, _ = violations(texts, rows, constraints)
            if not rows:
                return texts
            again = self._draw(state.take(np.array(rows, np.int64)))
            for row, text in zip(rows, again, strict=True):
                texts[row] = text
        rows, errors = violations(texts, rows, constraints)
        if errors:
            raise errors[0]
        return texts

    def stream(self, state: SamplerState) -> Iterator[list[str]]:
        """Yield, step by step, the new characters of the text of each row."""
        streamers = self._streamers(state)
        token_steps = sample(
            self.network.step, state.logits, state.decoder, self.config, state.generators
        )
        for tokens in token_steps:
            yield [s.add(token) for s, token in zip(streamers, tokens.tolist(), strict=True)]
            if all(streamer.stopped for streamer in streamers):
                return
        yield [streamer.finish() for streamer in streamers]

    def _streamers(self, state: SamplerState) -> list[TextStreamer]:
        # Without a given length, a text ends where a sentence does.
        length = USUAL_LENGTH if self.config.length is None else None
        return [TextStreamer(self.tokenizer, self.stop_strings, length) for _ in state.generators]

    def _draw(self, state: SamplerState) -> list[str]:
        """Return a text for each row; rows that have ended drop out of the batch."""
        streamers = self._streamers(state)
        texts = [""] * len(streamers)
        rows = np.arange(len(streamers))  # that go on
        logits, decoder, generators = state.logits.copy(), state.decoder, list(state.generators)
        seen = np.zeros(logits.shape, bool)
        length = max_length(self.config)
        for count in range(length):
            tokens = draw(logits, seen, self.config, generators)
            for row, token in zip(rows.tolist(), tokens.tolist(), strict=True):
                texts[row] += streamers[row].add(token)
            unfinished = np.flatnonzero([not streamers[row].stopped for row in rows])
            if not len(unfinished) or count + 1 == length:
                break
            if len(unfinished) < len(rows):
                rows, tokens, seen = rows[unfinished], tokens[unfinished], seen[unfinished]
                decoder = decoder.take(unfinished)
                generators = [generators[i] for i in unfinished]
            logits, decoder = self.network.step(tokens, decoder)
        return [text + streamer.finish() for text, streamer in zip(texts, streamers, strict=True)]
