"""Translate texts with a trained translator."""

import re
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis.alignment import NOTHING, Alignment, Tokens, merge
from rnncli.config import SearchConfig
from rnncli.networks.beam_search import DEFAULT_RULES, Hypothesis, beam_search
from rnncli.networks.model_numpy import Network
from rnncli.networks.numerics import Floats
from rnncli.storage.reading import SavedModel
from rnncli.storage.tensors import TensorFile
from rnncli.tasks.predictor import Announce, Predictor
from rnncli.tasks.translate.memory import Recalling, RecallingState, TranslationMemory
from rnncli.text.batching import batch_by_length, pad, split_long_text
from rnncli.text.sentences import split_sentences
from rnncli.text.special_tokens import BOS, EOS, PAD, UNK
from rnncli.text.unicode import join_cjk

BATCH_SENTENCES = 64  # searched together: enough to keep the processor busy
BATCH_TOKENS = 16_384  # of sources read at once, padding included: bounds memory
ALIGNED_TOKENS = 4_096  # of sources and translations aligned at once: bounds what they multiply to
MAX_CHARACTERS = 1_000  # of a text translated as a whole; training sentences are far shorter
# A loop is a phrase that comes a third time; four characters, unlike four words, often do.
LOOPS = {
    # An unknown word is copied from the source.
    "word": replace(DEFAULT_RULES, suppressed=(PAD, BOS)),
    "subword": DEFAULT_RULES,
    "char": replace(DEFAULT_RULES, ngram_size=16),
}


def clean(text: str) -> str:
    """Return a sentence on one line, without the spaces that corpora put into Japanese."""
    return join_cjk(re.sub(r"\s+", " ", text).strip())


@dataclass(frozen=True)
class Translation:
    """A translation and its score: log-probability / length ** penalty."""

    text: str
    score: float
    length: int  # in tokens, its end included


