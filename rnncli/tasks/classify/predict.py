"""Label texts with a trained classifier."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from rnncli.analysis.calibration import combine
from rnncli.messages import Announce, name_list, plural
from rnncli.networks.model_numpy import SequenceClassifier
from rnncli.networks.numerics import Floats, softmax
from rnncli.storage.layout import NGRAMS
from rnncli.storage.reading import SavedModel
from rnncli.tasks.classify.abstention import ABSTAIN_LABEL, Abstention
from rnncli.tasks.classify.ngrams import NgramModel
from rnncli.tasks.predictor import Predictor
from rnncli.text.arguments import as_texts
from rnncli.text.batching import pad, split_long_text
from rnncli.text.special_tokens import EOS
from rnncli.text.unicode import plain_signs

if TYPE_CHECKING:
    from rnncli.analysis.occlusion import Span

MAX_CHARACTERS = 10_000  # of a text read as a whole: bounds memory; few are longer
PIECES = 32  # of a longer text, in one batch
BATCH_TOKENS = 32_768  # padding included: bounds memory
BATCH_TEXTS = 256  # the state of a step stays in the cache of the processor
MAX_LISTED = 6  # labels in the representation


@dataclass(frozen=True)
class Classification:
    """The label of a text, and its probability.

    Where the classifier abstains, ``label`` is the abstain label, and ``probability`` that of the
    best label.
    """

    label: str
    probability: float
    probabilities: dict[str, float]  # of all labels
    abstained: bool = False


class TextClassifier(Predictor[SequenceClassifier]):
    """Label texts with a trained classifier."""

    task = "classify"
    network_class = SequenceClassifier

    def __init__(
        self, model: SavedModel, threads: int = 1, announce: Announce | None = None
    ) -> None:
        super().__init__(model, threads, announce)
        self.ngrams: NgramModel | None = None
        if (file := model.task_files.get(NGRAMS)) is not None:
            self.ngrams = NgramModel.read(file, len(self.labels))
        names = ["network"] if self.ngrams is None else ["network", "ngrams"]
        weights = model.require_tuned(set(names))
        if not weights and self.ngrams is not None:
            raise model.damaged("the weights of network and n-grams are missing")
        self.member_weights = np.array([weights.get(name, 1.0) for name in names])

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the labels, in the order of the classes."""
        return self.description.labels

    def _properties(self) -> list[str]:
        names = name_list(self.labels, MAX_LISTED)
        return [f"{plural(len(self.labels), 'label')} ({names})", *super()._properties()]

    def explain(self, texts: Iterable[str]) -> "list[list[Span]]":
        """Score the words of each text by their evidence for its label."""
        from rnncli.analysis.occlusion import explain  # few calls need it

        return explain(self, texts, self._announce_once)

    def __call__(
        self,
        texts: Iterable[str],
        *,
        threshold: float | Literal["auto"] | None = None,
        abstain_label: str = ABSTAIN_LABEL,
    ) -> list[Classification]:
        """Label the texts, in their order.

        A text of more than ``MAX_CHARACTERS`` is read in pieces, whose probabilities are averaged.
        Where the best label is less probable than ``threshold``, ``abstain_label`` replaces it;
        ``"auto"`` is 2/3, below which labels are wrong more than once in three.

        Raises:
            InputError: ``texts`` is no list of texts.
            ConfigError: the threshold is no probability.

        """
        abstention = None if threshold is None else Abstention.of(threshold, abstain_label)
        results = []
        for row in softmax(self.logits(texts).astype(np.float64)):
            probabilities = dict(zip(self.labels, row.tolist(), strict=True))
            best = int(row.argmax())
            label, probability = self.labels[best], float(row[best])
            abstains = abstention is not None and probability < abstention.threshold
            if abstention is not None and abstains:
                label = abstention.label
            results.append(Classification(label, probability, probabilities, abstains))
        return results

    def logits(self, texts: Iterable[str]) -> Floats:
        """Return the logits (N, C) of the texts; their softmax are calibrated probabilities.

        Raises:
            InputError: ``texts`` is no list of texts.

        """
        texts = as_texts(texts)
        logits = np.zeros((len(texts), len(self.labels)), np.float32)
        short = [i for i, text in enumerate(texts) if len(text) <= MAX_CHARACTERS]
        logits[short] = self._logits([texts[i] for i in short])
        for i in set(range(len(texts))) - set(short):
            self._announce_once(
                f"texts of more than {MAX_CHARACTERS:,} characters are read in pieces, and the "
                "pieces' probabilities averaged"
            )
            logits[i] = self._logits_of_pieces(split_long_text(texts[i], MAX_CHARACTERS))
        return logits

    def _logits_of_pieces(self, pieces: Sequence[str]) -> Floats:
        """Return the logits (C,) of a text from the mean probabilities of its pieces."""
        total = np.zeros(len(self.labels))
        for start in range(0, len(pieces), PIECES):
            batch = pieces[start : start + PIECES]
            lengths = np.array([[len(piece)] for piece in batch])
            total += (softmax(self._logits(batch).astype(np.float64)) * lengths).sum(0)
        result: Floats = np.log(total / sum(map(len, pieces))).astype(np.float32)
        return result

    def member_logits(self, texts: Sequence[str]) -> Floats:
        """Return the logits (K, N, C) of the network and, where there is one, the n-gram model."""
        encoded = [[*ids, EOS] for ids in self.tokenizer.encode_all(map(plain_signs, texts))]
        rows = self._map_batches(
            lambda rows: self._network.classify(*pad([encoded[row] for row in rows])),
            encoded,
            BATCH_TOKENS,
            BATCH_TEXTS,
        )
        logits = np.array(rows, np.float32).reshape(len(encoded), len(self.labels))
        models = [logits] if self.ngrams is None else [logits, self.ngrams(texts)]
        return np.stack(models)

    def _logits(self, texts: Sequence[str]) -> Floats:
        return combine(self.member_logits(texts), self.member_weights).astype(np.float32)
