"""The memory of a translator: retrieval, interpolation, training, and its file."""

import json
import math
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import SMALL, train, translator, write_lines
from safetensors.numpy import load_file, save_file
from shell import call

from rnncli import Translator
from rnncli.config import SearchConfig
from rnncli.data.encoded import EncodedTexts
from rnncli.errors import ModelError
from rnncli.networks.numerics import log_softmax, unit_vectors
from rnncli.storage.layout import MEMORY
from rnncli.storage.reading import load
from rnncli.tasks.translate.build_memory import PCA_SAMPLE, PairReader, build_memory
from rnncli.tasks.translate.external_memory import read_memory
from rnncli.tasks.translate.memory import (
    INTERPOLATION,
    MAX_PAIRS,
    MAX_TOKENS,
    RetrievalDecoder,
    RetrievalState,
    TranslationMemory,
)
from rnncli.text.special_tokens import BOS, EOS
from rnncli.text.tokenizer import Tokenizer

REPETITIONS = 8
WITHOUT_MEMORY = SearchConfig(memory=False)
SENTENCES = ["the cat sings today", "a gull waits here", "my brother laughs again"]
# The network, which has learned each word, translates otherwise.
PAIRS = {
    "the cat sings today": "une mouette dort encore",
    "a gull waits here": "le chat mange encore",
}


def encoded(tokenizer: Tokenizer, texts: Iterable[str]) -> EncodedTexts:
    tokens = [[*tokenizer.encode(text), EOS] for text in texts]
    offsets = np.cumsum([0, *map(len, tokens)])
    return EncodedTexts(np.concatenate(tokens).astype(np.uint16), offsets)


