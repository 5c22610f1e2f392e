"""How a translator is trained, from its settings to the memory and the length penalty."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnncli.config import Settings
from rnncli.data.values import column_values
from rnncli.messages import Announce, format_duration
from rnncli.storage.description import ModelDescription
from rnncli.storage.layout import MEMORY, TaskFiles
from rnncli.tasks.embeddings import bilingual_embeddings
from rnncli.tasks.translate.build_memory import build_memory
from rnncli.tasks.translate.length_penalty import (
    BLEU_TOLERANCE,
    MAX_PAIRS,
    TunedLengthPenalty,
    tune_length_penalty,
)
from rnncli.tasks.translate.memory import TranslationMemory
from rnncli.tasks.translate.predict import Translator
from rnncli.tasks.translate.settings import choose_settings
from rnncli.tasks.translate.train import (
    MAX_TRAINING_LENGTH,
    TranslatorTraining,
    build,
    sample_pairs,
)
from rnncli.training.contract import Prepared, TrainingData, Tuned

if TYPE_CHECKING:
    from torch import Tensor

MEMORY_SHARE = 0.05  # of the time budget, beyond it, to build the memory


class TranslatorRecipe:
    """How a translator is trained."""

    def choose(self, data: TrainingData, given: Mapping[str, Any], announce: Announce) -> Settings:
        """Choose settings for the pairs, and for what this machine can learn in the time."""
        return choose_settings(given, data.train, announce)

    def prepare(
        self, data: TrainingData, settings: Settings, scratch: Path, announce: Announce
    ) -> Prepared[TranslatorTraining]:
        """Encode both parts and build the network."""
        trainable = build(data.train, data.validation, settings, scratch)
        if trainable.num_long:
            announce(
                f"{trainable.num_long:,} pairs longer than {MAX_TRAINING_LENGTH} tokens are left "
                "out"
            )
        if settings.level != "char":  # a character has no translation
            _initialise_embeddings(trainable, announce)
        return Prepared(
            trainable,
            settings,
            trainable.model.architecture,
            trainable.tokenizer,
            trainable.target_tokenizer,
        )

    def finish(
        self,
        trainable: TranslatorTraining,
        data: TrainingData,
        path: Path,
        threads: int,
        announce: Announce,
    ) -> Tuned:
        """Tune the length penalty, and build a memory of the pairs if it improves BLEU."""
        sample = sample_pairs(data.validation, MAX_PAIRS)
        sources, targets = (list(column_values(sample, side)) for side in ("source", "target"))
        translator = Translator.load(path, threads=threads)
        without = best = tune_length_penalty(translator, sources, targets)
        if without is None or best is None:
            return Tuned()
        parameters: dict[str, float] = {}
        files: TaskFiles = {}
        if trainable.settings.memory:
            memory = _build_memory(trainable, translator, threads, announce)
            tuned = tune_length_penalty(translator.with_memory(memory), sources, targets)
            assert tuned is not None
            if _is_better(tuned, without, memory, announce):
                best, parameters["length_penalty_alone"] = tuned, without.length_penalty
                files = {MEMORY: memory.write}
        announce(f"length penalty: {best.length_penalty:g}, tuned on the held-out part")
        parameters["length_penalty"] = best.length_penalty
        return Tuned(parameters, files)

    def summary(self, description: ModelDescription) -> str:
        """Return the summary of the model for its card."""
        data = description.data
        languages = " from {} to {}".format(*data.languages) if data and data.languages else ""
        pairs = ""
        if MEMORY in description.task_files:
            pairs = ".\nIt keeps the pairs that it was trained on, and whoever has it can read them"
        return f"translates sentences{languages}{pairs}"

    def preview(
        self, prepared: Prepared[TranslatorTraining], weights: "Mapping[str, Tensor]"
    ) -> str | None:
        """Show nothing: it writes no text of its own."""
        del prepared, weights
        return None


def _initialise_embeddings(trainable: TranslatorTraining, announce: Announce) -> None:
    """Initialise embeddings from co-occurrences of words and their translations."""
    pairs, encoder, decoder = trainable.pairs, trainable.model.encoder, trainable.model.decoder
    source, target = bilingual_embeddings(
        pairs.sources,
        pairs.targets,
        pairs.short_enough(),
        encoder.embedding.num_embeddings,
        decoder.embedding.num_embeddings,
        encoder.embedding.embedding_dim,
    )
    encoder.embedding.start_from(source)
    decoder.embedding.start_from(target)
    announce("embeddings: initialised from co-occurrence counts of words and their translations")


def _build_memory(
    trainable: TranslatorTraining, translator: Translator, threads: int, announce: Announce
) -> TranslationMemory:
    """Read the pairs once more, within a share of the time budget."""
    pairs, seconds, limit = trainable.pairs, math.inf, ""
    if trainable.settings.max_time is not None:
        seconds = MEMORY_SHARE * trainable.settings.max_time
        limit = f", for {format_duration(seconds)} at most"
    announce(f"memory: encoding the training pairs{limit}")
    rows = pairs.short_enough()
    return build_memory(translator.network, pairs.sources, pairs.targets, rows, threads, seconds)


def _is_better(
    tuned: TunedLengthPenalty,
    without: TunedLengthPenalty,
    memory: TranslationMemory,
    announce: Announce,
) -> bool:
    """Return whether translations are better with the memory, and say so."""
    is_better = tuned.bleu > without.bleu + BLEU_TOLERANCE
    announce(
        f"memory: with {len(memory):,} pairs {tuned.bleu:.1f} BLEU on the held-out part, "
        f"{without.bleu:.1f} without: {'kept' if is_better else 'not kept'}"
    )
    return is_better
