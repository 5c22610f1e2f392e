"""Answers that recur in the training pairs, found by the questions that had them.

Whoever asks a frequent question in other words wants the same answer, to the letter. Least squares
with an L2 penalty predicts the answer from the similarities of a question to those of training
(kernel ridge regression: Saunders et al. 1998). Similarity is the mean of two cosines: of n-grams
of characters, weighted by tf-idf, and of the mean vectors of the words.

Shapes: M texts, N training questions, A answers, D values of a word vector.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.analysis.calibration import logistic
from rnncli.data.corpora import bundled_file
from rnncli.data.encoded import EncodedTexts
from rnncli.errors import ModelError
from rnncli.networks.numerics import Floats, Ints, unit_vectors
from rnncli.storage.layout import DAMAGED, require_digest
from rnncli.storage.tensors import TensorFile, TensorSpec, write_tensors
from rnncli.tasks.translate.retrieval import SimilarTexts
from rnncli.text.files import sha256
from rnncli.text.sentences import clean
from rnncli.text.unicode import plain_signs
from rnncli.text.vectors import ENGLISH_FILE, MIN_COVERAGE, WordVectors, coverage, running_words

TRIGRAM_FACTOR = 1_000_003  # a prime near the number of characters that there are


@dataclass(frozen=True)
class Questions:
    """The training questions, and how similar texts are to them."""

    texts: Sequence[str]
    vectors: WordVectors | None  # None: the questions are in no language that has vectors

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Questions":
        """Return questions, with the English word vectors where they suit."""
        vectors = WordVectors.read(bundled_file(ENGLISH_FILE))
        return cls(texts, vectors if coverage(texts, vectors) >= MIN_COVERAGE else None)

    def similarity(self, texts: Sequence[str]) -> NDArray[np.floating[Any]]:
        """Return the similarity (M, N) of texts to the questions."""
        by_ngrams = np.stack([self._index.similarity(_trigrams(text)) for text in texts])
        if self.vectors is None:
            return by_ngrams
        means, (centre, unit) = _mean_vectors(texts, self.vectors), self._centred
        by_ngrams += unit_vectors(means - centre) @ unit.T
        by_ngrams /= 2
        return by_ngrams

    @cached_property
    def _index(self) -> SimilarTexts:
        trigrams = list(map(_trigrams, self.texts))
        offsets = np.cumsum([0, *map(len, trigrams)])
        return SimilarTexts.of(EncodedTexts(np.concatenate(trigrams), offsets))

    @cached_property
    def _centred(self) -> tuple[Floats, Floats]:
        """The mean of the questions' vectors (D,), and these less it (N, D), of length 1."""
        assert self.vectors is not None
        means = _mean_vectors(self.texts, self.vectors)
        centre: Floats = means.mean(0)
        return centre, unit_vectors(means - centre)


@dataclass(frozen=True)
class Reply:
    """An answer, and the probability that it is the right one."""

    answer: str
    confidence: float
    is_near: bool  # enough to be given


@dataclass(frozen=True)
class Replies:
    """The answers to frequent questions.

    Of a text, the log-odds that the answer with the highest score is right are linear in the score.
    """

    questions: Questions
    answers: Sequence[str]
    rows: Ints  # (N,) the answer of each question
    dual: Floats  # (N, A) weights of the similarities
    intercept: float  # of the log-odds
    slope: float
    min_score: float = 0.0  # of an answer that is given; else the network writes

    def __call__(self, text: str, number: int = 1) -> list[Reply]:
        """Return the ``number`` likeliest answers to a text, best first."""
        scores = self.scores([text])[0]  # (A,)
        best = np.argsort(-scores, kind="stable")[:number]
        confidences = logistic(self.intercept + self.slope * scores[best])
        return [
            Reply(self.answers[i], p, is_near)
            for i, p, is_near in zip(
                best, confidences.tolist(), scores[best] >= self.min_score, strict=True
            )
        ]

    def scores(self, texts: Sequence[str]) -> NDArray[np.floating[Any]]:
        """Return the score of each answer to each text (M, A)."""
        similarity = self.questions.similarity(list(map(clean, texts)))
        scores: NDArray[np.floating[Any]] = similarity @ self.dual
        return scores

    def nearest_question(self, text: str, answer: str) -> str:
        """Return the training question with this answer that is most similar to a text."""
        similarity = self.questions.similarity([clean(text)])[0]
        similarity[self.rows != self.answers.index(answer)] = -np.inf
        return self.questions.texts[int(similarity.argmax())]

    def write(self, path: Path) -> None:
        """Write the questions and answers to a file atomically."""
        has_vectors = self.questions.vectors is not None
        write_tensors(
            path,
            {
                "questions": _bytes_of(self.questions.texts),
                "answers": _bytes_of(self.answers),
                "rows": self.rows.astype(np.int32),
                "dual": self.dual.astype(np.float16),
                "confidence": np.array([self.intercept, self.slope, self.min_score], np.float32),
            },
            {"vectors": sha256(bundled_file(ENGLISH_FILE))} if has_vectors else {},
        )

    @classmethod
    def read(cls, file: TensorFile) -> "Replies":
        """Read questions and answers from a file.

        Raises:
            ModelError: the file is damaged, or was made with other word vectors.

        """
        texts = TensorSpec((None,), ("U8",))
        tensors = file.read(
            {
                "questions": texts,
                "answers": texts,
                "rows": TensorSpec((None,), ("I32",)),
                "dual": TensorSpec((None, None)),
                "confidence": TensorSpec((3,), ("F32",)),
            }
        )
        questions, answers = (_texts_of(tensors[name]) for name in ("questions", "answers"))
        rows, dual = tensors["rows"], tensors["dual"]
        fits = dual.shape == (len(questions), len(answers)) and len(rows) == len(questions)
        if not (fits and 0 <= rows.min() <= rows.max() < len(answers)):
            raise ModelError(f"{file.path} is damaged: its parts do not fit together", DAMAGED)
        vectors = None
        if digest := file.read_metadata().get("vectors"):
            vectors = WordVectors.read(require_digest(bundled_file(ENGLISH_FILE), digest))
        known = Questions(questions, vectors)
        return cls(known, answers, rows, dual, *tensors["confidence"].tolist())


def _trigrams(text: str) -> NDArray[np.int64]:
    """Return the trigrams of characters in a text, as numbers.

    As tokens, whose unigrams and bigrams are indexed, they stand for trigrams and four-grams.
    """
    folded = f" {' '.join(plain_signs(text).lower().split())}  "
    code = np.frombuffer(folded.encode("utf-32-le", "replace"), np.uint32).astype(np.int64)
    return (code[:-2] * TRIGRAM_FACTOR + code[1:-1]) * TRIGRAM_FACTOR + code[2:]


def _mean_vectors(texts: Sequence[str], vectors: WordVectors) -> Floats:
    """Return the mean of the vectors of each text's words (M, D); zeros where none is known."""
    means = np.zeros((len(texts), vectors.values.shape[1]), np.float32)
    for mean, text in zip(means, texts, strict=True):
        rows = [
            vectors.values[found].mean(0) for w in running_words(text) if (found := vectors.find(w))
        ]
        if rows:
            mean[:] = np.mean(rows, 0)
    return means


def _bytes_of(texts: Sequence[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(texts).encode(), np.uint8)


def _texts_of(array: NDArray[np.uint8]) -> list[str]:
    return array.tobytes().decode("utf-8", "replace").split("\n")
