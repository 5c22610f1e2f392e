"""Search for the translations of texts as a model reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypedDict

import numpy as np

from rnncli.config import SearchConfig
from rnncli.networks.beam_search import DEFAULT_RULES, Hypothesis, beam_search
from rnncli.networks.model_numpy import AttentionState, EncoderDecoder
from rnncli.tasks.translate.constraints import ConstrainedTokens, replaced_tokens
from rnncli.tasks.translate.memory import RetrievalDecoder, RetrievalState, TranslationMemory
from rnncli.tasks.translate.reading import Reading
from rnncli.tasks.translate.source_tokens import source_tokens
from rnncli.tasks.translate.unknown_words import attention_to_sources, decode_all
from rnncli.text.batching import pad
from rnncli.text.sentences import clean
from rnncli.text.special_tokens import BOS, PAD
from rnncli.text.tokenizer import Tokenizer

# A loop is an n-gram that occurs a third time; of four characters, unlike words, many do.
LOOPS = {
    # Unknown words are allowed: they are copied from the source.
    "word": replace(DEFAULT_RULES, suppressed=(PAD, BOS)),
    "subword": DEFAULT_RULES,
    "char": replace(DEFAULT_RULES, ngram_size=16),
}
MAX_CONSTRAINED_BEAM = 24  # a place for each number of tokens that a hypothesis may lack, and more


class SearchSettings(TypedDict, total=False):
    """The fields of ``SearchConfig``, as keywords."""

    beam: int
    length_penalty: float | None
    nbest: int
    no_repeat_ngram: int | None
    memory: bool
    keep: Sequence[str]
    glossary: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Candidate:
    """A translation of what was read."""

    text: str
    hypothesis: Hypothesis

    @property
    def length(self) -> int:
        """The number of tokens, the end included."""
        return len(self.hypothesis.tokens) + 1


@dataclass(frozen=True)
class Searcher:
    """A beam search with a model, and perhaps with memories."""

    network: EncoderDecoder
    tokenizers: tuple[Tokenizer, Tokenizer]
    memories: Sequence[TranslationMemory]
    config: SearchConfig
    prefix: tuple[int, ...] = ()

    def nbest(
        self, readings: Sequence[Reading], sources: Sequence[Sequence[int]]
    ) -> list[list[Candidate]]:
        """Return the n best translations of each text, whose tokens are ``sources``.

        Those that lack phrases come last; where all do, these are searched for again, with the
        phrases as constraints.
        """
        state = self.network.encode(*pad(sources))
        is_constrained = any(reading.constraints for reading in readings)
        n = self.config.beam if is_constrained else self.config.nbest
        limits = [2 * len(source) + 10 for source in sources]
        nbest = self._search(readings, sources, state, replace(self.config, nbest=n), limits)
        for i, (reading, best) in enumerate(zip(readings, nbest, strict=True)):
            if reading.lacking(best[0].text):
                rows = np.array([i])
                state_of_one = state.keep_sources(rows).take(rows)
                nbest[i] = self._constrained(reading, sources[i], state_of_one, best)
        return [best[: self.config.nbest] for best in nbest]

    def _constrained(
        self,
        reading: Reading,
        source: Sequence[int],
        state: AttentionState,
        unconstrained: list[Candidate],
    ) -> list[Candidate]:
        """Return the n best translations of a text that have what the ``unconstrained`` lack.

        They are hardly longer: else the costs of the phrases, spread over more tokens by the length
        penalty, would favour more words that say nothing.
        """
        best = unconstrained[0]
        (attention,) = attention_to_sources(self.network, state, [(0, best.hypothesis)])
        text = source_tokens(reading.text, self.tokenizers[0])
        replaced = [
            replaced_tokens(c, text, best.hypothesis.tokens, attention, self.tokenizers[1])
            if c.lacking(best.text)
            else ()
            for c in reading.constraints
        ]
        constraints = ConstrainedTokens(reading.constraints, replaced, self.tokenizers[1])
        if constraints.length == 0:  # the tokenizer cannot write the phrases
            return unconstrained
        beam = min(self.config.beam + constraints.length, MAX_CONSTRAINED_BEAM)
        beam = max(beam, self.config.beam)
        config = replace(self.config, beam=beam, nbest=beam)
        limits = [best.length + constraints.length]
        return self._search([reading], [source], state, config, limits, [constraints])[0]

    def _search(
        self,
        readings: Sequence[Reading],
        sources: Sequence[Sequence[int]],
        state: AttentionState,
        config: SearchConfig,
        limits: Sequence[int],
        constraints: Sequence[ConstrainedTokens] | None = None,
    ) -> list[list[Candidate]]:
        """Return the n best translations of each text, those that lack phrases last.

        ``state`` is the initial one of the decoder.
        """
        hypotheses = self._hypotheses(sources, state, config, limits, constraints)
        attend = partial(attention_to_sources, self.network, state)
        texts = decode_all(
            hypotheses, [reading.text for reading in readings], self.tokenizers, attend
        )
        return [
            sorted(
                (
                    Candidate(clean(text), hypothesis)
                    for text, hypothesis in zip(nbest, best, strict=True)
                ),
                key=lambda candidate: reading.lacking(candidate.text),
            )
            for reading, nbest, best in zip(readings, texts, hypotheses, strict=True)
        ]

    def _hypotheses(
        self,
        sources: Sequence[Sequence[int]],
        state: AttentionState,
        config: SearchConfig,
        limits: Sequence[int],
        constraints: Sequence[ConstrainedTokens] | None,
    ) -> list[list[Hypothesis]]:
        """Return the n best hypotheses of sources."""
        rules = LOOPS[self.tokenizers[1].level]
        if config.no_repeat_ngram is not None:
            rules = replace(rules, ngram_size=config.no_repeat_ngram, max_ngram_count=1)
        if self.prefix:
            inputs = np.tile([BOS, *self.prefix[:-1]], (len(sources), 1))  # (N, P)
            _, state = self.network.decode(inputs, state)
        search = partial(
            beam_search,
            limits=np.array(limits),
            config=config,
            rules=rules,
            prefix=self.prefix,
            constraints=constraints,
        )
        if not self.memories or not config.memory:
            return search(self.network.step, state)
        arrays = [np.array(source) for source in sources]
        retrieved = tuple(memory.retrieve(arrays) for memory in self.memories)
        step = RetrievalDecoder(self.network, self.memories).step
        return search(step, RetrievalState(state, retrieved), renormalise=False)
