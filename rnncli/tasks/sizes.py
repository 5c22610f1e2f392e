"""The sizes of networks that a recipe chooses from, and what they ask of data and budget."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from rnncli.config import Settings

# --- Classifiers --------------------------------------------------------------------------------

SMALL_TEXTS = 5_000  # texts: a smaller corpus gets more epochs
LARGE_TEXTS = 20_000  # texts: a larger corpus gets larger batches, which are faster
NAME_LENGTH = 2.0  # words a text: shorter texts are names, whose spelling alone is informative
SMALL_CORPUS_EPOCHS = 20
CHAR_EMBEDDING_DIM = 64  # of names: there are few characters to tell apart
MAX_TEXT_TOKENS = 400  # to train on: the rest of a text gains little for its time

# --- Generators ---------------------------------------------------------------------------------

CHARACTERS_A_TOKEN = {"char": 1.0, "word": 5.0, "subword": 4.0}  # an estimate, to count epochs
CHAR_VOCAB_SIZE = 350  # an estimate, with the 256 bytes
GENERATOR_WIDTHS = (640, 512, 384, 256, 192, 128)  # candidates for the number of units
GENERATOR_TOKENS_A_WEIGHT = 1.5  # that the budget must allow to learn from
WEIGHTS_A_TOKEN = 8  # of the text, at most: more overfit

# --- Translators --------------------------------------------------------------------------------

TRANSLATOR_WIDTHS = (384, 256, 192, 128)  # candidates for the number of units
TRANSLATOR_TOKENS_A_WEIGHT = 0.6  # target tokens that the budget must allow to learn from
TRANSLATOR_SAMPLED_FROM = 3_000  # tokens of a vocabulary, from which on the softmax is sampled
# A step: the loss falls as with all, in two thirds of the time.
TRANSLATOR_NEGATIVE_SAMPLES = 1_024
# (smallest number of pairs, subwords of a vocabulary): rarer subwords are never learned.
VOCAB_SIZES = ((100_000, 8_000), (20_000, 5_000), (8_000, 3_000), (0, 1_500))

# --- All ----------------------------------------------------------------------------------------

DECAY_EPOCHS = 1.1  # over which weight decay at most forgets the share 1 - 1/e of a weight


def with_weight_decay(
    settings: Settings,
    table: Sequence[tuple[float, float]],
    steps_per_epoch: float,
    epochs: float,
) -> Settings:
    """Return settings with the weight decay for a number of steps, or with their own if larger.

    It never forgets faster than over about an epoch: that number of epochs, not the decay itself,
    carries over from corpus to corpus (Wang and Aitchison 2024, "How to set AdamW's weight decay").
    """
    (decay,) = look_up(table, epochs * steps_per_epoch)
    most = 1 / (settings.learning_rate * max(steps_per_epoch, 1) * DECAY_EPOCHS)
    return replace(settings, weight_decay=max(settings.weight_decay, min(decay, most)))


def first_affordable(
    candidates: Iterable[Settings], is_affordable: Callable[[Settings], bool]
) -> Settings:
    """Return the first of some settings that is affordable, or the last, which is the cheapest."""
    for settings in candidates:
        if is_affordable(settings):
            break
    return settings


def look_up(table: Sequence[tuple[float, ...]], value: float) -> tuple[float, ...]:
    """Return what follows the first number of a row that ``value`` reaches; rows fall to 0."""
    return next(row[1:] for row in table if value >= row[0])
