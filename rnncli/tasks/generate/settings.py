"""Settings of a generator: as large a network as there is time and text for."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rnncli.config import DEFAULTS, Settings
from rnncli.data.encoded import encode
from rnncli.messages import Announce
from rnncli.networks.architecture import count_parameters
from rnncli.tasks.generate.control_codes import training_texts
from rnncli.tasks.generate.train import NEGATIVE_SAMPLES, architecture, build
from rnncli.tasks.language_modeling import SAMPLED_FROM
from rnncli.text.tokenizer import Tokenizer
from rnncli.training.sizing import Capacity, first_affordable, look_up, measure_capacity

if TYPE_CHECKING:
    from datasets import Dataset

CHARACTERS_A_TOKEN = {"char": 1.0, "word": 5.0, "subword": 4.0}  # near enough to count epochs
CHAR_VOCAB_SIZE = 350  # as a rule, the 256 bytes among them
WORD_VOCAB_SIZE = 50_000  # at the word level: what each of them costs is little
BENCHMARK_CHARACTERS = 500_000  # of the text with which speed is measured
WIDTHS = (640, 512, 384, 256, 192, 128)  # units; of these the widest that there is time to train
TOKENS_A_WEIGHT = 1.5  # that there must be time to learn from
WEIGHTS_A_TOKEN = 8  # of the text: more would overfit it
# From so many epochs on, each counted as often as there are weights for a token of the text.
DROPOUTS = ((60, 0.5), (20, 0.3), (6, 0.2), (2, 0.1), (0, 0.05))


def choose_settings(given: Mapping[str, Any], train: "Dataset", announce: Announce) -> Settings:
    """Choose settings for the text, and for what this machine can learn in the time.

    A wider network learns more from each token and reads fewer of them; the more often it reads the
    text, and the more weights it has for that, the more dropout it needs.
    """
    settings = DEFAULTS["generate"]
    if given.get("level") == "word":  # words say more than characters
        settings = replace(
            settings, vocab_size=WORD_VOCAB_SIZE, embedding_dim=256, embedding_dropout=0.2
        )
    settings = settings.with_given(given)
    tokens = sum(map(len, training_texts(train))) / CHARACTERS_A_TOKEN[settings.level]
    steps = (settings.steps or math.inf) * settings.batch_size * settings.bptt
    budget = min((settings.epochs or math.inf) * tokens, steps)  # tokens to learn from
    vocab_size = CHAR_VOCAB_SIZE if settings.level == "char" else settings.vocab_size
    if settings.max_time is not None:
        capacity, vocab_size = _measure(train, settings)
        announce(
            f"speed: {capacity.throughput:,.0f} tokens a second with {settings.hidden_size} units"
        )

        def is_affordable(candidate: Settings) -> bool:
            cost = _cost(candidate, vocab_size)
            weights = _num_weights(candidate, vocab_size)
            enough_time = min(budget, capacity.targets(cost)) >= TOKENS_A_WEIGHT * cost
            return enough_time and weights <= WEIGHTS_A_TOKEN * tokens

        if "hidden_size" not in given:
            candidates = (replace(settings, hidden_size=width) for width in WIDTHS)
            settings = first_affordable(candidates, is_affordable)
        budget = min(budget, capacity.targets(_cost(settings, vocab_size)))
    if "dropout" not in given:
        epochs = budget / tokens
        (dropout,) = look_up(DROPOUTS, epochs * _num_weights(settings, vocab_size) / tokens)
        settings = replace(settings, dropout=dropout)
        announce(f"about {epochs:.2g} epochs fit into the budget: dropout {dropout:g}")
    return settings


def _measure(train: "Dataset", settings: Settings) -> tuple[Capacity, int]:
    """Train for a moment on the beginning of the text; return the size of the vocabulary, too."""
    texts, characters = [], 0
    for text in training_texts(train):
        texts.append(text)
        characters += len(text)
        if characters >= BENCHMARK_CHARACTERS:
            break
    tokenizer = Tokenizer.train(texts, settings.level, settings.vocab_size)
    with TemporaryDirectory(prefix="rnncli-") as folder:
        encoded = encode(texts, tokenizer, Path(folder) / "benchmark.bin")
        trainable = build(encoded, encoded, characters, tokenizer, settings)
        cost = _cost(settings, tokenizer.vocab_size)
        return measure_capacity(trainable, settings, cost), tokenizer.vocab_size


def _num_weights(settings: Settings, vocab_size: int) -> int:
    return count_parameters(architecture(settings, vocab_size))


def _cost(settings: Settings, vocab_size: int) -> int:
    """Return how many weights each token passes: of a large vocabulary, only a sample."""
    sample = vocab_size if vocab_size < SAMPLED_FROM else min(vocab_size, NEGATIVE_SAMPLES)
    return _num_weights(settings, sample)
