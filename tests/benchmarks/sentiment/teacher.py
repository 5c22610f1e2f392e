"""Fine-tune a sentence encoder to sentiment, and let it label texts for the bundled model.

A small recurrent network learns more from a large one's probabilities of many texts than from few
labels (Tang et al. 2019, section 3: whole texts, and spans of them). The teacher is MiniLM
(all-MiniLM-L6-v2, Apache 2.0), fine-tuned on the openly licensed texts and rnncli's own; it labels
these texts, spans of them, and sentences of Tatoeba (CC BY 2.0 FR). Needs `transformers`.

    python tests/benchmarks/sentiment/teacher.py --encoder MINILM_FOLDER labelled.csv

Classifiers of rnncli can teach beside it or instead of it, by the mean of the probabilities:

    python tests/benchmarks/sentiment/teacher.py --encoder MINILM_FOLDER --models MODEL labelled.csv
"""

import argparse
import csv
import gzip
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from grammar import sentences
from numpy.typing import NDArray
from torch import Tensor, nn

import rnncli
from rnncli.networks.numerics import softmax
from rnncli.training.device import choose_precision

CORPORA = Path(os.environ["RNNCLI_CORPORA"])
OWN = Path(__file__).parents[3] / "data" / "reviews.csv"
LABELS = ("negative", "neutral", "positive")
BATCH, MAX_TOKENS, WARM_UP = 32, 80, 100
LEARNING_RATES = {"encoder": 6e-5, "head": 1e-3}
GRAMMAR = 4_000  # sentences
# Spans of a text of each source: the more its label depends on words alone.
SPANS = {"films": 4, "products": 4, "reviews_uci": 3, "tweets": 2, "editorials": 2}
TATOEBA = 90_000  # sentences


