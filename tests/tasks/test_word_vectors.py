"""Classifiers with word vectors: words that the training data lacks, and what is announced."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from models import _folder, classifier, reviews, story, write_lines
from shell import call, explained, rnncli

from rnncli.storage.reading import load
from rnncli.tasks.classify.predict import TextClassifier

SMALL = ("--hidden-size", 16, "--embedding-dim", 4, "--precision", "float32", "--no-ngrams")
QUICK = ("--steps", 50, "--learning-rate", 0.02, "--dropout", 0)
GOOD, BAD = ("lovely", "favourite", "warm", "bright"), ("dreadful", "cold", "dull", "broke")
NEW_GOOD, NEW_BAD = ("splendid", "delightful"), ("awful", "horrid")


def write_vectors(path: Path, dim: int = 8) -> Path:
    """Write vectors of which the first value tells good words from bad ones."""
    rng = np.random.default_rng(0)
    lines = []
    for words, value in (((*GOOD, *NEW_GOOD), 3.0), ((*BAD, *NEW_BAD), -3.0), (("the", "was"), 0)):
        for word in words:
            values = [value, *rng.normal(0, 0.1, dim - 1)]
            lines.append(f"{word} {' '.join(f'{x:.4f}' for x in values)}")
    return write_lines(path, *lines)


@cache
def model() -> Path:
    """Return a classifier with word vectors that all tests share."""
    vectors = write_vectors(_folder() / "vectors.txt")
    place = _folder() / "with-vectors"
    options = ("--vectors", vectors, "--word-dropout", 0.5)
    result = call("train", reviews(), "-o", place, *SMALL, *QUICK, *options)
    assert result.code == 0, result.err
    assert f"word vectors: {vectors}, of 10 of the" in result.err
    assert "and of 4 other words" in result.err
    return place


def test_words_that_the_training_data_lacks_are_known_by_their_vectors() -> None:
    classifier = TextClassifier(load(model()))
    for label, words in (("good", NEW_GOOD), ("bad", NEW_BAD)):
        answers = classifier([f"the soup was {word}" for word in words])
        assert [answer.label for answer in answers] == [label, label]


def test_another_process_answers_the_same() -> None:
    texts = ["the soup was splendid", "the map was Horrid", "zzz", ""]
    here = [r.probabilities["good"] for r in TextClassifier(load(model()))(texts)]
    there = rnncli("classify", "-m", model(), stdin="\n".join(texts).encode() + b"\n")
    assert there.code == 0, there.err
    for line, probability in zip(there.lines[:2], here[:2], strict=True):
        label, shown, _ = line.split("\t")
        assert float(shown) == pytest.approx(max(probability, 1 - probability), abs=0.01)
        assert label == ("good" if probability > 0.5 else "bad")


def test_the_model_tells_where_its_vectors_come_from() -> None:
    card = (model() / "README.md").read_text("utf-8")
    assert "Word vectors, frozen: " in card
    assert "vectors.txt, licence: not stated" in card


def test_a_training_from_it_takes_its_vectors_and_weights(tmp_path: Path) -> None:
    still = ("--steps", 1, "--learning-rate", 1e-12, "--dropout", 0, "--no-ngrams")
    result = call("train", reviews(), "-o", tmp_path / "m", "--init-from", model(), *still)
    assert result.code == 0, result.err
    assert "; new" not in result.err
    before, after = load(model()), load(tmp_path / "m")
    assert before.description.architecture == after.description.architecture
    for name, weight in before.weights.items():
        np.testing.assert_allclose(after.weights[name], weight, atol=1e-3)


def test_pretraining_goes_with_vectors(tmp_path: Path) -> None:
    vectors = write_vectors(tmp_path / "vectors.txt")
    options = ("--unlabelled", story(), "--vectors", vectors, "--steps", 3)
    result = call("train", reviews(), "-o", tmp_path / "m", *SMALL, *options)
    assert result.code == 0, result.err
    assert load(tmp_path / "m").description.architecture.front.vectors_dim == 8


def test_english_vectors_are_taken_for_english_texts_alone(tmp_path: Path) -> None:
    data = write_lines(
        tmp_path / "avis.csv",
        "text,label",
        *[f"{qui} {fait} beaucoup aujourd'hui,{fait}" for qui in ("Le boulanger", "Mon frère",
          "Une mouette", "Le capitaine") for fait in ("chante", "mange")],
    )  # fmt: skip
    result = call("train", data, "-o", tmp_path / "fr", *SMALL, "--steps", 2)
    assert "word vectors: none, since the English ones know" in result.err
    assert load(tmp_path / "fr").description.architecture.front.vectors_dim == 0
    result = call("train", reviews(), "-o", tmp_path / "en", *SMALL, "--steps", 2)
    assert "word vectors: english, of" in result.err
    model = load(tmp_path / "en")
    assert model.description.architecture.front.vectors_dim > 0
    assert "PDDL" in (tmp_path / "en" / "README.md").read_text("utf-8")
    assert sum(file.stat().st_size for file in (tmp_path / "en").iterdir() if file.is_file()) < 8e6
    assert load(classifier()).description.architecture.front.vectors_dim == 0  # --vectors none


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        (["--vectors", "nowhere.txt"], 1, "there are no word vectors nowhere.txt"),
        (["--vectors", "mine.kv"], 1, "pickle"),
        (["--vectors", "english", "--level", "char"], 2, "is for words"),
    ],
)
def test_vectors_that_cannot_be_used_are_refused(
    tmp_path: Path, options: list[str], code: int, reason: str
) -> None:
    result = call("train", reviews(), "-o", tmp_path / "m", *options)
    explained(result, code, reason)
    assert not (tmp_path / "m").exists()


def test_vectors_are_for_classifiers(tmp_path: Path) -> None:
    result = call("train", story(), "-o", tmp_path / "m", "--vectors", "english")
    explained(result, 2, "for the task classify")


def test_vectors_are_downloaded_from_the_hub(hub: Path, tmp_path: Path) -> None:
    (hub / "org/vectors").mkdir()
    write_vectors(hub / "org/vectors/vectors.vec")
    (hub / "org/vectors/README.md").write_text("---\nlicense: cc0-1.0\n---\n# Vectors\n")
    (hub / "org/empty").mkdir()
    train = ("train", reviews(), "-o", tmp_path / "m", *SMALL, "--steps", 2)
    result = call(*train, "--vectors", "hf:org/vectors")
    assert result.code == 0, result.err
    card = (tmp_path / "m/README.md").read_text("utf-8")
    assert "Word vectors, frozen: hf:org/vectors, licence: cc0-1.0." in card
    for name, reason in (("nothing", "has no model"), ("empty", "no file of word vectors")):
        explained(call(*train, "--force", "--vectors", f"hf:org/{name}"), 1, reason)