def with_memory(folder: Path, pairs: list[tuple[str, str]]) -> Path:
    """Return a copy of a small translator, with a memory of these pairs."""
    model = shutil.copytree(translator(), folder / "model", dirs_exist_ok=True)
    saved = load(translator())
    sources, targets = zip(*pairs, strict=True)
    reader = PairReader(
        saved.network,
        encoded(saved.tokenizer, sources),
        encoded(saved.target_tokenizer, targets),
        threads=1,
    )
    memory = build_memory(reader, np.arange(len(pairs)), seconds=math.inf)
    memory.write(model / MEMORY)
    config = model / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"task_files": [MEMORY]}))
    return model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a translator with a memory of two unusual translations."""
    return with_memory(tmp_path_factory.mktemp("memory"), REPETITIONS * list(PAIRS.items()))


def test_translations_in_the_memory_are_reproduced(model):
    actual = Translator.load(model)(list(PAIRS))
    assert [one.text for one in actual] == list(PAIRS.values())
    single = Translator.load(model)(list(PAIRS), WITHOUT_MEMORY)
    assert [one.text for one in single] != list(PAIRS.values())


def test_the_command_uses_the_memory_unless_switched_off(model):
    text = next(iter(PAIRS))
    assert call("translate", "-m", model, text).lines == [PAIRS[text]]
    (single,) = call("translate", "-m", model, "--no-memory", text).lines
    assert single == call("translate", "-m", translator(), text).lines[0]
    with_json = call("translate", "-m", model, "--json", text).lines[0]
    assert json.loads(with_json)["translation"] == PAIRS[text]


def test_pairs_of_a_person_are_looked_up_and_cached(tmp_path):
    text, target = next(iter(PAIRS.items()))
    pairs = write_lines(
        tmp_path / "pairs.tsv",
        "english\tfrench",
        *REPETITIONS * ["\t".join(pair) for pair in PAIRS.items()],
    )
    words = ("translate", "-m", translator(), text, "--memory")
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    first, second = (call(*words, pairs, env=env) for _ in range(2))
    assert first.lines == second.lines == [target]
    assert f"{len(PAIRS) * REPETITIONS} pairs of" in first.err and "pairs of" not in second.err
    assert len(list((tmp_path / "cache" / "rnncli" / "memories").iterdir())) == 1
    assert "there is no file" in call(*words, tmp_path / "none.tsv").err
    line, match = call(*words, pairs, "--show-memory", env=env).lines
    assert (line, match) == (target, f"  {target}: {text} = {target}")
    shown = json.loads(call(*words, pairs, "--show-memory", "--json", env=env).lines[0])
    assert shown["memory"] == [{"phrase": target, "source": text, "target": target}]
    assert "no memory to show" in call(*words[:-1], "--show-memory").err
    assert "exclude each other" in call(*words, pairs, "--no-memory").err


def test_pairs_of_a_person_are_looked_up_beside_those_of_the_model(tmp_path):
    own, of_model = PAIRS.items()
    model = with_memory(tmp_path, REPETITIONS * [of_model])
    rows = REPETITIONS * ["\t".join(own)]
    pairs = write_lines(tmp_path / "pairs.tsv", "english\tfrench", *rows)
    options = ("-m", model, "--memory", pairs, "--show-memory")
    result = call("translate", *options, *PAIRS, env={"XDG_CACHE_HOME": str(tmp_path)})
    assert "beside the 8 pairs that the model keeps" in result.err
    assert result.lines == [line for x, y in PAIRS.items() for line in (y, f"  {y}: {x} = {y}")]


def test_pairs_of_a_person_are_read_when_they_are_retrieved(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = Translator.load(translator())
    numbers = range(PCA_SAMPLE // len(PAIRS) + 200)
    pairs = [(f"{x} {n}", f"{y} {n}") for n in numbers for x, y in PAIRS.items()]
    file = write_lines(tmp_path / "pairs.tsv", "english\tfrench", *map("\t".join, pairs))
    texts = [f"{text} {numbers[-1]}" for text in PAIRS]

    def read() -> TranslationMemory:
        return read_memory(model, [file], print)

    lazy = read()
    assert np.count_nonzero(~lazy.keys.any(1)) > 1_000  # tokens of pairs beyond the sample
    sides = lazy.sources, lazy.targets
    eager = build_memory(PairReader(model.network, *sides, 1), np.arange(len(pairs)), math.inf)
    expected = model.with_memory(replace(eager, interpolation=lazy.interpolation))(texts)
    first, second = model.with_memory(lazy)(texts), model.with_memory(read())(texts)
    for one, *others in zip(expected, first, second, strict=True):
        assert {other.text for other in others} == {one.text}
        assert [other.score for other in others] == [pytest.approx(one.score, abs=1e-4)] * 2
    known = lazy.keys.any(1)
    assert np.array_equal(read().keys, lazy.keys)  # what was read is kept
    assert not known.all()
    difference = np.abs(lazy.keys[known].astype(int) - eager.keys[known])
    assert difference.max() <= 1  # rounded, where batches differ


def state_of(model: Path, texts: list[str]) -> RetrievalState:
    """Return the state from which these texts are translated."""
    saved, (memory,) = load(model), Translator.load(model).memories
    tokens = [[*saved.tokenizer.encode(text), EOS] for text in texts]
    lengths = np.array(list(map(len, tokens)))
    padded = np.array([ids + [0] * (lengths.max() - len(ids)) for ids in tokens])
    retrieved = memory.retrieve([np.array(ids) for ids in tokens])
    return RetrievalState(saved.network.encode(padded, lengths), (retrieved,))


def test_probabilities_equal_the_definition(model):
    """Against a loop over pairs and tokens; keys are quantized to a hundredth."""
    saved, (memory,) = load(model), Translator.load(model).memories
    network: Any = saved.network
    basis = memory.basis
    text, written = "the cat sings here", [BOS, *saved.target_tokenizer.encode("une mouette")]
    actual, state = [], state_of(model, [text])
    single = state.decoder
    for token in written:
        log_p, state = RetrievalDecoder(network, [memory]).step(np.array([token]), state)
        features, single = network.features(np.array([[token]]), single)
        p = np.exp(log_softmax(network.output(features)[0, 0].astype(np.float64)))
        counts = np.zeros(len(p))
        for source, target in REPETITIONS * list(PAIRS.items()):
            ids = np.array([[*saved.tokenizer.encode(source), EOS]])
            words = [*saved.target_tokenizer.encode(target), EOS]
            before = np.array([[BOS, *words[:-1]]])
            read, _ = network.features(before, network.encode(ids, np.array([ids.shape[1]])))
            for features_before, word in zip(read[0], words, strict=True):
                pair_key, key = (unit_vectors(x @ basis) for x in (features_before, features[0, 0]))
                cosine = float(pair_key @ key)
                counts[word] += math.exp(INTERPOLATION.inverse_temperature * (cosine - 1))
        total = counts.sum()
        share = INTERPOLATION.share * total / (total + INTERPOLATION.half_saturation)
        actual.append(np.exp(log_p[0]))
        np.testing.assert_allclose(
            actual[-1], (1 - share) * p + share * counts / total, rtol=0.05, atol=1e-4
        )
    np.testing.assert_allclose([p.sum() for p in actual], 1, rtol=1e-4)


def test_other_texts_do_not_change_a_translation(model):
    model, texts = Translator.load(model), [*PAIRS, *SENTENCES, "la", "", "the the the a cat"]
    batched = model(texts)
    for text, actual in zip(texts, batched, strict=True):
        (single,) = model([text])
        assert (single.text, single.score) == (actual.text, pytest.approx(actual.score, abs=1e-4))


def test_threads_change_nothing(model):
    texts = SENTENCES * 50
    expected = [one.text for one in Translator.load(model)(texts)]
    assert [one.text for one in Translator.load(model, threads=2)(texts)] == expected


def test_the_number_of_retrieved_tokens_is_bounded(tmp_path):
    long = [("the cat sings today", " ".join(["le chat"] * 80))] * 50
    model = with_memory(tmp_path, [*long, ("a gull waits", "une mouette attend")])
    (retrieved,) = state_of(model, ["the cat sings today"]).retrieved
    assert 0 < retrieved.mask.sum() <= MAX_TOKENS
    many = [(f"the cat sings {word}", "le chat chante") for word in ["today", "here", "again"]] * 20
    (retrieved,) = state_of(with_memory(tmp_path, many), ["the cat sings today"]).retrieved
    tokens = len(load(translator()).target_tokenizer.encode("le chat chante")) + 1
    assert retrieved.mask.sum() == MAX_PAIRS * tokens


def test_a_text_unlike_all_pairs_is_translated_as_without_memory(tmp_path):
    model = Translator.load(with_memory(tmp_path, [("the baker eats", "le boulanger mange")]))
    (actual,), (single,) = model(["zzz"]), model(["zzz"], WITHOUT_MEMORY)
    assert actual.text == single.text


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=6))
def test_any_texts_have_one_translation_each_and_change_no_other(texts):
    translations = Translator.load(translator_with_memory())([*PAIRS, *texts, *PAIRS])
    assert [one.text for one in translations[: len(PAIRS)]] == list(PAIRS.values())
    assert [one.text for one in translations[-len(PAIRS) :]] == list(PAIRS.values())
    assert len(translations) == len(texts) + 2 * len(PAIRS)
    for text, translation in zip(texts, translations[len(PAIRS) :], strict=False):
        assert text.strip() or not translation.text


def translator_with_memory() -> Path:
    folder = translator().parent / "with-memory"
    if not folder.exists():
        with_memory(folder, REPETITIONS * list(PAIRS.items()))
    return folder / "model"


# Training


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return pairs whose rare words a network cannot learn in a few steps."""
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdeiklmnoprstu"), 6)) for _ in range(800)]
    sentences = [words[i : i + 4] for i in range(0, 800, 4)]
    rows = [
        f"{' '.join(sentences[i])} {a}\t{' '.join(sentences[i][::-1]).upper()} {b}"
        for i in range(200)
        for a, b in (("today", "hier"), ("here", "là"), ("again", "bis"), ("now", "or"))
    ]
    return write_lines(tmp_path_factory.mktemp("facts") / "facts.tsv", "english\tfrench", *rows)


