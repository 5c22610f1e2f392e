"""Settings of a translator: as large a network as there is time and data for."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rnncli.config import DEFAULTS, Settings
from rnncli.messages import Announce
from rnncli.networks.architecture import count_parameters
from rnncli.tasks.translate.train import (
    NEGATIVE_SAMPLES,
    SAMPLED_FROM,
    architecture,
    build,
    sample_pairs,
)
from rnncli.training.sizing import Capacity, first_affordable, look_up, measure_capacity

if TYPE_CHECKING:
    from datasets import Dataset

BENCHMARK_PAIRS = 4_000  # with which speed is measured
WIDTHS = (384, 256, 192, 128)  # units; of these the most that there is time to train
TOKENS_A_WEIGHT = 0.6  # of the translations, that there must be time to learn from
# Dropout of units and of words, from so many epochs on: few epochs do not overfit.
DROPOUTS = ((15, 0.3, 0.1), (5, 0.15, 0.05), (3, 0.1, 0.0), (0, 0.05, 0.0))
LARGE_CORPUS = 100_000  # pairs, of which steps of more are faster and still enough
WORD_VOCAB_SIZE = 20_000  # at the word level
# Subwords of a vocabulary, from so many pairs on: rarer ones are never learned.
VOCAB_SIZES = ((100_000, 8_000), (20_000, 5_000), (8_000, 3_000), (0, 1_500))


def choose_settings(given: Mapping[str, Any], train: "Dataset", announce: Announce) -> Settings:
    """Choose settings for the pairs, and for what this machine can learn in the time.

    Fewer pairs take a smaller vocabulary. A wider network learns more from each pair and reads
    fewer of them; what is read a few times only needs less dropout.
    """
    settings = _settings_for_size(given, len(train), announce).with_given(given)
    epochs = settings.epochs or math.inf
    if settings.steps is not None:
        epochs = min(epochs, settings.steps * settings.batch_size / len(train))
    if settings.max_time is not None and not {"hidden_size", "dropout"} <= given.keys():
        capacity, tokens = _measure(train, settings)
        announce(
            f"speed: {capacity.throughput:,.0f} target tokens a second with {settings.hidden_size} "
            "units"
        )
        if not {"hidden_size", "embedding_dim"} & given.keys():
            settings = first_affordable(
                (replace(settings, hidden_size=width, embedding_dim=width) for width in WIDTHS),
                lambda candidate: capacity.work >= TOKENS_A_WEIGHT * _cost(candidate) ** 2,
            )
        epochs = min(epochs, capacity.targets(_cost(settings)) / tokens)
    if "dropout" not in given:
        dropout, word_dropout = look_up(DROPOUTS, epochs)
        announce(f"about {epochs:.2g} epochs fit into the budget: dropout {dropout:g}")
        rates = {
            "dropout": dropout,
            "embedding_dropout": dropout,
            "word_dropout": word_dropout,
        }
        settings = replace(settings, **(rates | dict(given)))
    return settings


def _settings_for_size(given: Mapping[str, Any], num_pairs: int, announce: Announce) -> Settings:
    """Return the usual settings for a corpus of this size."""
    settings = DEFAULTS["translate"]
    if given.get("level") in (None, "subword") and "vocab_size" not in given:
        (size,) = look_up(VOCAB_SIZES, num_pairs)
        announce(f"{num_pairs:,} pairs: vocabularies of {size:,} subwords")
        settings = replace(settings, vocab_size=int(size))
    elif given.get("level") == "word":
        settings = replace(settings, vocab_size=WORD_VOCAB_SIZE)
    if num_pairs >= LARGE_CORPUS:
        settings = replace(settings, batch_size=64)
    return settings


def _measure(train: "Dataset", settings: Settings) -> tuple[Capacity, float]:
    """Train for a moment; return the target tokens of all pairs, too."""
    sample = sample_pairs(train, BENCHMARK_PAIRS)
    with TemporaryDirectory(prefix="rnncli-") as folder:
        trainable = build(sample, sample.select([0]), settings, Path(folder))
        capacity = measure_capacity(trainable, settings, _cost(settings))
    return capacity, trainable.target_tokens / len(sample) * len(train)


def _cost(settings: Settings) -> int:
    """Return how many weights each token passes: of a large vocabulary, only a sample."""
    size = settings.vocab_size if settings.vocab_size < SAMPLED_FROM else NEGATIVE_SAMPLES
    weights = count_parameters(architecture(settings, size, size))
    return weights - size * settings.embedding_dim  # source embeddings are looked up
