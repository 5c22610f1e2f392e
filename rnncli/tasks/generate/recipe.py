"""How a generator is trained: settings, network, continuous cache."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rnncli.config import DEFAULTS, SamplingConfig, Settings
from rnncli.data.encoded import EncodedTexts, encode
from rnncli.data.values import vocabulary_sample
from rnncli.messages import Announce, stage
from rnncli.networks.architecture import Architecture, Stack, Tokens, count_parameters
from rnncli.networks.embedding_torch import DropoutRates
from rnncli.networks.heads import Vocabulary
from rnncli.networks.model_torch import CausalLM
from rnncli.networks.model_torch import build as build_network
from rnncli.storage.description import ModelDescription
from rnncli.tasks.generate.continuous_cache import tune, write_parameters
from rnncli.tasks.generate.control_codes import Controls, training_texts
from rnncli.tasks.generate.predict import TextGenerator
from rnncli.tasks.language_modeling import (
    SAMPLED_FROM,
    LanguageModel,
    LanguageModelTraining,
    RunningText,
)
from rnncli.tasks.sizes import (
    CHAR_VOCAB_SIZE,
    CHARACTERS_A_TOKEN,
    GENERATOR_TOKENS_A_WEIGHT,
    GENERATOR_WIDTHS,
    WEIGHTS_A_TOKEN,
    first_affordable,
    look_up,
    with_weight_decay,
)
from rnncli.text.tokenizer import Tokenizer
from rnncli.training.contract import Prepared, Recipe, TrainingData, Tuned
from rnncli.training.sizing import Capacity, measure_capacity, network_share, rows_to_read

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor

NEGATIVE_SAMPLES = 4_096  # a step: more gain nothing measurable
WORD_VOCAB_SIZE = 50_000  # at the word level: sampling makes words cheap
BENCHMARK_CHARACTERS = 500_000  # with which the speed is measured
# (smallest epochs * weights / tokens, dropout): repeated texts and large networks need more.
DROPOUTS = ((60, 0.5), (20, 0.3), (6, 0.2), (2, 0.1), (0, 0.05))
# (smallest number of steps, weight decay): few steps do not make up for what is forgotten.
WEIGHT_DECAYS = ((5_000, 0.3), (2_500, 0.1), (0, 0.0))
PREVIEW = SamplingConfig(temperature=0.8, length=60, seed=0)  # one seed: samples are comparable


class GeneratorRecipe(Recipe[LanguageModelTraining]):
    """How a generator is trained."""

    finish_share = 0.03

    def choose(
        self, data: TrainingData, overrides: Mapping[str, Any], announce: Announce
    ) -> Settings:
        """Choose settings for the text and the speed of this machine.

        A wider network learns more from each token, but fewer tokens in the same time. More epochs
        and more weights need more dropout.
        """
        settings = DEFAULTS["generate"]
        if overrides.get("level") == "word":
            settings = replace(
                settings, vocab_size=WORD_VOCAB_SIZE, embedding_dim=256, embedding_dropout=0.2
            )
        settings = settings.with_overrides(overrides)
        tokens = sum(map(len, training_texts(data.train))) / CHARACTERS_A_TOKEN[settings.level]
        steps = (settings.steps or math.inf) * settings.batch_size * settings.bptt
        budget = min((settings.epochs or math.inf) * tokens, steps)  # tokens to learn from
        vocab_size = CHAR_VOCAB_SIZE if settings.level == "char" else settings.vocab_size
        if settings.max_time is not None:
            capacity, vocab_size = _measure(data.train, settings)
            announce(
                f"speed: {capacity.throughput:,.0f} tokens a second "
                f"with {settings.hidden_size} units"
            )

            def is_affordable(candidate: Settings) -> bool:
                cost = _cost(candidate, vocab_size)
                weights = _num_weights(candidate, vocab_size)
                enough_time = (
                    min(budget, capacity.targets(cost)) >= GENERATOR_TOKENS_A_WEIGHT * cost
                )
                return enough_time and weights <= WEIGHTS_A_TOKEN * tokens

            if "hidden_size" not in overrides:
                candidates = (replace(settings, hidden_size=width) for width in GENERATOR_WIDTHS)
                settings = first_affordable(candidates, is_affordable)
            budget = min(budget, capacity.targets(_cost(settings, vocab_size)))
            if "max_rows" not in overrides:
                epochs = network_share(settings, self.began) * budget / tokens
                settings = replace(settings, max_rows=rows_to_read(epochs, len(data.train)))
        if "dropout" not in overrides:
            epochs = budget / tokens
            (dropout,) = look_up(DROPOUTS, epochs * _num_weights(settings, vocab_size) / tokens)
            settings = replace(settings, dropout=dropout)
            announce(f"about {epochs:.2g} epochs fit into the budget: dropout {dropout:g}")
        if "weight_decay" not in overrides and settings.level == "char":
            steps_per_epoch = tokens / (settings.batch_size * settings.bptt)
            settings = with_weight_decay(settings, WEIGHT_DECAYS, steps_per_epoch, budget / tokens)
        return settings

    def prepare(
        self,
        data: TrainingData,
        settings: Settings,
        scratch: Path,
        announce: Announce,
    ) -> Prepared[LanguageModelTraining]:
        """Encode both parts of the text and build the network."""
        texts = training_texts(vocabulary_sample(data.train, announce))
        tokenizer = Tokenizer.train(texts, settings.level, settings.vocab_size)
        trainable = _build(
            encode(training_texts(data.train), tokenizer, scratch / "train.bin"),
            encode(training_texts(data.validation), tokenizer, scratch / "validation.bin"),
            sum(len(text) for text in training_texts(data.validation)),
            tokenizer,
            settings,
        )
        return Prepared(
            trainable, settings, _architecture(settings, tokenizer.vocab_size), tokenizer
        )

    def finish(
        self,
        trainable: LanguageModelTraining,
        data: TrainingData,
        path: Path,
        threads: int,
        seconds: float,
        announce: Announce,
    ) -> Tuned:
        """Tune the continuous cache, which evaluation uses."""
        del trainable, announce
        generator = TextGenerator.load(path, threads=threads)
        with stage("tuning the continuous cache"):
            cache = tune(generator.predictions(training_texts(data.validation)), seconds)
        return Tuned({} if cache is None else write_parameters(cache))

    def summary(self, description: ModelDescription) -> str:
        """Return the summary of the model for its card."""
        controls = Controls.parse(description.task_values.get("controls"))
        manner = "" if controls is None else f", in the manner of {controls.name_list()}"
        return f"writes text like the one it was trained on{manner}"

    def preview(
        self,
        prepared: Prepared[LanguageModelTraining],
        weights: "Mapping[str, Tensor]",
        text: str | None = None,
    ) -> str | None:
        """Generate a sample that goes on from a text, always with the same random seed."""
        arrays = {name: tensor.float().cpu().numpy() for name, tensor in weights.items()}
        model = TextGenerator.of_weights(prepared.architecture, arrays, prepared.tokenizer)
        (sample,) = model([text or ""], PREVIEW)
        return sample.text


@stage("measuring the speed of this machine")
def _measure(train: "Dataset", settings: Settings) -> tuple[Capacity, int]:
    """Measure the speed on the beginning of the text, and the size of its vocabulary."""
    texts, characters = [], 0
    for text in training_texts(train):
        texts.append(text)
        characters += len(text)
        if characters >= BENCHMARK_CHARACTERS:
            break
    tokenizer = Tokenizer.train(texts, settings.level, settings.vocab_size)
    with TemporaryDirectory(prefix="rnncli-") as folder:
        encoded = encode(texts, tokenizer, Path(folder) / "benchmark.bin")
        trainable = _build(encoded, encoded, characters, tokenizer, settings)
        cost = _cost(settings, tokenizer.vocab_size)
        return measure_capacity(trainable, settings, cost), tokenizer.vocab_size


def _num_weights(settings: Settings, vocab_size: int) -> int:
    return count_parameters(_architecture(settings, vocab_size))


def _cost(settings: Settings, vocab_size: int) -> int:
    """Count the weights that a token is multiplied by; sampling bounds those of the vocabulary."""
    sample = vocab_size if vocab_size < SAMPLED_FROM else min(vocab_size, NEGATIVE_SAMPLES)
    return _num_weights(settings, sample)


def _build(
    train: EncodedTexts,
    validation: EncodedTexts,
    validation_characters: int,
    tokenizer: Tokenizer,
    settings: Settings,
) -> LanguageModelTraining:
    """Build the network and its training on a text.

    Raises:
        DataError: the text is too short.

    """
    text = RunningText(train.tokens, validation.tokens, train.counts(tokenizer.vocab_size))
    dropout = DropoutRates(settings.dropout, settings.embedding_dropout)
    network = build_network(_architecture(settings, tokenizer.vocab_size), dropout)
    assert isinstance(network, CausalLM)
    model = LanguageModel(network, network.decoder, settings.num_layers, NEGATIVE_SAMPLES)
    characters = validation_characters / len(text.validation)  # a token

    def scores(nats: float) -> dict[str, float]:
        return {"loss": nats, "bits_per_character": nats / math.log(2) / characters}

    return LanguageModelTraining(model, text, settings, scores)


def _architecture(settings: Settings, vocab_size: int) -> Architecture:
    """Return the architecture by the settings."""
    return Architecture(
        front=Tokens(vocab_size, settings.embedding_dim),
        encoder=None,
        decoder=Stack(settings.cell, settings.num_layers, settings.hidden_size),
        head=Vocabulary(vocab_size),
    )