class Teacher(nn.Module):
    """Classify the mean of an encoder's outputs."""

    def __init__(self, folder: str) -> None:
        from transformers import AutoModel, AutoTokenizer

        super().__init__()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.encoder = AutoModel.from_pretrained(folder)
        self.head = nn.Sequential(nn.Dropout(0.1), nn.Linear(384, len(LABELS)))
        self._bfloat16 = choose_precision("auto", "cpu") == "bfloat16"

    def forward(self, texts: Sequence[list[int]]) -> Tensor:
        """Return the logits (N, C) of encoded texts."""
        length = max(map(len, texts))
        tokens = torch.tensor([text + [0] * (length - len(text)) for text in texts])
        mask = torch.tensor([[1.0] * len(text) + [0.0] * (length - len(text)) for text in texts])
        # Where the processor has no instructions for it, bfloat16 takes twenty times as long.
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            outputs = self.encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        means = (outputs.float() * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        logits: Tensor = self.head(means)
        return logits

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text."""
        tokens: list[list[int]] = self.tokenizer(
            list(texts), truncation=True, max_length=MAX_TOKENS
        )["input_ids"]
        return tokens

    def fit(self, rows: Sequence[tuple[str, str]]) -> None:
        """Fine-tune for one epoch; the learning rate rises, then falls in a line."""
        torch.manual_seed(0)
        self.train()  # dropout: the encoder is loaded without
        rng = random.Random(0)
        encoded = self.encode([text for text, _ in rows])
        batches = batches_of_similar_length(encoded, rng)
        optimizer = torch.optim.AdamW(
            [
                {"params": getattr(self, part).parameters(), "peak": rate}
                for part, rate in LEARNING_RATES.items()
            ]
        )
        for step, batch in enumerate(batches):
            share = min((step + 1) / WARM_UP, (len(batches) - step) / (len(batches) - WARM_UP))
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * share
            targets = torch.tensor([LABELS.index(rows[i][1]) for i in batch])
            logits = self([encoded[i] for i in batch])
            loss = nn.functional.cross_entropy(logits, targets, label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), 1.0)
            optimizer.step()

    @torch.no_grad()
    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the probabilities (N, C) of texts."""
        self.eval()
        encoded = self.encode(texts)
        order = sorted(range(len(texts)), key=lambda i: len(encoded[i]))
        result = np.zeros((len(texts), len(LABELS)), np.float32)
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            result[batch] = self([encoded[i] for i in batch]).softmax(1).numpy()
        return result


def classifier_probabilities(name: str, texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the probabilities (N, C) that a classifier of rnncli gives to texts."""
    model = rnncli.load(name)
    assert isinstance(model, rnncli.TextClassifier)
    columns = [model.labels.index(label) for label in LABELS]
    return softmax(model.logits(texts).astype(np.float64))[:, columns]


def batches_of_similar_length(encoded: Sequence[list[int]], rng: random.Random) -> list[list[int]]:
    """Draw batches of texts that are about as long."""
    order = list(range(len(encoded)))
    rng.shuffle(order)
    batches = []
    for start in range(0, len(order), 50 * BATCH):
        near = sorted(order[start : start + 50 * BATCH], key=lambda i: len(encoded[i]))
        batches += [near[i : i + BATCH] for i in range(0, len(near), BATCH)]
    rng.shuffle(batches)
    return batches


def read_open() -> list[dict[str, str]]:
    """Read the openly licensed texts: text, label, source."""
    with gzip.open(CORPORA / "open_sentiment" / "train.csv.gz", "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_own() -> list[tuple[str, str]]:
    """Read the texts and labels of the bundled reviews."""
    with OWN.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


def read_tatoeba(rng: random.Random) -> list[str]:
    """Draw English sentences of Tatoeba."""
    drawn = set()
    for name in ("tatoeba_en_fr", "tatoeba_en_ja"):
        with gzip.open(CORPORA / name / "train.tsv.gz", "rt", encoding="utf-8") as file:
            drawn |= {line.split("\t")[0].strip() for line in file}
    return rng.sample(sorted(drawn), TATOEBA)


def spans(text: str, count: int, rng: random.Random) -> Iterator[str]:
    """Draw spans of 3 to 18 words of a text of 6 or more."""
    words = text.split()
    for _ in range(count if len(words) > 5 else 0):
        length = rng.randint(3, min(18, len(words) - 1))
        start = rng.randint(0, len(words) - length)
        yield " ".join(words[start : start + length])


def unlabelled() -> dict[str, str]:
    """Return the texts to label, each with its kind."""
    rng = random.Random(0)
    texts = {text: "own" for text, _ in read_own()}
    texts |= {row["text"]: "open" for row in read_open()}
    for row in read_open():
        for span in spans(row["text"], SPANS.get(row["source"], 1), rng):
            texts.setdefault(span, "span")
    for text, _ in read_own():
        for span in spans(text, 1, rng):
            texts.setdefault(span, "span")
    for text in read_tatoeba(rng):
        texts.setdefault(text, "tatoeba")
    return texts


def encoder_probabilities(folder: str, texts: Sequence[str]) -> NDArray[np.float32]:
    """Fine-tune an encoder, and return the probabilities (N, C) that it gives to texts."""
    teacher = Teacher(folder)
    labelled = [(row["text"], row["label"]) for row in read_open()]
    teacher.fit([*labelled, *read_own(), *sentences(GRAMMAR)])
    return teacher.probabilities(texts)


def main() -> None:
    """Write texts with the mean of the probabilities that the teachers give to their labels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", help="the folder of a MiniLM, which is fine-tuned")
    parser.add_argument("--models", nargs="+", default=[], help="classifiers of rnncli")
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    texts = unlabelled()
    answers = [classifier_probabilities(name, list(texts)) for name in arguments.models]
    if arguments.encoder is not None:
        answers.append(encoder_probabilities(arguments.encoder, list(texts)).astype(np.float64))
    probabilities = np.mean(answers, axis=0)
    with arguments.output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("kind", "text", *LABELS))
        for (text, kind), row in zip(texts.items(), probabilities, strict=True):
            writer.writerow((kind, text, *(f"{value:.3f}" for value in row)))


if __name__ == "__main__":
    main()
