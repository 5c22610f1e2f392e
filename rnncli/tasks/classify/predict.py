"""Label texts with a trained classifier."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnncli.analysis.calibration import combine
from rnncli.analysis.occlusion import Span, explain
from rnncli.networks.numerics import Floats, softmax
from rnncli.storage.reading import SavedModel
from rnncli.tasks.classify.ngrams import Bag, NGrams
from rnncli.tasks.predictor import Announce, TrainedModel
from rnncli.text.batching import batch_by_length, pad, split_long_text
from rnncli.text.special_tokens import EOS
from rnncli.text.tokenizer import Tokenizer

MAX_CHARACTERS = 10_000  # of a text read as a whole: bounds memory, and few texts are longer
PIECES = 32  # of a longer text, read side by side
BATCH_TOKENS = 32_768  # in one batch of inference, padding included: bounds memory
BATCH_TEXTS = 256  # in one batch of inference: what a step works on stays in the cache


@dataclass(frozen=True)
class Classification:
    """The label of a text, its probability, and those of all labels."""

    label: str
    probability: float
    probabilities: dict[str, float]


class TextClassifier(TrainedModel):
    """Label texts with a trained classifier."""

    task = "classify"

    def __init__(
        self, model: SavedModel, threads: int = 1, announce: Announce | None = None
    ) -> None:
        super().__init__(model, threads, announce)
        self._bag: Bag | None = None
        if model.config.known_ngrams:
            config = model.config
            ngrams = NGrams(
                config.word_ngrams,
                config.character_ngrams,
                config.words_apart,
                config.scaled_ngrams,
            )
            learned = [model.weights[f"bag.{name}"] for name in ("weight", "bias")]
            self._bag = Bag(ngrams, model.weights["bag.places"].astype(np.int64), *learned)
        calibration = model.info.get("calibration") or {"network": 1.0}
        names = ["network", "bag"] if self._bag else ["network"]
        self._weights = np.array([calibration[name] for name in names])

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the labels, in the order of the classes."""
        return tuple(self.info["labels"])

    @property
    def tokenizer(self) -> Tokenizer:
        """Return what cuts texts into the tokens that the networks read."""
        return self._tokenizer

    def explain(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return the words of each text with how much they speak for its label."""
        return explain(self, texts, self._say_once)

    def __call__(self, texts: Sequence[str]) -> list[Classification]:
        """Label each text; the order is kept.

        A text of more than ``MAX_CHARACTERS`` is read in pieces, whose probabilities are averaged.
        """
        results = []
        for row in softmax(self.logits(texts).astype(np.float64)):
            probabilities = dict(zip(self.labels, row.tolist(), strict=True))
            best = int(row.argmax())
            results.append(Classification(self.labels[best], float(row[best]), probabilities))
        return results

    def logits(self, texts: Sequence[str]) -> Floats:
        """Return the logits (N, C) of the texts; their softmax are calibrated probabilities."""
        logits = np.zeros((len(texts), len(self.labels)), np.float32)
        short = [i for i, text in enumerate(texts) if len(text) <= MAX_CHARACTERS]
        logits[short] = self._logits([texts[i] for i in short])
        for i in set(range(len(texts))) - set(short):
            self._say_once(
                f"texts of more than {MAX_CHARACTERS:,} characters are read in pieces, and the "
                "pieces' probabilities averaged"
            )
            logits[i] = self._pooled(split_long_text(texts[i], MAX_CHARACTERS))
        return logits

    def _pooled(self, pieces: Sequence[str]) -> Floats:
        """Return the logits (C,) of a text's pieces together; few are in memory at once."""
        total = np.zeros(len(self.labels))
        for start in range(0, len(pieces), PIECES):
            some = pieces[start : start + PIECES]
            lengths = np.array([[len(piece)] for piece in some])
            total += (softmax(self._logits(some).astype(np.float64)) * lengths).sum(0)
        result: Floats = np.log(total / sum(map(len, pieces))).astype(np.float32)
        return result

    def _logits(self, texts: Sequence[str]) -> Floats:
        encoded = [[*ids, EOS] for ids in self._tokenizer.encode_all(texts)]
        logits = np.zeros((len(encoded), len(self.labels)), np.float32)
        batches = batch_by_length(encoded, BATCH_TOKENS, BATCH_TEXTS)
        found = self._in_parallel(
            lambda rows: self._network.classify(*pad([encoded[row] for row in rows])), batches
        )
        for rows, some in zip(batches, found, strict=True):
            logits[rows] = some
        models = [logits] if self._bag is None else [logits, self._bag(texts)]
        return combine(np.stack(models), self._weights).astype(np.float32)