LITTLE = ("--steps", 60, "--validation", 0.2, "--level", "word")


def test_a_memory_that_improves_bleu_is_kept(facts, tmp_path):
    result = call("train", facts, "-o", tmp_path / "m", *SMALL, *LITTLE)
    assert result.code == 0, result.err
    assert "BLEU on the held-out part" in result.err and ": kept" in result.err
    model = Translator.load(tmp_path / "m")
    assert list(map(len, model.memories)) == [640]
    assert {"length_penalty", "length_penalty_alone"} <= set(model.description.tuned)
    scores = [
        json.loads(call("evaluate", tmp_path / "m", "--json", *options).out)["bleu"]["score"]
        for options in ((), ("--no-memory",))
    ]
    assert scores[0] > scores[1]


def test_a_memory_can_be_switched_off(facts, tmp_path):
    result = call("train", facts, "-o", tmp_path / "m", *SMALL, *LITTLE, "--no-memory")
    assert result.code == 0, result.err
    assert "memory: " not in result.err
    assert not (tmp_path / "m" / MEMORY).exists()


def test_a_memory_that_cannot_be_evaluated_is_left_out():
    assert not (translator() / MEMORY).exists()  # few pairs are held out
    assert Translator.load(translator()).memories == ()


def test_a_model_without_a_memory_replaces_one_that_has_one(facts, tmp_path):
    for option in ((), ("--no-memory", "--force")):
        train(facts, tmp_path / "m", *LITTLE, *option)
    assert not (tmp_path / "m" / MEMORY).exists()
    assert (tmp_path / "m" / "model.safetensors").exists()


