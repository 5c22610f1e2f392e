"""Translations: unknown words, prefixes, sentences, and repeated n-grams."""

import json
from itertools import pairwise, product
from pathlib import Path

import pytest
from models import pairs, train, translator, write_lines
from shell import call

from rnncli import Translator
from rnncli.config import SearchConfig

NAMES = [first + last for first, last in product(("Ba", "Do", "Fi", "Gu", "Ke"), "dlmnprst")]
PHRASES = {"{} sings now": "{} chante bien", "the dog sees {}": "le chien voit {}"}


@pytest.fixture(scope="module")
def of_words(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    """Return a translator of words, whose vocabulary has no names."""
    folder = tmp_path_factory.mktemp("words")
    rows = [f"{a.format(name)}\t{b.format(name)}" for a, b in PHRASES.items() for name in NAMES]
    data = write_lines(folder / "names.tsv", "english\tfrench", *rows)
    options = ("--level", "word", "--vocab-size", 15, "--hidden-size", 16, "--dropout", 0)
    learn = ("--steps", 150, "--batch-size", 16, "--learning-rate", 0.02, "--word-dropout", 0)
    return Translator.load(train(data, folder / "model", *options, *learn))


@pytest.mark.parametrize("name", ["Maren", "Dot", "Ölaf"])
@pytest.mark.parametrize("phrase", PHRASES)
def test_an_unknown_word_is_copied_from_the_source(
    phrase: str, name: str, of_words: Translator
) -> None:
    (output,) = of_words([phrase.format(name)])
    assert output.text == PHRASES[phrase].format(name)


def test_every_translation_begins_with_the_prefix() -> None:
    model = Translator.load(translator())
    for output in model(["the cat sleeps here", "a gull waits again"], prefix="une mouette"):
        assert output.text.startswith("une mouette ")
    longer = model(["the cat sleeps here. The cat sings."], prefix="la", split=True)
    assert longer[0].text.startswith("la ")


def test_sentences_of_a_text_are_translated_separately() -> None:
    model, parts = Translator.load(translator()), ["The cat sleeps here.", "A gull waits again."]
    (batched,) = model([" ".join(parts)], split=True)
    single = model(parts)
    assert batched.text == " ".join(output.text for output in single)
    mean = sum(output.score for output in single) / 2
    assert batched.score == pytest.approx(mean, abs=1e-7)  # sums of float32 in another order


def test_no_ngram_is_repeated_with_the_option() -> None:
    text = " ".join(["the cat sleeps"] * 9)
    options = ("--no-repeat-ngram", 1, "--no-split")
    words = call("translate", "-m", translator(), *options, text).lines[0].split()
    assert words and len(set(words)) == len(words)
    ((output, *_),) = Translator.load(translator()).nbest(
        [text], SearchConfig(no_repeat_ngram=2), split=False
    )
    words = output.text.split()
    found_pairs = list(pairwise(words))
    assert len(set(found_pairs)) == len(found_pairs)


def test_invalid_options_are_errors_with_a_hint() -> None:
    refused = call("translate", "-m", translator(), "--split", "--attention", "a gull")
    assert (refused.code, refused.lines) == (2, [])
    assert "leave --split out" in refused.err
    assert "--no-repeat-ngram is 0" in call("translate", "--no-repeat-ngram", 0, "a gull").err


def test_no_line_is_empty_and_none_is_lost(tmp_path: Path) -> None:
    lines = ["the cat sleeps", "", "?", "zzz " * 40, "本当？", " "]
    out = call(
        "translate", "-m", translator(), "-i", write_lines(tmp_path / "in.txt", *lines)
    ).lines
    assert len(out) == len(lines)
    assert [bool(line) for line in out] == [bool(line.strip()) for line in lines]


@pytest.mark.parametrize(("epochs", "dropout"), [(2, 0.05), (8, 0.15), (20, 0.3)])
def test_more_epochs_have_more_dropout(epochs: int, dropout: float, tmp_path: Path) -> None:
    model = tmp_path / "model"
    result = call("train", pairs(), "-o", model, "--hidden-size", 4, "--epochs", epochs)
    assert result.code == 0, result.err
    settings = json.loads((model / "config.json").read_text())["settings"]
    assert (settings["dropout"], settings["embedding_dropout"]) == (dropout, dropout)
    assert f"dropout {dropout}" in result.err
