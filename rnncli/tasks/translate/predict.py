"""Translate texts with a trained translator."""

import math
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rnncli.analysis.alignment import EMPTY_ALIGNMENT, Alignment
from rnncli.config import MAX_LENGTH_PENALTY, USUAL_LENGTH_PENALTY, SearchConfig
from rnncli.messages import Announce
from rnncli.networks.model_numpy import EncoderDecoder
from rnncli.storage.layout import MEMORY, REPLIES
from rnncli.storage.reading import SavedModel
from rnncli.tasks.predictor import Predictor, with_settings
from rnncli.tasks.translate.confidence import PARAMETERS, Confidence
from rnncli.tasks.translate.marks import without_marks
from rnncli.tasks.translate.memory import TranslationMemory
from rnncli.tasks.translate.reading import Reader, Reading
from rnncli.tasks.translate.replies import Replies, Reply
from rnncli.tasks.translate.search import Candidate, Searcher, SearchSettings
from rnncli.tasks.translate.segmentation import MAX_CHARACTERS, Segmenter
from rnncli.tasks.translate.source_profile import SOURCES, SourceProfile
from rnncli.tasks.translate.terms import Terms
from rnncli.tasks.translate.translation import Translation, join, with_confidence
from rnncli.tasks.translate.word_alignment import align_words
from rnncli.text.arguments import as_texts
from rnncli.text.files import File
from rnncli.text.sentences import clean
from rnncli.text.special_tokens import EOS
from rnncli.text.unicode import has_letter, plain_signs, replace_surrogates

if TYPE_CHECKING:
    from typing_extensions import Unpack

BATCH_SENTENCES = 64  # in a search: larger batches are hardly faster
BATCH_TOKENS = 16_384  # of sources, padding included: bounds memory
ALIGNED_TOKENS = 4_096  # of sources and translations: bounds the memory of their weights
LETTERLESS_SOURCES = "letterless_sources"  # the share of training sources without a letter
MIN_LETTERLESS_SOURCES = 0.01  # with as many, texts without a letter are there to be translated