# Damaged memories

DAMAGE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a token out of range": lambda m: m["target_tokens"].put(0, 60_000),
    "lengths of too many tokens": lambda m: m["source_lengths"].put(0, 60_000),
    "an empty text": lambda m: m["source_lengths"].put(0, 0),
    "texts without their end": lambda m: m["source_tokens"].put(-1, 5),
    "fewer sources": lambda m: m.update(
        source_tokens=np.uint16([EOS]), source_lengths=np.uint16([1])
    ),
    "no texts": lambda m: m.update(
        {name: array[:0] for name, array in m.items() if name.startswith("source")}
    ),
    "tokens of another type": lambda m: m.update(
        source_tokens=m["source_tokens"].astype(np.float32)
    ),
    "signed lengths": lambda m: m.update(source_lengths=m["source_lengths"].astype(np.int64)),
    "a matrix": lambda m: m.update(source_tokens=m["source_tokens"][None]),
    "keys of too few tokens": lambda m: m.update(keys=m["keys"][1:]),
    "keys of another kind": lambda m: m.update(keys=m["keys"].astype(np.float32)),
    "no keys": lambda m: m.pop("keys"),
    "keys of another size": lambda m: m.update(basis=m["basis"][:, 1:]),
    "a basis of NaN": lambda m: m["basis"].put(0, np.nan),
    "rows out of range": lambda m: m["rows"].put(0, 99),
    "terms that end before they begin": lambda m: m["ends"].put(5, 10**9),
    "no terms": lambda m: m.update(rows=m["rows"][:0], ends=m["ends"] * 0),
    "fewer terms": lambda m: m.update(ends=m["ends"][1:]),
    "an infinite scale": lambda m: m["scale"].put(0, np.inf),
    "a missing part": lambda m: m.pop("target_lengths"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_memory_is_refused(name, tmp_path):
    model = with_memory(tmp_path, list(PAIRS.items()))
    parts = load_file(model / MEMORY)
    DAMAGE[name](parts)
    save_file({name: np.ascontiguousarray(array) for name, array in parts.items()}, model / MEMORY)
    with pytest.raises(ModelError, match=MEMORY):
        Translator.load(model)


def test_a_malformed_memory_file_is_refused(tmp_path):
    model = with_memory(tmp_path, list(PAIRS.items()))
    for data in (b"", b"no tensors", (model / MEMORY).read_bytes()[:-5]):
        (model / MEMORY).write_bytes(data)
        with pytest.raises(ModelError, match=MEMORY):
            Translator.load(model)
    assert call("translate", "-m", model, "the cat").code == 1
