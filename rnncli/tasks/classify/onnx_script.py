"""Label the lines of stdin with the ONNX model beside this file.

It needs onnxruntime, tokenizers and NumPy, and shows how texts are read: what to port, where the
model is to run elsewhere.
"""

import json
import re
import sys
import unicodedata
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Regex, Tokenizer
from tokenizers.pre_tokenizers import Split

FOLDER = Path(__file__).parent
EOS, MAX_CHARACTERS = 3, 10_000  # longer texts are cut
BEGIN, END, GAP = 2, 3, 1  # of a sequence, and between the two words of a skip-gram
WORD = re.compile(r"[぀-ヿ㐀-鿿]|\w+(?:['’]\w+)*|[^\w\s]")
OFFSET_BASIS, PRIME, MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1  # of FNV-1a


def hash_values(values: Sequence[int]) -> int:
    """Hash a sequence of values to 64 bits: FNV-1a, with the high bits mixed into the low ones."""
    hashed = OFFSET_BASIS
    for value in values:
        hashed = (hashed ^ value) * PRIME & MASK
        hashed ^= hashed >> 29
    return hashed


def ngrams(values: Sequence[int], orders: Sequence[int], max_skip: int = 0) -> set[int]:
    """Return the hashes of all n-grams of some orders, and of pairs with others between them."""
    hashes = {hash_values(values[i : i + n]) for n in orders for i in range(len(values) - n + 1)}
    for distance in range(2, max_skip + 1):
        pairs = zip(values, values[distance:], strict=False)
        hashes |= {hash_values([first, GAP, second]) for first, second in pairs}
    return hashes


def buckets(text: str, features: dict[str, Any]) -> list[int]:
    """Return the buckets of the n-grams of a text; -1, which is none, where there are none."""
    folded = " ".join(text.lower().split())
    pieces = [folded]
    if features["splits_unspaced"]:
        splitter = Split(Regex(features["unspaced"]), "isolated")
        pieces = [piece for piece, _ in splitter.pre_tokenize_str(folded)]
    words = [zlib.crc32(word.encode()) for word in WORD.findall(" ".join(pieces))]
    hashes: set[int] = set()
    if features["word_orders"]:
        hashes |= ngrams([BEGIN, *words, END], features["word_orders"], features["max_skip"])
    characters = [BEGIN, *map(ord, folded), END]
    hashes |= ngrams(characters, features["character_orders"])
    return sorted({hashed % features["buckets"] for hashed in hashes}) or [-1]


def main() -> None:
    """Print label, probability and text of each line."""
    description = json.loads((FOLDER / "classify.json").read_text(encoding="utf-8"))
    signs = {ord(sign): plain for sign, plain in description["plain_signs"].items()}
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    session = onnxruntime.InferenceSession(str(FOLDER / "model.onnx"))
    for line in sys.stdin:
        text = unicodedata.normalize("NFC", line.rstrip("\n"))[:MAX_CHARACTERS].translate(signs)
        tokens = [*tokenizer.encode(text, add_special_tokens=False).ids, EOS]
        inputs = {"tokens": np.array([tokens], np.int64)}
        if description["features"] is not None:
            inputs["buckets"] = np.array([buckets(text, description["features"])], np.int64)
        (probabilities,) = session.run(["probabilities"], inputs)
        best = int(probabilities[0].argmax())
        label, probability = description["labels"][best], probabilities[0, best]
        print(label, f"{probability:.4f}", line.rstrip("\n"), sep="\t")


if __name__ == "__main__":
    main()
