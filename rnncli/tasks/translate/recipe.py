"""How a translator is trained: settings, initial embeddings, and what is tuned afterwards."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rnncli.config import Settings
from rnncli.data.values import column_values, vocabulary_sample
from rnncli.messages import Announce, stage
from rnncli.networks.architecture import count_parameters
from rnncli.storage.description import ModelDescription
from rnncli.storage.layout import MEMORY, REPLIES
from rnncli.tasks.embeddings import bilingual_embeddings
from rnncli.tasks.sizes import (
    TRANSLATOR_NEGATIVE_SAMPLES,
    TRANSLATOR_SAMPLED_FROM,
    TRANSLATOR_TOKENS_A_WEIGHT,
    TRANSLATOR_WIDTHS,
    first_affordable,
    look_up,
    with_weight_decay,
)
from rnncli.tasks.translate.corpus_size import (
    announce_rows,
    are_words,
    settings_for_size,
    with_rows,
)
from rnncli.tasks.translate.predict import Translator
from rnncli.tasks.translate.source_profile import MAX_PAIRS as MAX_PROFILE_PAIRS
from rnncli.tasks.translate.source_profile import SOURCES, SourceProfile
from rnncli.tasks.translate.train import (
    MAX_TRAINING_LENGTH,
    TranslatorTraining,
    architecture,
    build,
    sample_pairs,
)
from rnncli.tasks.translate.tuning import tune
from rnncli.text.sentences import clean
from rnncli.text.tokenizer import Tokenizer
from rnncli.training.contract import Prepared, Recipe, TrainingData, Tuned
from rnncli.training.sizing import Capacity, measure_capacity, network_share, rows_to_read

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor

# With which the speed is measured: at most, and for a second of the time budget.
BENCHMARK_PAIRS, BENCHMARK_PAIRS_A_SECOND = 4_000, 50
# (smallest number of epochs, dropout, word dropout): few epochs do not overfit.
DROPOUTS = ((15, 0.3, 0.1), (5, 0.15, 0.05), (3, 0.1, 0.0), (0, 0.05, 0.0))
# (smallest number of steps, weight decay): few steps do not make up for what is forgotten.
WEIGHT_DECAYS = ((2_000, 0.3), (0, 0.0))
FINISH_SHARE = 0.12  # of the time budget, after training


class TranslatorRecipe(Recipe[TranslatorTraining]):
    """How a translator is trained."""

    finish_share = FINISH_SHARE

    def choose(
        self, data: TrainingData, overrides: Mapping[str, Any], announce: Announce
    ) -> Settings:
        """Choose settings for the pairs and the speed of this machine.

        Fewer pairs need a smaller vocabulary. A wider network learns more from each pair, but fewer
        pairs in the same time. Fewer epochs need less dropout.
        """
        if "level" not in overrides and are_words(data.train):
            announce("pairs of single words: tokens are characters")
            overrides = {**overrides, "level": "char"}
        num_pairs = min(len(data.train), overrides.get("max_rows", len(data.train)))
        settings = settings_for_size(overrides, num_pairs).with_overrides(overrides)
        epochs = settings.epochs or math.inf
        if settings.steps is not None:
            epochs = min(epochs, settings.steps * settings.batch_size / num_pairs)
        max_time = settings.max_time
        if max_time is not None and not {"hidden_size", "dropout"} <= overrides.keys():
            capacity, tokens = _measure(data.train, settings, num_pairs)
            announce(
                f"speed: {capacity.throughput:,.0f} target tokens a second "
                f"with {settings.hidden_size} units"
            )
            if not {"hidden_size", "embedding_dim"} & overrides.keys():
                settings = first_affordable(
                    (
                        replace(settings, hidden_size=width, embedding_dim=width)
                        for width in TRANSLATOR_WIDTHS
                    ),
                    lambda candidate: (
                        capacity.work >= TRANSLATOR_TOKENS_A_WEIGHT * _cost(candidate) ** 2
                    ),
                )
            epochs = min(epochs, capacity.targets(_cost(settings)) / tokens)
            if "max_rows" not in overrides:
                # What is beside the weights keeps a narrower network from being much faster.
                most = min(epochs, capacity.throughput * max_time / tokens)
                rows = rows_to_read(network_share(settings, self.began) * most, num_pairs)
                settings = with_rows(settings, rows, overrides)
        announce_rows(settings, len(data.train), overrides, announce)
        if "dropout" not in overrides:
            dropout, word_dropout = look_up(DROPOUTS, epochs)
            announce(f"about {epochs:.2g} epochs fit into the budget: dropout {dropout:g}")
            rates = {"dropout": dropout, "embedding_dropout": dropout, "word_dropout": word_dropout}
            settings = replace(settings, **(rates | dict(overrides)))
        if "weight_decay" not in overrides:
            steps_per_epoch = min(num_pairs, settings.max_rows or num_pairs) / settings.batch_size
            settings = with_weight_decay(settings, WEIGHT_DECAYS, steps_per_epoch, epochs)
        return settings

    def prepare(
        self,
        data: TrainingData,
        settings: Settings,
        scratch: Path,
        announce: Announce,
    ) -> Prepared[TranslatorTraining]:
        """Encode both parts and build the network."""
        vocabulary = vocabulary_sample(data.train, announce)
        trainable = build(data.train, data.validation, settings, scratch, vocabulary)
        if trainable.num_dropped:
            announce(
                f"{trainable.num_dropped:,} pairs longer than {MAX_TRAINING_LENGTH} tokens are "
                "left out"
            )
        if settings.level != "char":  # characters have no translation
            _initialise_embeddings(trainable, announce)
        return Prepared(
            trainable,
            settings,
            trainable.model.architecture,
            trainable.tokenizer,
            trainable.target_tokenizer,
            task_values={SOURCES: _profile(data.train, trainable.tokenizer).to_json()},
        )

    def finish(
        self,
        trainable: TranslatorTraining,
        data: TrainingData,
        path: Path,
        threads: int,
        seconds: float,
        announce: Announce,
    ) -> Tuned:
        """Tune what the translator does after its training, as far as there is time."""
        return tune(trainable, data, Translator.load(path, threads=threads), seconds, announce)

    def summary(self, description: ModelDescription) -> str:
        """Return the summary of the model for its card."""
        data = description.data
        languages = " from {} to {}".format(*data.languages) if data and data.languages else ""
        pairs = ""
        if {MEMORY, REPLIES} & set(description.task_files):
            pairs = ".\nIt keeps the pairs that it was trained on, and whoever has it can read them"
        return f"translates sentences{languages}{pairs}"

    def preview(
        self,
        prepared: Prepared[TranslatorTraining],
        weights: "Mapping[str, Tensor]",
        text: str | None = None,
    ) -> str | None:
        """Translate a text or, without one, the held-out sentence of median length.

        Behind the latter is its reference in brackets.
        """
        tokenizer, target_tokenizer = prepared.tokenizer, prepared.target_tokenizer
        assert tokenizer is not None and target_tokenizer is not None
        arrays = {name: tensor.float().cpu().numpy() for name, tensor in weights.items()}
        model = Translator.of_weights(prepared.architecture, arrays, tokenizer, target_tokenizer)
        if text is not None:
            return model([text], beam=1)[0].text
        pairs = prepared.trainable.validation
        row = int(pairs.sources.lengths.argsort(kind="stable")[len(pairs.sources) // 2])
        source = tokenizer.decode(pairs.sources[row][:-1].tolist())  # without <eos>
        reference = target_tokenizer.decode(pairs.targets[row][:-1].tolist())
        (translation,) = model([source], beam=1)
        return f"{source} → {translation.text} ({reference})"


def _profile(train: "Dataset", tokenizer: Tokenizer) -> SourceProfile:
    """Return the profile of the training sources, of a sample where there are very many."""
    sample = sample_pairs(train, MAX_PROFILE_PAIRS)
    sides = (map(clean, column_values(sample, side)) for side in ("source", "target"))
    return SourceProfile.of(list(zip(*sides, strict=True)), tokenizer)


def _initialise_embeddings(trainable: TranslatorTraining, announce: Announce) -> None:
    """Initialise embeddings from co-occurrences of words and their translations."""
    pairs, encoder, decoder = trainable.pairs, trainable.model.encoder, trainable.model.decoder
    source, target = bilingual_embeddings(
        pairs.sources,
        pairs.targets,
        pairs.trainable_rows(),
        encoder.embedding.num_embeddings,
        decoder.embedding.num_embeddings,
        encoder.embedding.embedding_dim,
    )
    encoder.embedding.initialise(source)
    decoder.embedding.initialise(target)
    announce("embeddings: initialised from co-occurrence counts of words and their translations")


@stage("measuring the speed of this machine")
def _measure(train: "Dataset", settings: Settings, num_pairs: int) -> tuple[Capacity, float]:
    """Measure the speed on some pairs, and estimate the target tokens of ``num_pairs``."""
    assert settings.max_time is not None
    pairs = min(BENCHMARK_PAIRS, round(BENCHMARK_PAIRS_A_SECOND * settings.max_time))
    sample = sample_pairs(train, max(pairs, settings.batch_size))
    with TemporaryDirectory(prefix="rnncli-") as folder:
        trainable = build(sample, sample.select([0]), settings, Path(folder), sample)
        capacity = measure_capacity(trainable, settings, _cost(settings))
    return capacity, trainable.target_tokens / len(sample) * num_pairs


def _cost(settings: Settings) -> int:
    """Count the weights that a token is multiplied by; sampling bounds those of the vocabulary."""
    size = settings.vocab_size
    if size >= TRANSLATOR_SAMPLED_FROM:
        size = TRANSLATOR_NEGATIVE_SAMPLES
    weights = count_parameters(architecture(settings, size, size))
    return weights - size * settings.embedding_dim  # source embeddings are looked up