class Translator(Predictor[EncoderDecoder]):
    """Translate texts with a trained translator."""

    task = "translate"
    network_class = EncoderDecoder

    def __init__(
        self, model: SavedModel, threads: int = 1, announce: Announce | None = None
    ) -> None:
        super().__init__(model, threads, announce)
        optional = frozenset({"length_penalty_alone", LETTERLESS_SOURCES, *PARAMETERS})
        maximum = dict.fromkeys(("length_penalty", "length_penalty_alone"), MAX_LENGTH_PENALTY)
        self._tuned = model.require_tuned({"length_penalty"}, optional, maximum)
        self._confidence = Confidence.parse(self._tuned)
        try:
            values = model.description.task_values.get(SOURCES)
            profile = SourceProfile.parse(values, self.tokenizer.vocab_size)
        except ValueError as error:
            raise model.damaged(str(error)) from None
        self._reader = Reader(self.tokenizer, profile, self._announce_once)
        sentences = None if profile is None else profile.sentences
        self._segmenter = Segmenter(sentences, self._announce_once)
        self._memories: tuple[TranslationMemory, ...] = ()
        if (file := model.task_files.get(MEMORY)) is not None:
            sizes = self.tokenizer.vocab_size, self.target_tokenizer.vocab_size
            own = TranslationMemory.read(file, self._network.feature_size, sizes)
            self._memories = (own,)
        self._replies: Replies | None = None
        if (file := model.task_files.get(REPLIES)) is not None:
            self._replies = Replies.read(file)

    @property
    def has_confidence(self) -> bool:
        """Whether the model knows how good its translations are."""
        return self._confidence is not None or self._replies is not None

    @property
    def has_memory(self) -> bool:
        """Whether the model looks up pairs, or the answers to frequent questions."""
        return bool(self._memories) or self._replies is not None

    @property
    def replies(self) -> Replies | None:
        """The answers to frequent questions, if the model has them."""
        return self._replies

    @property
    def memories(self) -> tuple[TranslationMemory, ...]:
        """The translation memories: that of the model, if it has one, and those added to it."""
        return self._memories

    def with_memory(self, memory: TranslationMemory) -> "Translator":
        """Return a copy of the translator that has this memory, too."""
        translator = copy(self)
        translator._memories = *self._memories, memory
        return translator

    def __call__(
        self,
        texts: Iterable[str],
        config: SearchConfig | None = None,
        *,
        prefix: str = "",
        split: bool | None = None,
        **settings: "Unpack[SearchSettings]",
    ) -> list[Translation]:
        """Translate the texts, in their order; a blank text stays blank.
        So does a text without a letter, unless the model was trained on such texts.

        A text of more than ``MAX_CHARACTERS`` is translated in pieces, which are joined; with
        ``split``, so is every text of several sentences; with None, where the model was trained on
        single ones. Each translation begins with ``prefix``.
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
        split: bool | None = None,
        **settings: "Unpack[SearchSettings]",
    ) -> list[list[Translation]]:
        """Return the n best translations of each text, best first; of a text in pieces, only one.

        Raises:
            InputError: ``texts`` is no list of texts.
            ConfigError: there is no such setting.

        """
        config = self._with_length_penalty(with_settings(config or SearchConfig(), settings))
        texts = as_texts(texts)
        if self._replies is None or prefix or not config.memory:
            return self._translate(texts, config, prefix, split)
        found = [self._replies(text, config.nbest) for text in texts]
        is_near = [
            self._is_translated(text) and best.is_near
            for text, (best, *_) in zip(texts, found, strict=True)
        ]
        others = [text for text, near in zip(texts, is_near, strict=True) if not near]
        written = iter(self._translate(others, config, prefix, split))
        return [
            [self._answer(reply) for reply in best]
            if near
            else with_confidence(next(written), best[0].confidence)
            for best, near in zip(found, is_near, strict=True)
        ]

    def _answer(self, reply: Reply) -> Translation:
        """Return an answer that was looked up as a translation."""
        length = len(self.target_tokenizer.encode(reply.answer)) + 1
        return Translation(reply.answer, math.log(reply.confidence), length, reply.confidence)

    def _translate(
        self, texts: Sequence[str], config: SearchConfig, prefix: str, split: bool | None
    ) -> list[list[Translation]]:
        """Return the n best translations that the network writes of each text."""
        layouts = list(map(self._segmenter.layout, texts))
        parts = [
            self._segmenter.segments(clean(text[len(layout) :]), split)
            for text, layout in zip(texts, layouts, strict=True)
        ]
        first = self._search([segments[0].text for segments in parts], config, prefix)
        others = [segment.text for segments in parts for segment in segments[1:]]
        rest = iter(self._search(others, config))
        return [
            join(layout, segments, [best, *(next(rest) for _ in segments[1:])])
            for layout, segments, best in zip(layouts, parts, first, strict=True)
        ]

    def translate_document(
        self,
        path: str | Path,
        config: SearchConfig | None = None,
        **settings: "Unpack[SearchSettings]",
    ) -> bytes:
        """Return a document (.srt, .vtt, .md, .po) with its texts translated; all else stays.

        Raises:
            DataError: it cannot be read, or is malformed.
            ConfigError: there is no such setting.

        """
        from rnncli.text.documents.reading import read_document

        document = read_document(File(Path(path), str(path)), self._announce_once)
        translations = self(document.texts, config, **settings)
        return document.replace((best.text for best in translations), self._announce_once)

    def align(self, texts: Iterable[str], translations: Iterable[str]) -> list[Alignment]:
        """Align the words of each text and of its translation by attention.

        The translations may come from elsewhere: they are read by teacher forcing. If a text or its
        translation is blank, or has more than ``MAX_CHARACTERS``, the alignment has no words.

        Raises:
            InputError: ``texts`` or ``translations`` is no list of texts.

        """
        sides = [list(map(clean, as_texts(side))) for side in (texts, translations)]
        pairs = list(zip(*sides, strict=True))
        if any(len(text) > MAX_CHARACTERS for pair in pairs for text in pair):
            self._announce_once(
                f"texts of more than {MAX_CHARACTERS:,} characters are not aligned with their "
                "translations"
            )
        pair_numbers = [
            i for i, pair in enumerate(pairs) if all(0 < len(x) <= MAX_CHARACTERS for x in pair)
        ]
        aligned = align_words(
            [pairs[i] for i in pair_numbers],
            self._network,
            (self.tokenizer, self.target_tokenizer),
            lambda attend, pairs: self._map_batches(attend, pairs, ALIGNED_TOKENS, BATCH_SENTENCES),
        )
        alignments = [EMPTY_ALIGNMENT] * len(pairs)
        for i, alignment in zip(pair_numbers, aligned, strict=True):
            alignments[i] = alignment
        return alignments

    def _align(self, text: str, translation: str) -> Alignment:
        return self.align([text], [translation])[0]

    def _with_length_penalty(self, config: SearchConfig) -> SearchConfig:
        """Set the length penalty of a config without one to that tuned in training."""
        if config.length_penalty is not None:
            return config
        penalty = self._tuned.get("length_penalty", USUAL_LENGTH_PENALTY)
        if not config.memory:
            penalty = self._tuned.get("length_penalty_alone", penalty)
        return replace(config, length_penalty=penalty)

    def _search(
        self, texts: Sequence[str], config: SearchConfig, prefix: str = ""
    ) -> list[list[Translation]]:
        """Return the n best translations of each text, which is translated as a whole."""
        translated = [i for i, text in enumerate(texts) if self._is_translated(text)]
        terms = Terms.of(config)
        readings = [self._reader.read(texts[i], terms) for i in translated]
        signs = [plain_signs(reading.text) for reading in readings]
        sources = [[*ids, EOS] for ids in self.tokenizer.encode_all(signs)]
        self._reader.check_language(signs, sources)
        searcher = Searcher(
            self._network,
            (self.tokenizer, self.target_tokenizer),
            self._memories,
            config,
            tuple(self.target_tokenizer.encode(clean(prefix))),
        )

        def search(rows: Sequence[int]) -> list[list[Translation]]:
            read = [readings[row] for row in rows]
            found = searcher.nbest(read, [sources[row] for row in rows])
            return [
                [self._written(reading, candidate, config, prefix) for candidate in best]
                for reading, best in zip(read, found, strict=True)
            ]

        translations = [[Translation(replace_surrogates(text), 0.0, 0)] for text in texts]
        nbest = self._map_batches(search, sources, BATCH_TOKENS, BATCH_SENTENCES)
        for i, best in zip(translated, nbest, strict=True):
            translations[i] = best
        return translations

    def _written(
        self, reading: Reading, candidate: Candidate, config: SearchConfig, prefix: str
    ) -> Translation:
        """Return a translation as one of the text, with its confidence: 0 where it lacks a phrase.

        Fitted with the memory, where the model has one, that tells nothing without it.
        """
        text = reading.write(candidate.text, self._align)
        lacked = reading.lacked(candidate.text)
        for phrase in lacked:
            self._announce_once(f"a translation lacks {phrase}, which it should have")
        confidence, penalty = self._confidence, config.length_penalty
        score, length = candidate.hypothesis.score, candidate.length
        is_unfit = prefix or (self._memories and not config.memory)
        if confidence is None or penalty is None or is_unfit:
            return Translation(text, score, length)
        p = 0.0 if lacked else confidence(score * length**penalty, length)
        return Translation(text, score, length, p)

    def _is_translated(self, text: str) -> bool:
        """Return whether a text is translated; else it stays as it is."""
        is_trained = self._tuned.get(LETTERLESS_SOURCES, 0.0) >= MIN_LETTERLESS_SOURCES
        return bool(text) if is_trained else has_letter(without_marks(text))
