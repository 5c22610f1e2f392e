"""How a classifier is trained: settings, n-gram model, initial embeddings, pretraining."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncli.config import DEFAULTS, Settings
from rnncli.data.encoded import EncodedTexts, encode
from rnncli.data.values import column_values, vocabulary_sample
from rnncli.data.vector_sources import NONE
from rnncli.messages import Announce, format_gain
from rnncli.storage.description import ModelDescription
from rnncli.storage.reading import SavedModel, read_description
from rnncli.tasks.classify import pretrain
from rnncli.tasks.classify.adaptation import adapted_training, announce_adaptation
from rnncli.tasks.classify.fit_ngrams import FittedNgrams, are_names, select_ngrams, words_a_text
from rnncli.tasks.classify.freezing import keeps_encoder
from rnncli.tasks.classify.more_labels import gain_of_twice_the_labels
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.tasks.classify.train import ClassifierTraining, Examples
from rnncli.tasks.classify.vectors import SETTINGS, TokenVectors, choose_vectors, read_token_vectors
from rnncli.tasks.embeddings import MAX_TOKENS, TOKENS_A_SECOND, monolingual_embeddings
from rnncli.tasks.sizes import (
    CHAR_EMBEDDING_DIM,
    LARGE_TEXTS,
    MAX_TEXT_TOKENS,
    SMALL_CORPUS_EPOCHS,
    SMALL_TEXTS,
)
from rnncli.text.special_tokens import UNK
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.unicode import plain_signs
from rnncli.training.contract import Phase, Prepared, Recipe, TrainingData, Tuned
from rnncli.training.metrics import as_arrays
from rnncli.training.sizing import stage_seconds

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor

MIN_COUNT_CORPUS = 1_000  # texts: in a corpus as large, words that occur once are unknown words
# Of the time budget, and of what is left of it, in which the n-gram model is fitted.
NGRAM_SHARES = 0.2, 0.3
EMBEDDING_SHARES = 0.1, 0.15
FREEZE_RATIO = 4  # of all tokens to labelled ones, from which on embeddings are frozen
MAX_LISTED = 20  # labels on the model card


class ClassifierRecipe(Recipe[ClassifierTraining]):
    """How a classifier is trained, perhaps from the weights of another one."""

    def __init__(self, init_from: SavedModel | None = None, began: float | None = None) -> None:
        super().__init__(began)
        self._init_from = init_from

    def choose(
        self,
        data: TrainingData,
        overrides: Mapping[str, Any],
        announce: Announce,
    ) -> Settings:
        """Choose settings for the data: names are tokenized by character, sentences by word."""
        pretrains = data.unlabelled is not None
        if pretrains:
            overrides = {**pretrain.SETTINGS, **overrides}
        settings = DEFAULTS["classify"]
        level = overrides.get("level")
        if level is None and are_names(data.train):
            announce(f"texts of {words_a_text(data.train):.1f} words: tokens are characters")
            level = "char"
        if level == "char":
            settings = replace(
                settings, level="char", embedding_dim=CHAR_EMBEDDING_DIM, word_dropout=0.0
            )
        if len(data.train) < SMALL_TEXTS:
            settings = replace(settings, epochs=SMALL_CORPUS_EPOCHS)
        if len(data.train) > LARGE_TEXTS:
            settings = replace(settings, batch_size=64)
        settings = settings.with_overrides(overrides)
        vectors = choose_vectors(_texts(data.train), settings, pretrains, announce)
        if vectors != NONE:
            settings = replace(settings, **SETTINGS).with_overrides(overrides)
        has_model = self._init_from is not None
        freeze = keeps_encoder(len(data.train), overrides, has_model=has_model, pretrains=pretrains)
        return replace(settings, vectors=vectors, freeze=freeze)

    def prepare(
        self,
        data: TrainingData,
        settings: Settings,
        scratch: Path,
        announce: Announce,
    ) -> Prepared[ClassifierTraining]:
        """Encode both parts and build the network.

        With unlabelled texts, the vocabulary includes their words, and the encoder is pretrained on
        all texts. With a model to start from, its vocabulary and word vectors stay.
        """
        trainable = _build(data, settings, scratch, announce, self._init_from, self.began)
        if settings.level != "char" and self._init_from is None:
            seconds = stage_seconds(settings, self.began, *EMBEDDING_SHARES)
            _initialise_embeddings(trainable, seconds, announce)
        if trainable.truncated:
            announce(
                f"{trainable.truncated:,} texts are longer than {MAX_TEXT_TOKENS} tokens: "
                "training truncates them, classification reads them whole"
            )
        vectors = trainable.vectors
        pretraining = None
        if trainable.pretraining_texts is not None:
            phase_settings = pretrain.settings_of(trainable, settings)
            language_model = pretrain.build(trainable, phase_settings)
            pretraining = Phase("pretraining", language_model, phase_settings, "tokens")
        return Prepared(
            trainable,
            settings,
            trainable.model.architecture,
            trainable.tokenizer,
            labels=trainable.labels,
            unit="texts",
            is_fitted=bool(settings.freeze),
            pretraining=pretraining,
            vectors=None if vectors is None else vectors.source,
            vectors_digest=None if vectors is None else vectors.digest,
            files=trainable.files,
        )

    def finish(
        self,
        trainable: ClassifierTraining,
        data: TrainingData,
        path: Path,
        threads: int,
        seconds: float,
        announce: Announce,
    ) -> Tuned:
        """Tell where the network adds nothing to the n-gram model, and what more labels would."""
        del data, threads
        alone = trainable.ngrams_scores
        if alone is not None:
            gain = round(read_description(path).scores["accuracy"] - alone["accuracy"], 4)
            if gain <= 0:
                announce(
                    f"the n-gram model alone is {'more' if gain else 'as'} accurate on the "
                    f"held-out part, {100 * alone['accuracy']:.1f} % with a loss of "
                    f"{alone['loss']:.3f}, and the lowest loss is saved: more data or more time "
                    "may show what the network adds"
                )
        estimate = trainable.estimate_gain
        doubling_gain = None if estimate is None else estimate(seconds)
        if doubling_gain is not None:
            announce(f"twice the labels: {format_gain(doubling_gain)}")
        return Tuned(doubling_gain=doubling_gain)

    def summary(self, description: ModelDescription) -> str:
        """Return the summary of the model for its card."""
        return f"labels texts as {', '.join(description.labels[:MAX_LISTED])}"

    def preview(
        self,
        prepared: Prepared[ClassifierTraining],
        weights: "Mapping[str, Tensor]",
        text: str | None = None,
    ) -> str | None:
        """Label a text with the network alone."""
        if text is None:
            return None
        parts = prepared.architecture, as_arrays(weights), prepared.tokenizer
        model = TextClassifier.of_weights(*parts, labels=prepared.labels)
        result = model([text])[0]
        return f"{result.label} {100 * result.probability:.0f} %"


def _build(
    data: TrainingData,
    settings: Settings,
    scratch: Path,
    announce: Announce,
    init_from: SavedModel | None,
    began: float | None,
) -> ClassifierTraining:
    """Encode all texts, fit the n-gram model, and build the network."""
    labels = tuple(sorted(set(column_values(data.train, "label"))))
    min_count = 2 if len(data.train) >= MIN_COUNT_CORPUS else 1
    if init_from is None:
        tokenizer, vectors = _vocabulary(data, settings, min_count, announce)
    else:
        announce_adaptation(init_from, labels, announce)
        tokenizer, vectors = init_from.require_tokenizer(), TokenVectors.of(init_from)
    train, validation = (
        _examples(part, labels, tokenizer, scratch / name)
        for part, name in ((data.train, "train.bin"), (data.validation, "validation.bin"))
    )
    pretraining_texts: EncodedTexts | None = None
    if data.unlabelled is not None:
        texts, path = _texts(*data.unlabelled, data.train), scratch / "unlabelled.bin"
        size = None if vectors is None else tokenizer.vocab_size - vectors.vectors_only
        pretraining_texts = encode(texts, tokenizer, path, add_eos=True, num_known=size)
    ngrams: FittedNgrams | None = None
    estimate_gain: Callable[[float], float | None] | None = None
    if settings.freeze and init_from is not None:
        return adapted_training(init_from, data, train, validation, labels, settings, announce)
    if settings.ngrams and len(labels) > 1:
        start, seconds = time.monotonic(), stage_seconds(settings, began, *NGRAM_SHARES)
        arguments = (data, train.classes, validation.classes, len(labels), min_count)
        ngrams = select_ngrams(*arguments, settings.workers, seconds)
        took = time.monotonic() - start
        if ngrams.is_complete:
            estimate_gain = partial(gain_of_twice_the_labels, *arguments, settings.workers, took)
    trainable = ClassifierTraining(
        train,
        validation,
        labels,
        tokenizer,
        settings,
        ngrams,
        pretraining_texts,
        vectors,
        estimate_gain=estimate_gain,
    )
    if ngrams is not None and trainable.ngrams_scores is not None:
        _announce_fit(ngrams, len(data.train), trainable.ngrams_scores, announce)
    return trainable


def _vocabulary(
    data: TrainingData, settings: Settings, min_count: int, announce: Announce
) -> tuple[Tokenizer, TokenVectors | None]:
    """Train a tokenizer, and add the words of word vectors."""
    parts = (data.train, *(data.unlabelled or ()))
    tokenizer = Tokenizer.train(
        _texts(*(vocabulary_sample(part, announce) for part in parts)),
        settings.level,
        settings.vocab_size,
        fold=True,
        min_count=min_count,
    )
    if settings.vectors in (None, NONE):
        return tokenizer, None
    return read_token_vectors(tokenizer, settings.vectors, announce)


def _announce_fit(
    ngrams: FittedNgrams, num_texts: int, scores: Mapping[str, float], announce: Announce
) -> None:
    """Tell the scores of the n-gram model, and what was left out of its fit."""
    if ngrams.num_texts < num_texts:
        announce(f"n-gram model: fitted to {ngrams.num_texts:,} of {num_texts:,} texts")
    if not ngrams.is_complete:
        announce("n-gram model: not fitted to the end, for lack of time")
    announce(
        f"n-gram model alone: loss {scores['loss']:.3f}, accuracy {100 * scores['accuracy']:.1f} % "
        "on the held-out part"
    )


def _texts(*parts: "Dataset") -> Iterator[str]:
    return map(plain_signs, chain.from_iterable(column_values(part, "text") for part in parts))


def _examples(
    part: "Dataset", labels: tuple[str, ...], tokenizer: Tokenizer, path: Path
) -> Examples:
    """Encode labelled texts into a file."""
    max_length = MAX_TEXT_TOKENS - 1  # beside <eos>
    texts = encode(_texts(part), tokenizer, path, add_eos=True, max_length=max_length)
    numbers = {label: i for i, label in enumerate(labels)}
    classes = np.fromiter((numbers.get(x, -1) for x in column_values(part, "label")), np.int64)
    return Examples(texts, classes)


def _initialise_embeddings(
    trainable: ClassifierTraining, seconds: float, announce: Announce
) -> None:
    """Initialise embeddings from the co-occurrence counts of all texts.

    Where most texts have no labels, embeddings are frozen: fine-tuning would move the words of the
    labelled texts alone, away from all other words.
    """
    texts = trainable.pretraining_texts or trainable.texts
    embedding = trainable.model.encoder.embedding
    number = int(min(len(texts.tokens), MAX_TOKENS, TOKENS_A_SECOND * seconds))
    first = texts.tokens[:number]
    known = np.where(first < embedding.num_embeddings, first, UNK)
    vectors = monolingual_embeddings(
        EncodedTexts(known, texts.offsets), embedding.num_embeddings, embedding.embedding_dim
    )
    is_trained = len(texts.tokens) < FREEZE_RATIO * len(trainable.texts.tokens)
    embedding.initialise(vectors)
    embedding.weight.requires_grad_(is_trained)
    announce(
        f"embeddings: initialised from co-occurrence counts of {number:,} tokens"
        + ("" if is_trained else ", and frozen: most texts have no labels")
    )