class Translator(Predictor):
    """Translate texts with a trained translator."""

    task = "translate"

    def __init__(
        self, model: SavedModel, threads: int = 1, announce: Announce | None = None
    ) -> None:
        super().__init__(model, threads, announce)
        self._memory: TranslationMemory | None = None
        if (path := model.layout.memory).exists():
            config = model.config
            sizes = config.vocab_size, config.target_vocab_size
            self._memory = TranslationMemory.read(TensorFile(path), config.output_width, sizes)

    @property
    def memory(self) -> TranslationMemory | None:
        """The pairs that it remembers, if it does."""
        return self._memory

    @property
    def network(self) -> Network:
        """What reads and writes."""
        return self._network

    def with_memory(self, memory: TranslationMemory) -> "Translator":
        """Return the same translator with a memory."""
        other = copy(self)
        other._memory = memory
        return other

    def __call__(
        self,
        texts: Sequence[str],
        config: SearchConfig | None = None,
        *,
        prefix: str = "",
        split: bool = False,
    ) -> list[Translation]:
        """Translate each text; the order is kept, and a blank text stays blank.

        A text of more than ``MAX_CHARACTERS`` is translated in pieces, which are joined; with
        ``split``, so is every text of several sentences. Each translation begins with ``prefix``.
        """
        return [found[0] for found in self.nbest(texts, config, prefix=prefix, split=split)]

    def nbest(
        self,
        texts: Sequence[str],
        config: SearchConfig | None = None,
        *,
        prefix: str = "",
        split: bool = False,
    ) -> list[list[Translation]]:
        """Return the best translations of each text, best first; of a text in pieces, only one."""
        config = config or SearchConfig()
        if config.length_penalty is None:
            calibration = self.info.get("calibration") or {}
            own = calibration.get("length_penalty")
            if not config.memory:
                own = calibration.get("length_penalty_alone", own)
            config = replace(config, length_penalty=own)
        pieces = [self._pieces(clean(text), split) for text in texts]
        begun = self._nbest([own[0] for own in pieces], config, prefix)
        others = iter(self._nbest([piece for own in pieces for piece in own[1:]], config))
        return [
            _joined([found[0], *(next(others)[0] for _ in own[1:])]) if own[1:] else found
            for own, found in zip(pieces, begun, strict=True)
        ]

    def align(self, texts: Sequence[str], translations: Sequence[str]) -> list[Alignment]:
        """Return which words of each text the translator attends to as it writes a translation.

        Any translations will do, for they are read and not searched for. Where a text or its
        translation is blank, or has more than ``MAX_CHARACTERS``, the alignment has no words.
        """
        pairs = [tuple(map(clean, pair)) for pair in zip(texts, translations, strict=True)]
        if any(len(text) > MAX_CHARACTERS for pair in pairs for text in pair):
            self._announce_once(
                f"texts of more than {MAX_CHARACTERS:,} characters are not aligned with their "
                "translations"
            )
        short = [
            i for i, pair in enumerate(pairs) if all(0 < len(x) <= MAX_CHARACTERS for x in pair)
        ]
        sources, targets = (
            [Tokens(pairs[i][side], *tokenizer.encode_with_ends(pairs[i][side])) for i in short]
            for side, tokenizer in enumerate((self._tokenizer, self._target_tokenizer))
        )
        read = [[*source.ids, EOS] for source in sources]
        before = [[BOS, *target.ids[:-1]] for target in targets]  # what each is written after
        both = [[*own, *other] for own, other in zip(read, before, strict=True)]
        batches = batch_by_length(both, ALIGNED_TOKENS, BATCH_SENTENCES)

        def attend(rows: NDArray[np.int64]) -> Floats:
            return self._network.attend(
                *pad([read[row] for row in rows]), pad([before[row] for row in rows])[0]
            )

        results = [NOTHING] * len(pairs)
        for rows, found in zip(batches, self._in_parallel(attend, batches), strict=True):
            for row, weights in zip(rows, found, strict=True):  # (T, S)
                results[short[row]] = merge(sources[row], targets[row], weights)
        return results

    def _pieces(self, text: str, split: bool) -> list[str]:
        """Return the parts of a text that are translated each on its own."""
        sentences = split_sentences(text) if split else [text]
        if any(len(sentence) > MAX_CHARACTERS for sentence in sentences):
            self._announce_once(
                f"texts of more than {MAX_CHARACTERS:,} characters are translated in pieces"
            )
        return [
            piece for sentence in sentences for piece in split_long_text(sentence, MAX_CHARACTERS)
        ] or [text]

    def _nbest(
        self, texts: Sequence[str], config: SearchConfig, prefix: str = ""
    ) -> list[list[Translation]]:
        encoded = [[*ids, EOS] for ids in self._tokenizer.encode_all(texts)]
        batches = batch_by_length(encoded, BATCH_TOKENS, BATCH_SENTENCES)
        rules = LOOPS[self._target_tokenizer.level]
        if config.no_repeat_ngram is not None:
            rules = replace(rules, ngram_size=config.no_repeat_ngram, max_ngram_count=1)
        begun = tuple(self._target_tokenizer.encode(clean(prefix)))
        memory = self._memory if config.memory else None

        def search(rows: NDArray[np.int64]) -> list[list[Hypothesis]]:
            tokens, lengths = pad([encoded[row] for row in rows])
            limits = 2 * lengths + 10
            state = self._network.encode(tokens, lengths)
            if begun:
                read = np.tile([BOS, *begun[:-1]], (len(rows), 1))  # (N, P)
                _, state = self._network.decode(read, state)
            if memory is None:
                return beam_search(self._network.step, state, limits, config, rules, begun)
            recalled = memory.recall([np.array(encoded[row]) for row in rows])
            recalling = RecallingState(state, recalled)
            step = Recalling(self._network, memory).step
            return beam_search(step, recalling, limits, config, rules, begun, renormalise=False)

        results = [[Translation("", 0.0, 0)] for _ in texts]
        for rows, searched in zip(batches, self._in_parallel(search, batches), strict=True):
            for row, hypotheses in zip(rows, searched, strict=True):
                if len(encoded[row]) > 1:  # more than its end
                    results[row] = [
                        Translation(self._text(texts[row], h), h.score, len(h.tokens) + 1)
                        for h in hypotheses
                    ]
        return results

    def _text(self, source: str, found: Hypothesis) -> str:
        """Return the text of a translation, in which unknown words are those of the source.

        Each is the word that got most attention (Luong et al. 2015, "Addressing the rare word
        problem", section 3.3, with attention in place of alignments): of those that are unknown
        themselves, where there are any.
        """
        if UNK not in found.tokens:
            return clean(self._target_tokenizer.decode(found.tokens))
        ids, ends = self._tokenizer.encode_with_ends(source)
        read, before = np.array([[*ids, EOS]]), np.array([[BOS, *found.tokens[:-1]]])
        weights = self._network.attend(read, np.array([len(ids) + 1]), before)[0]  # (T, S)
        unknown = np.equal(ids, UNK)  # (S,)
        weights = weights[:, : len(ids)] * (unknown if unknown.any() else 1)
        most = weights.argmax(1).tolist()
        words = [source[start:end].strip() for start, end in pairwise([0, *ends])]
        parts = [
            f" {words[place]}" if token == UNK else self._target_tokenizer.decode_token(token)
            for token, place in zip(found.tokens, most, strict=True)
        ]
        return clean("".join(parts))


def _joined(parts: Sequence[Translation]) -> list[Translation]:
    """Return the translation of a text whose pieces were translated; its score is their mean."""
    text = clean(" ".join(part.text for part in parts))
    score = sum(part.score for part in parts) / len(parts)
    return [Translation(text, score, sum(part.length for part in parts))]
