"""Evaluate a generator: the loss on a running text, in several units."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rnncli.analysis import metrics
from rnncli.messages import Announce
from rnncli.tasks.evaluation import ScoringSettings
from rnncli.tasks.evaluation_data import EvaluationData
from rnncli.tasks.generate.continuous_cache import ContinuousCache, read_parameters
from rnncli.tasks.generate.control_codes import training_texts
from rnncli.tasks.generate.predict import TextGenerator


@dataclass(frozen=True)
class TextScores:
    """The loss on a text, in several units."""

    bits_per_character: float
    nats_per_character: float
    nats_per_token: float
    perplexity_per_token: float
    perplexity_per_word: float

    @classmethod
    def of_loss(cls, nats: float, tokens: int, characters: int, words: int) -> "TextScores":
        """Convert a loss in nats a token."""
        total = nats * tokens
        return cls(
            metrics.bits(total / characters),
            total / characters,
            nats,
            metrics.perplexity(nats),
            metrics.perplexity(total / max(words, 1)),
        )


NAMES = tuple(TextScores.__dataclass_fields__)


@dataclass(frozen=True)
class GeneratorReport:
    """The scores of a generator."""

    network: TextScores
    with_cache: TextScores | None  # interpolated with a continuous cache, if the model has one
    characters: int
    tokens: int
    words: int  # between spaces; each newline is one, too
    mistakes = None

    def to_dict(self) -> dict[str, Any]:
        """Return all scores by their names: those of the network, then those with a cache."""
        sizes = {"characters": self.characters, "tokens": self.tokens, "words": self.words}
        scores: dict[str, Any] = sizes | asdict(self.network)
        return scores | ({} if self.with_cache is None else {"with_cache": asdict(self.with_cache)})


class GeneratorScorer:
    """Score a generator by its loss on a running text."""

    needs_training_data = False

    def __init__(self, path: Path, settings: ScoringSettings, announce: Announce) -> None:
        """Read the model.

        Raises:
            ModelError: there is no such model.

        """
        self._model = TextGenerator.load(path, threads=settings.threads, announce=announce)
        parameters = self._model.cache_parameters
        self._cache = ContinuousCache(read_parameters(parameters)) if parameters else None
        self._window = settings.window
        self.names: Sequence[str] = [*NAMES, "characters", "tokens", "words"]
        if self._cache is not None:
            self.names = [*self.names, *(f"with_cache.{name}" for name in NAMES)]

    def score(self, data: EvaluationData) -> GeneratorReport:
        """Score the model on the texts, one after the other as a running text.

        Raises:
            DataError: the text is too short.

        """
        network = cached = 0.0  # nats
        targets = 0
        for part in self._model.predictions(training_texts(data.rows), self._window):
            network += part.nats().sum(dtype=np.float64)
            targets += len(part.targets)
            if self._cache is not None:
                mixed = replace(part, log_p=self._cache(part))
                cached += mixed.nats().sum(dtype=np.float64)
        characters = words = 0
        for text in training_texts(data.rows):
            characters += len(text)
            words += len(text.split()) + text.count("\n")
        sizes = (targets + 1, characters, words)  # the first token is not predicted, but counts
        return GeneratorReport(
            TextScores.of_loss(network / targets, *sizes),
            None if self._cache is None else TextScores.of_loss(cached / targets, *sizes),
            characters,
            targets + 1,
            words,
        )
