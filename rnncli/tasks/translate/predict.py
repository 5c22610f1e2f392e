"""Translate texts with a trained translator."""

import re
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from rnncli.analysis.alignment import EMPTY_ALIGNMENT, Alignment, Tokens, merge
from rnncli.config import MAX_LENGTH_PENALTY, SearchConfig
from rnncli.messages import Announce
from rnncli.networks.beam_search import DEFAULT_RULES, Hypothesis, beam_search
from rnncli.networks.model_numpy import AttentionState, EncoderDecoder
from rnncli.networks.numerics import Floats
from rnncli.storage.layout import MEMORY
from rnncli.storage.reading import SavedModel
from rnncli.tasks.predictor import Predictor, with_settings
from rnncli.tasks.translate.letter_case import familiar_cases
from rnncli.tasks.translate.memory import RetrievalDecoder, RetrievalState, TranslationMemory
from rnncli.tasks.translate.unknown_words import attention_to_sources, decode_with_copies
from rnncli.text.arguments import as_texts
from rnncli.text.batching import pad, split_long_text
from rnncli.text.sentences import split_sentences
from rnncli.text.special_tokens import BOS, EOS, PAD, UNK
from rnncli.text.unicode import has_letter, join_cjk, plain_signs, replace_surrogates

if TYPE_CHECKING:
    from typing_extensions import Unpack

BATCH_SENTENCES = 64  # in a search: larger batches are hardly faster
BATCH_TOKENS = 16_384  # of sources, padding included: bounds memory
ALIGNED_TOKENS = 4_096  # of sources and translations: bounds the memory of their weights
MAX_CHARACTERS = 1_000  # of a text translated as a whole; training sentences are far shorter
LETTERLESS_SOURCES = "letterless_sources"  # the share of training sources without a letter
MIN_LETTERLESS_SOURCES = 0.01  # with as many, texts without a letter are there to be translated
# A loop is an n-gram that occurs a third time; of four characters, unlike words, many do.
LOOPS = {
    # Unknown words are allowed: they are copied from the source.
    "word": replace(DEFAULT_RULES, suppressed=(PAD, BOS)),
    "subword": DEFAULT_RULES,
    "char": replace(DEFAULT_RULES, ngram_size=16),
}


class SearchSettings(TypedDict, total=False):
    """The fields of ``SearchConfig``, as keywords."""

    beam: int
    length_penalty: float | None
    nbest: int
    no_repeat_ngram: int | None
    memory: bool


def clean(text: str) -> str:
    """Put a sentence on one line, and remove the spaces that corpora have in Japanese."""
    return join_cjk(re.sub(r"\s+", " ", text).strip())


@dataclass(frozen=True)
class Translation:
    """A translation and its score: log-probability / length ** penalty."""

    text: str
    score: float
    length: int  # in tokens, its end included


