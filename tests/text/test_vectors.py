"""Files of word vectors in each format, and the vectors of a vocabulary."""

import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers

from rnncli.errors import DataError
from rnncli.text.static_models import read_static_model
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.vector_files import read_vectors
from rnncli.text.vectors import (
    LARGEST,
    MAX_DIM,
    STEP,
    Selection,
    WordVectors,
    add_words,
    coverage,
    prepare,
)

VECTORS = {
    "the": [0.5, -1.0, 0.25],
    "The": [9.0, 9.0, 9.0],  # an entry that folding makes the same word
    "soup": [1.0, 2.0, 3.0],
    "do": [1.0, 0.0, 0.0],
    "n't": [0.0, 1.0, 0.0],
    "café": [0.0, 0.125, -4.0],
    "new york": [7.0, 7.0, 7.0],  # no single word
    "ferry": [-1.0, 0.5, 0.0],
    "gull": [2.0, 0.0, 1.0],
}


def tokenizer(*texts: str) -> Tokenizer:
    return Tokenizer.train(
        texts or ["The soup isn't here; don't ask: café zzz"], "word", 99, fold=True
    )


def text_of(vectors: dict[str, list[float]], header: bool = False) -> str:
    lines = [f"{word} {' '.join(map(str, values))}" for word, values in vectors.items()]
    head = [f"{len(vectors)} 3"] if header else []
    return "\n".join([*head, *lines]) + "\n"


def binary_of(vectors: dict[str, list[float]], end: bytes = b"\n") -> bytes:
    rows = [
        word.encode() + b" " + np.array(values, "<f4").tobytes() + end
        for word, values in vectors.items()
        if " " not in word
    ]
    return f"{len(rows)} 3\n".encode() + b"".join(rows)


def write_glove(folder: Path) -> Path:
    path = folder / "glove.txt"
    path.write_text(text_of(VECTORS), encoding="utf-8")
    return path


def write_zip(folder: Path) -> Path:
    path = folder / "vectors.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("README.md", "about them")
        archive.writestr("vectors.vec", text_of(VECTORS, header=True).replace("\n", " \n"))
    return path


def write_bytes(name: str, content: bytes):
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    return write


FORMATS = {
    "GloVe": write_glove,
    "GloVe in gzip": write_bytes("glove.txt.gz", gzip.compress(text_of(VECTORS).encode())),
    "fastText in zip": write_zip,
    "word2vec as text": write_bytes("w2v.txt", text_of(VECTORS, header=True).encode()),
    "word2vec": write_bytes("w2v.bin", binary_of(VECTORS)),
    "word2vec without line ends": write_bytes("w2v.bin", binary_of(VECTORS, b"")),
}


@pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)
def test_every_format_gives_the_words_of_the_texts_and_the_most_frequent_others(tmp_path, write):
    backend = tokenizer()
    messages: list[str] = []
    selection = Selection(backend, backend.vocab_size + 1)
    words, vectors = read_vectors(write(tmp_path), selection, messages.append)
    found = dict(zip(words, vectors.tolist(), strict=True))
    assert found.pop("do") == VECTORS["do"]  # the parts of don't and isn't
    assert found.pop("n't") == VECTORS["n't"]
    assert found == {word: VECTORS[word] for word in ("the", "soup", "café", "ferry")}
    assert messages == []


def test_broken_lines_are_left_out_and_their_numbers_announced(tmp_path):
    lines = text_of(VECTORS).splitlines()
    lines[2] = "soup 1.0 2.0"
    lines[5] = "café 0.0 nan 1.0"
    lines[7] = "ferry 1.0 two 3.0"
    path = tmp_path / "glove.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    messages: list[str] = []
    words, _ = read_vectors(path, Selection(tokenizer(), 99), messages.append)
    assert not {"soup", "café", "ferry"} & set(words)
    assert {"the", "gull"} < set(words)
    assert messages == [f"{path}: 3 broken lines left out: 3, 6, 8"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("vectors.kv", b"\x80\x04", "pickle"),
        ("vectors.pkl", b"\x80\x04", "pickle"),
        ("model.bin", (793_712_314).to_bytes(4, "little") + bytes(50), "fastText"),
        ("w2v.bin", binary_of(VECTORS)[:60], "row 4 of 8"),
        ("vectors.txt.gz", gzip.compress(text_of(VECTORS).encode())[:-9], "cut|end|damaged"),
        ("notes.txt", b"these are no vectors\nat all\n", "no vector"),
        ("empty.txt", b"", "no vector"),
        ("huge.txt", b"3 99999\na 1\n", "99,999"),
    ],
)
def test_other_files_are_refused_with_a_hint(tmp_path, name, content, reason):
    path = write_bytes(name, content)(tmp_path)
    with pytest.raises(DataError, match=reason) as caught:
        read_vectors(path, Selection(tokenizer(), 99), print)
    assert caught.value.hint


