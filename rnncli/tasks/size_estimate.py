"""Estimate without PyTorch which sizes a training would have, and how long its epochs take.

Epochs are an estimate within a factor of about two, by the speed at which NumPy multiplies.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rnncli.config import DEFAULTS, Settings
from rnncli.networks.architecture import Architecture, Stack, Tokens, count_parameters
from rnncli.networks.heads import Classes, Vocabulary
from rnncli.tasks.sizes import (
    CHAR_EMBEDDING_DIM,
    CHAR_VOCAB_SIZE,
    CHARACTERS_A_TOKEN,
    GENERATOR_TOKENS_A_WEIGHT,
    GENERATOR_WIDTHS,
    MAX_TEXT_TOKENS,
    NAME_LENGTH,
    SMALL_CORPUS_EPOCHS,
    SMALL_TEXTS,
    TRANSLATOR_NEGATIVE_SAMPLES,
    TRANSLATOR_SAMPLED_FROM,
    TRANSLATOR_TOKENS_A_WEIGHT,
    TRANSLATOR_WIDTHS,
    VOCAB_SIZES,
    WEIGHTS_A_TOKEN,
    first_affordable,
    look_up,
)

if TYPE_CHECKING:
    from rnncli.data.preview import CorpusPreview

# Seconds a token beside those of products: short steps, one after another, are far from the speed
# of long ones. As measured; translators count tokens of the target.
CLASSIFIER_OVERHEAD, GENERATOR_OVERHEAD, TRANSLATOR_OVERHEAD = 17e-6, 3e-6, 50e-6
# The network's part of the time budget: all but the start, in which PyTorch is loaded, and
# evaluation and n-grams; of translators, vocabularies, initial embeddings and memory, too.
START_SECONDS, TRAINING_SHARE, MIN_TRAINING_SHARE = 2.0, 0.8, 0.5
TRANSLATOR_START_SECONDS, TRANSLATOR_TRAINING_SHARE, TRANSLATOR_MIN_SHARE = 6.0, 0.7, 0.35
TRANSCRIBER_SECONDS = 2e-3  # a recording of half a second, as measured
TOKENS_A_WORD = 1.2  # with the signs between words


@dataclass(frozen=True)
class SizeEstimate:
    """The settings that a training would have, and what it would cost."""

    settings: Settings
    tokens: float  # of an epoch; of transcribers, recordings
    seconds: float  # a token

    def epochs(self, preview: "CorpusPreview") -> float:
        """Return how many epochs fit into the budget, and no more than are asked for."""
        settings, budget = self.settings, _seconds(self.settings)
        start, share, least = START_SECONDS, TRAINING_SHARE, MIN_TRAINING_SHARE
        if "source" in preview.columns:
            start, share = TRANSLATOR_START_SECONDS, TRANSLATOR_TRAINING_SHARE
            least = TRANSLATOR_MIN_SHARE
        seconds = max(share * (budget - start), least * budget)
        epochs = seconds / max(1.0, self.tokens) / self.seconds
        if settings.steps is not None:
            is_text_alone = not {"label", "source", "transcript"} & preview.columns.keys()
            items, size = (self.tokens, settings.bptt) if is_text_alone else (preview.rows, 1)
            epochs = min(epochs, settings.steps * settings.batch_size * size / max(1.0, items))
        return min(epochs, settings.epochs or epochs)


def estimate_sizes(
    preview: "CorpusPreview", overrides: Mapping[str, Any], speed: float, vectors_dim: int = 0
) -> SizeEstimate:
    """Return the settings of a training and its cost, at a speed in weights a second.

    A classifier has word vectors perhaps, of ``vectors_dim`` numbers.
    """
    settings = DEFAULTS[preview.task]
    if "label" in preview.columns:
        return _classifier(preview, settings_of_classifier(preview, overrides), speed, vectors_dim)
    if "source" in preview.columns:
        return _translator(preview, settings, overrides, speed)
    if "transcript" in preview.columns:
        settings = settings.with_overrides(overrides)
        return SizeEstimate(settings, preview.rows, TRANSCRIBER_SECONDS)
    return _generator(preview, settings, overrides, speed)


def settings_of_classifier(preview: "CorpusPreview", overrides: Mapping[str, Any]) -> Settings:
    """Return the settings of a classifier of these texts."""
    settings = DEFAULTS["classify"]
    words = preview.words["text"] / preview.rows  # a text
    if words < NAME_LENGTH and overrides.get("level") in (None, "char"):
        settings = replace(
            settings,
            level="char",
            embedding_dim=CHAR_EMBEDDING_DIM,
            vocab_size=CHAR_VOCAB_SIZE,
        )
    if preview.rows < SMALL_TEXTS:
        settings = replace(settings, epochs=SMALL_CORPUS_EPOCHS)
    return settings.with_overrides(overrides)


def _classifier(
    preview: "CorpusPreview", settings: Settings, speed: float, vectors_dim: int
) -> SizeEstimate:
    length = TOKENS_A_WORD * preview.words["text"] / preview.rows
    if settings.level != "word":
        length = preview.characters["text"] / preview.rows / CHARACTERS_A_TOKEN[settings.level]
    encoder = Stack(settings.cell, settings.num_layers, settings.hidden_size, bidirectional=True)
    head = Classes(max(2, len(preview.labels)))
    front = Tokens(1, settings.embedding_dim, vectors_dim)
    weights = count_parameters(Architecture(front, encoder, None, head))
    tokens = preview.rows * min(length, MAX_TEXT_TOKENS)
    return SizeEstimate(settings, tokens, CLASSIFIER_OVERHEAD + weights / speed)


def _translator(
    preview: "CorpusPreview", settings: Settings, overrides: Mapping[str, Any], speed: float
) -> SizeEstimate:
    size = int(*look_up(VOCAB_SIZES, preview.rows))
    most_words = max(preview.words["source"], preview.words["target"])
    if most_words < NAME_LENGTH * preview.rows and overrides.get("level") in (None, "char"):
        settings, size = replace(settings, level="char"), CHAR_VOCAB_SIZE
    settings = replace(settings, vocab_size=size).with_overrides(overrides)
    tokens = preview.characters["target"] / CHARACTERS_A_TOKEN[settings.level]
    outputs = settings.vocab_size
    if outputs >= TRANSLATOR_SAMPLED_FROM:
        outputs = TRANSLATOR_NEGATIVE_SAMPLES

    def weights(candidate: Settings) -> int:
        units, width = candidate.hidden_size, candidate.embedding_dim
        encoder = Stack(candidate.cell, candidate.num_layers, units // 2 or 1, bidirectional=True)
        decoder = Stack(candidate.cell, candidate.num_layers, units)
        front, head = Tokens(1, width), Vocabulary(outputs)
        return count_parameters(Architecture(front, encoder, decoder, head))

    def cost(candidate: Settings) -> float:
        return TRANSLATOR_OVERHEAD + weights(candidate) / speed

    def is_affordable(candidate: Settings) -> bool:
        targets = _seconds(candidate) / cost(candidate)
        return targets >= TRANSLATOR_TOKENS_A_WEIGHT * weights(candidate)

    if not {"hidden_size", "embedding_dim"} & overrides.keys():
        candidates = (
            replace(settings, hidden_size=width, embedding_dim=width) for width in TRANSLATOR_WIDTHS
        )
        settings = first_affordable(candidates, is_affordable)
    return SizeEstimate(settings, tokens, cost(settings))


def _generator(
    preview: "CorpusPreview", settings: Settings, overrides: Mapping[str, Any], speed: float
) -> SizeEstimate:
    settings = settings.with_overrides(overrides)
    if settings.level == "char":
        settings = replace(settings, vocab_size=CHAR_VOCAB_SIZE)
    tokens = preview.characters["text"] / CHARACTERS_A_TOKEN[settings.level]

    def weights(candidate: Settings) -> int:
        decoder = Stack(candidate.cell, candidate.num_layers, candidate.hidden_size)
        front = Tokens(candidate.vocab_size, candidate.embedding_dim)
        head = Vocabulary(candidate.vocab_size)
        return count_parameters(Architecture(front, None, decoder, head))

    def cost(candidate: Settings) -> float:
        return GENERATOR_OVERHEAD + weights(candidate) / speed

    def is_affordable(candidate: Settings) -> bool:
        number = weights(candidate)
        targets = min((candidate.epochs or 1) * tokens, _seconds(candidate) / cost(candidate))
        return targets >= GENERATOR_TOKENS_A_WEIGHT * number and number <= WEIGHTS_A_TOKEN * tokens

    if "hidden_size" not in overrides:
        candidates = (replace(settings, hidden_size=width) for width in GENERATOR_WIDTHS)
        settings = first_affordable(candidates, is_affordable)
    return SizeEstimate(settings, tokens, cost(settings))


def _seconds(settings: Settings) -> float:
    """Return the time budget."""
    return float("inf") if settings.max_time is None else settings.max_time