class Translator(Predictor[EncoderDecoder]):
    """Translate texts with a trained translator."""

    task = "translate"
    network_class = EncoderDecoder

    def __init__(
        self, model: SavedModel, threads: int = 1, announce: Announce | None = None
    ) -> None:
        super().__init__(model, threads, announce)
        optional = frozenset({"length_penalty_alone", LETTERLESS_SOURCES})
        self._tuned = model.require_tuned({"length_penalty"}, optional, MAX_LENGTH_PENALTY)
        self._memory: TranslationMemory | None = None
        if (file := model.task_files.get(MEMORY)) is not None:
            sizes = self._tokenizer.vocab_size, self._target_tokenizer.vocab_size
            self._memory = TranslationMemory.read(file, self._network.feature_size, sizes)

    @property
    def memory(self) -> TranslationMemory | None:
        """The translation memory, if the model has one."""
        return self._memory

    @property
    def network(self) -> EncoderDecoder:
        """The encoder-decoder."""
        return self._network

    def with_memory(self, memory: TranslationMemory) -> "Translator":
        """Return a copy of the translator with a memory."""
        translator = copy(self)
        translator._memory = memory
        return translator

    def __call__(
        self,
        texts: Iterable[str],
        config: SearchConfig | None = None,
        *,
        prefix: str = "",
        split: bool = False,
        **settings: "Unpack[SearchSettings]",
    ) -> list[Translation]:
        """Translate the texts, in their order; a blank text stays blank.
        So does a text without a letter, unless the model was trained on such texts.

        A text of more than ``MAX_CHARACTERS`` is translated in pieces, which are joined; with
        ``split``, so is every text of several sentences. Each translation begins with ``prefix``.
        ``settings`` are those of ``SearchConfig``, as in ``translator(texts, beam=3)``.

        Raises:
            InputError: ``texts`` is no list of texts.
            ConfigError: there is no such setting.

        """
        nbest = self.nbest(texts, config, prefix=prefix, split=split, **settings)
        return [translations[0] for translations in nbest]

    def nbest(
        self,
        texts: Iterable[str],
        config: SearchConfig | None = None,
        *,
        prefix: str = "",
        split: bool = False,
        **settings: "Unpack[SearchSettings]",
    ) -> list[list[Translation]]:
        """Return the n best translations of each text, best first; of a text in pieces, only one.

        Raises:
            InputError: ``texts`` is no list of texts.
            ConfigError: there is no such setting.

        """
        config = self._with_length_penalty(with_settings(config or SearchConfig(), settings))
        pieces = [self._pieces(clean(text), split) for text in as_texts(texts)]
        first = self._search([parts[0] for parts in pieces], config, prefix)
        rest = iter(self._search([piece for parts in pieces for piece in parts[1:]], config))
        return [
            _join([translations[0], *(next(rest)[0] for _ in parts[1:])])
            if parts[1:]
            else translations
            for parts, translations in zip(pieces, first, strict=True)
        ]

    def align(self, texts: Iterable[str], translations: Iterable[str]) -> list[Alignment]:
        """Align the words of each text and of its translation by attention.

        The translations may come from elsewhere: they are read by teacher forcing. If a text or its
        translation is blank, or has more than ``MAX_CHARACTERS``, the alignment has no words.

        Raises:
            InputError: ``texts`` or ``translations`` is no list of texts.

        """
        sides = [list(map(clean, as_texts(side))) for side in (texts, translations)]
        sides[0] = list(map(plain_signs, sides[0]))
        pairs = list(zip(*sides, strict=True))
        if any(len(text) > MAX_CHARACTERS for pair in pairs for text in pair):
            self._announce_once(
                f"texts of more than {MAX_CHARACTERS:,} characters are not aligned with their "
                "translations"
            )
        pair_numbers = [
            i for i, pair in enumerate(pairs) if all(0 < len(x) <= MAX_CHARACTERS for x in pair)
        ]
        sources, targets = (
            [
                Tokens(pairs[i][side], *tokenizer.encode_with_ends(pairs[i][side]))
                for i in pair_numbers
            ]
            for side, tokenizer in enumerate((self._tokenizer, self._target_tokenizer))
        )
        source_ids = [[*source.ids, EOS] for source in sources]
        inputs = [[BOS, *target.ids[:-1]] for target in targets]

        def attend(rows: Sequence[int]) -> Iterable[Floats]:
            state = self._network.encode(*pad([source_ids[row] for row in rows]))
            return self._network.attend(pad([inputs[row] for row in rows])[0], state)

        sequences = [[*source, *target] for source, target in zip(source_ids, inputs, strict=True)]
        weights = self._map_batches(attend, sequences, ALIGNED_TOKENS, BATCH_SENTENCES)  # (T, S)
        alignments = [EMPTY_ALIGNMENT] * len(pairs)
        for i, source, target, attention in zip(
            pair_numbers, sources, targets, weights, strict=True
        ):
            alignments[i] = merge(source, target, attention)
        return alignments

    def _with_length_penalty(self, config: SearchConfig) -> SearchConfig:
        """Set the length penalty of a config without one to that tuned in training."""
        if config.length_penalty is not None:
            return config
        penalty = self._tuned.get("length_penalty")
        if not config.memory:
            penalty = self._tuned.get("length_penalty_alone", penalty)
        return replace(config, length_penalty=penalty)

    def _pieces(self, text: str, split: bool) -> list[str]:
        """Split a text into the parts that are translated separately."""
        sentences = split_sentences(text) if split else [text]
        if any(len(sentence) > MAX_CHARACTERS for sentence in sentences):
            self._announce_once(
                f"texts of more than {MAX_CHARACTERS:,} characters are translated in pieces"
            )
        return [
            piece for sentence in sentences for piece in split_long_text(sentence, MAX_CHARACTERS)
        ] or [text]

    def _search(
        self, texts: Sequence[str], config: SearchConfig, prefix: str = ""
    ) -> list[list[Translation]]:
        """Return the n best translations of each text, which is translated as a whole."""
        texts = familiar_cases(texts, self._tokenizer, self._announce_once)
        encoded = [[*ids, EOS] for ids in self._tokenizer.encode_all(map(plain_signs, texts))]
        translated = [i for i, text in enumerate(texts) if self._is_translated(text)]
        prefix_tokens = tuple(self._target_tokenizer.encode(clean(prefix)))

        def search(rows: Sequence[int]) -> list[list[Translation]]:
            batch = [translated[row] for row in rows]
            sources = [encoded[i] for i in batch]
            state = self._network.encode(*pad(sources))
            hypotheses = self._hypotheses(sources, state, config, prefix_tokens)
            return self._translations([texts[i] for i in batch], state, hypotheses)

        translations = [[Translation(replace_surrogates(text), 0.0, 0)] for text in texts]
        sources = [encoded[i] for i in translated]
        nbest = self._map_batches(search, sources, BATCH_TOKENS, BATCH_SENTENCES)
        for i, best in zip(translated, nbest, strict=True):
            translations[i] = best
        return translations

    def _is_translated(self, text: str) -> bool:
        """Return whether a text is translated; else it stays as it is."""
        is_trained = self._tuned.get(LETTERLESS_SOURCES, 0.0) >= MIN_LETTERLESS_SOURCES
        return bool(text) if is_trained else has_letter(text)

    def _hypotheses(
        self,
        sources: Sequence[Sequence[int]],
        state: AttentionState,
        config: SearchConfig,
        prefix: tuple[int, ...],
    ) -> list[list[Hypothesis]]:
        """Return the n best hypotheses of sources; ``state`` is the initial one of the decoder."""
        rules = LOOPS[self._target_tokenizer.level]
        if config.no_repeat_ngram is not None:
            rules = replace(rules, ngram_size=config.no_repeat_ngram, max_ngram_count=1)
        limits = 2 * np.array([len(source) for source in sources]) + 10
        if prefix:
            inputs = np.tile([BOS, *prefix[:-1]], (len(sources), 1))  # (N, P)
            _, state = self._network.decode(inputs, state)
        if self._memory is None or not config.memory:
            return beam_search(self._network.step, state, limits, config, rules, prefix)
        retrieved = self._memory.retrieve([np.array(source) for source in sources])
        initial = RetrievalState(state, retrieved)
        step = RetrievalDecoder(self._network, self._memory).step
        return beam_search(step, initial, limits, config, rules, prefix, renormalise=False)

    def _translations(
        self,
        texts: Sequence[str],
        state: AttentionState,
        hypotheses: Sequence[Sequence[Hypothesis]],
    ) -> list[list[Translation]]:
        """Decode hypotheses; ``state`` is the initial one of the decoder."""
        unknown = [
            (row, hypothesis)
            for row, best in enumerate(hypotheses)
            for hypothesis in best
            if UNK in hypothesis.tokens
        ]
        weights = iter(attention_to_sources(self._network, state, unknown))
        tokenizers = self._tokenizer, self._target_tokenizer

        def decode(source: str, hypothesis: Hypothesis) -> str:
            if UNK in hypothesis.tokens:
                return clean(decode_with_copies(hypothesis, next(weights), source, tokenizers))
            return clean(self._target_tokenizer.decode(hypothesis.tokens))

        return [
            [Translation(decode(text, h), h.score, len(h.tokens) + 1) for h in best]
            for text, best in zip(texts, hypotheses, strict=True)
        ]


def _join(parts: Sequence[Translation]) -> list[Translation]:
    """Join the translations of the pieces of a text; the score is their mean."""
    text = clean(" ".join(part.text for part in parts))
    score = sum(part.score for part in parts) / len(parts)
    return [Translation(text, score, sum(part.length for part in parts))]