def test_a_zip_without_vectors_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("photo.jpg", b"...")
    with pytest.raises(DataError, match=r"no file \.txt"):
        read_vectors(tmp_path / "a.zip", Selection(tokenizer(), 99), print)


def write_static_model(folder: Path) -> Path:
    """Write a folder as model2vec does, whose pieces are those of word pieces."""
    pieces = ["[UNK]", "the", "soup", "gull", "##s"]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    backend = Backend(models.WordPiece(vocab, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    folder.mkdir()
    backend.save(str(folder / "tokenizer.json"))
    embeddings = np.array([[0, 0], [1, 0], [0, 1], [4, 4], [2, 0]], np.float16)
    save_file({"embeddings": embeddings}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": "model2vec"}))
    return folder


def test_a_word_of_model2vec_is_the_mean_of_its_pieces(tmp_path):
    folder = write_static_model(tmp_path / "potion")
    words, vectors = read_static_model(folder, Selection(tokenizer("the gulls"), 99))
    found = dict(zip(words, vectors.tolist(), strict=True))
    assert found["gulls"] == [3, 2]
    assert found["the"] == [1, 0]
    assert found["soup"] == [0, 1]  # which the texts lack


def test_a_folder_that_is_none_of_model2vec_is_refused(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match=r"model\.safetensors"):
        read_static_model(tmp_path, Selection(tokenizer(), 99))


def test_vectors_are_centred_and_of_unit_variance():
    rng = np.random.default_rng(0)
    prepared = prepare(rng.normal(5, 3, (2_000, 8)).astype(np.float32)) * STEP
    assert np.abs(prepared.mean(0)).max() < 0.1
    assert abs(prepared.std() - 1) < 0.02
    assert np.abs(prepared).max() <= LARGEST * STEP


def test_of_long_vectors_the_leading_components_keep_the_distances():
    rng = np.random.default_rng(0)
    low = rng.normal(size=(300, 150)) @ rng.normal(size=(150, MAX_DIM + 40))  # 150 dimensions
    prepared = prepare(low.astype(np.float32)).astype(float)
    assert prepared.shape == (300, MAX_DIM)
    before = np.linalg.norm(low - low[0], axis=1)
    after = np.linalg.norm(prepared - prepared[0], axis=1)
    assert np.corrcoef(before, after)[0, 1] > 0.95


def test_words_are_added_after_those_of_the_texts_and_contractions_are_composed():
    vectors = WordVectors(
        ["the", "'s", "do", "n't", "gull"], np.arange(10, dtype=np.int8).reshape(5, 2), "x"
    )
    small = tokenizer("the soup don't")
    larger, values = add_words(small, vectors, small.vocab_size + 2)
    size = small.vocab_size
    assert [larger.token(i) for i in range(size)] == [small.token(i) for i in range(size)]
    assert [larger.token(i) for i in range(size, larger.vocab_size)] == ["do", "n't"]
    by_word = {larger.token(i): values[i].tolist() for i in range(len(values))}
    assert by_word["the"] == [0, 1]
    assert by_word["soup"] == [0, 0]
    assert by_word["don't"] == [5, 6]  # the mean of do and n't
    assert larger.encode("Do the soup") == [size, *small.encode("the soup")]


def test_coverage_counts_running_words():
    vectors = WordVectors(["the", "gull"], np.ones((2, 2), np.int8), "x")
    assert coverage(["The gull, the gull!", "42 zzz"], vectors) == 4 / 5


def test_vectors_are_read_as_they_were_written(tmp_path):
    vectors = WordVectors(["the", "café"], np.array([[1, -2], [127, 0]], np.int8), "mine")
    vectors.write(tmp_path / "v.safetensors")
    read = WordVectors.read(tmp_path / "v.safetensors")
    assert (list(read.words), read.source) == (["the", "café"], "mine")
    assert np.array_equal(read.values, vectors.values)
