"""What is tuned of a trained translator on held-out pairs, and kept of the training pairs."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from rnncli.data.values import column_values
from rnncli.messages import Announce, format_duration
from rnncli.storage.layout import MEMORY, REPLIES, TaskFiles
from rnncli.tasks.translate.build_memory import PairReader, build_memory
from rnncli.tasks.translate.confidence import Confidence
from rnncli.tasks.translate.fit_replies import MAX_HELD_OUT, MAX_QUESTIONS, fit_replies
from rnncli.tasks.translate.length_penalty import (
    BLEU_TOLERANCE,
    MAX_PAIRS,
    MIN_PAIRS,
    TunedLengthPenalty,
    tune_length_penalty,
)
from rnncli.tasks.translate.memory import TranslationMemory
from rnncli.tasks.translate.predict import Translator
from rnncli.tasks.translate.train import TranslatorTraining, sample_pairs
from rnncli.training.contract import TrainingData, Tuned

if TYPE_CHECKING:
    from datasets import Dataset

# Of the time after training; what is left is for a search with the memory, which is slower.
SEARCH_SHARE, MEMORY_SHARE = 0.2, 0.4


def tune(
    trainable: TranslatorTraining,
    data: TrainingData,
    translator: Translator,
    seconds: float,
    announce: Announce,
) -> Tuned:
    """Tune length penalty and confidence; keep a memory and frequent questions where they help."""
    tuned = _tune_search(trainable, data, translator, seconds, announce)
    if not trainable.settings.memory:
        return tuned
    train = _sides(sample_pairs(data.train, MAX_QUESTIONS))
    held_out = _sides(sample_pairs(data.validation, MAX_HELD_OUT))
    replies = fit_replies(train, held_out, translator, announce)
    if replies is None:
        return tuned
    return replace(tuned, files={**tuned.files, REPLIES: replies.write})


def _sides(pairs: "Dataset") -> tuple[list[str], list[str]]:
    sources, targets = (list(column_values(pairs, side)) for side in ("source", "target"))
    return sources, targets


def _tune_search(
    trainable: TranslatorTraining,
    data: TrainingData,
    translator: Translator,
    seconds: float,
    announce: Announce,
) -> Tuned:
    """Tune length penalty and confidence; keep a memory of the pairs if it improves BLEU."""
    sources, targets = _sides(sample_pairs(data.validation, MAX_PAIRS))
    without = best = tune_length_penalty(translator, sources, targets, SEARCH_SHARE * seconds)
    if without is None or best is None:
        if len(sources) >= MIN_PAIRS:
            announce("length penalty and memory: there was no time left to tune them")
        return Tuned()
    parameters: dict[str, float] = {}
    files: TaskFiles = {}
    if trainable.settings.memory:
        memory = _build_memory(trainable, translator, MEMORY_SHARE * seconds, announce)
        number = len(without.translations)  # the same ones, to compare
        tuned = tune_length_penalty(
            translator.with_memory(memory), sources[:number], targets[:number]
        )
        if tuned is not None and _is_better(tuned, without, memory, announce):
            best, parameters["length_penalty_alone"] = tuned, without.length_penalty
            files = {MEMORY: memory.write}
    announce(f"length penalty: {best.length_penalty:g}, tuned on the held-out part")
    parameters["length_penalty"] = best.length_penalty
    confidence = Confidence.fit(best.translations, targets[: len(best.translations)])
    parameters |= confidence.parameters()
    return Tuned(parameters, files)


def _build_memory(
    trainable: TranslatorTraining,
    translator: Translator,
    seconds: float,
    announce: Announce,
) -> TranslationMemory:
    """Encode as many pairs as there is time for."""
    pairs = trainable.pairs
    limit = "" if math.isinf(seconds) else f", for {format_duration(seconds)} at most"
    announce(f"memory: encoding the training pairs{limit}")
    rows = pairs.trainable_rows()
    reader = PairReader(translator.network, pairs.sources, pairs.targets, translator.threads)
    return build_memory(reader, rows, seconds)


def _is_better(
    tuned: TunedLengthPenalty,
    without: TunedLengthPenalty,
    memory: TranslationMemory,
    announce: Announce,
) -> bool:
    """Return whether the memory improves BLEU, and announce it."""
    is_better = tuned.bleu > without.bleu + BLEU_TOLERANCE
    announce(
        f"memory: with {len(memory):,} pairs {tuned.bleu:.1f} BLEU on the held-out part, "
        f"{without.bleu:.1f} without: {'kept' if is_better else 'not kept'}"
    )
    return is_better
