"""What is held out: which rows, how many, and always the same."""

from collections import Counter

import pytest
from corpora import CORPORA, anything, corpus_of, needs_corpora, texts_of
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncli.data.corpus import read_corpus
from rnncli.data.split import hold_out
from rnncli.data.values import column_values
from rnncli.errors import DataError


def test_the_cut_of_a_text_is_exact_to_the_character() -> None:
    rows = [["abc\n"], ["\n"], ["defgh\n"]]
    for cut in range(1, 11):
        train, validation = hold_out(corpus_of("generate", rows), fraction=1 - cut / 11, seed=0)
        kept = int(11 * (1 - (1 - cut / 11)))
        assert "".join(texts_of(train)) == "abc\n\ndefgh\n"[:kept]
        assert "".join(texts_of(validation)) == "abc\n\ndefgh\n"[kept:]
        assert "" not in texts_of(train) + texts_of(validation)


@given(st.lists(anything, min_size=1), st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=50)
def test_no_character_is_lost_at_the_cut(texts: list[str], fraction: float) -> None:
    joined = "".join(text + "\n" for text in texts)
    corpus = corpus_of("generate", [[text + "\n"] for text in texts])
    cut = int(len(joined) * (1 - fraction))
    if cut == 0:
        with pytest.raises(DataError, match="too small"):
            hold_out(corpus, fraction=fraction, seed=0)
        return
    train, validation = hold_out(corpus, fraction=fraction, seed=0)
    assert "".join(texts_of(train)) == joined[:cut]
    assert "".join(texts_of(validation)) == joined[cut:]


few_texts = st.sampled_from([f"text {number}" for number in range(30)])


@given(st.lists(st.tuples(few_texts, st.sampled_from("abc")), min_size=1), st.integers(0, 9))
@settings(deadline=None, max_examples=100)
def test_no_text_stands_on_both_sides_and_no_label_is_lost(
    rows: list[tuple[str, str]], seed: int
) -> None:
    texts_with = {label: {text for text, own in rows if own == label} for _, label in rows}
    movable = [
        text
        for text, _ in rows
        if all(len(texts_with[label]) > 1 for own, label in rows if own == text)
    ]
    corpus = corpus_of("classify", rows)
    if not movable:
        with pytest.raises(DataError, match="rows is too small to hold out a part of it"):
            hold_out(corpus, fraction=0.3, seed=seed)
        return
    train, validation = hold_out(corpus, fraction=0.3, seed=seed)
    assert not set(texts_of(train)) & set(texts_of(validation))
    sides = [
        list(zip(*(texts_of(side, name) for name in ("text", "label")), strict=True))
        for side in (train, validation)
    ]
    assert Counter(sides[0]) + Counter(sides[1]) == Counter(rows)
    assert min(map(len, sides)) > 0
    trained = set(texts_of(train, "label"))
    assert all(label in trained for label, texts in texts_with.items() if len(texts) > 1)


@given(st.lists(st.tuples(few_texts, few_texts), min_size=1), st.integers(0, 9))
@settings(deadline=None, max_examples=100)
def test_no_side_of_a_pair_stands_on_both_sides(rows: list[tuple[str, str]], seed: int) -> None:
    corpus = corpus_of("translate", rows)
    sources, targets = map(set, zip(*rows, strict=True))
    if len(sources) >= 2 * len(targets) > 2:  # answers to frequent questions
        train, validation = hold_out(corpus, fraction=0.3, seed=seed)
        assert not set(texts_of(train, "source")) & set(texts_of(validation, "source"))
        assert len(train) + len(validation) == len(rows)
        assert set(texts_of(train, "target")) == targets and len(validation)
        return
    linked: list[tuple[set[str], set[str]]] = []  # sources and targets that hang together
    for source, target in rows:
        touching = [pair for pair in linked if source in pair[0] or target in pair[1]]
        merged = (
            {source}.union(*(s for s, _ in touching)),
            {target}.union(*(t for _, t in touching)),
        )
        linked = [pair for pair in linked if pair not in touching] + [merged]
    if len(linked) == 1:
        with pytest.raises(DataError, match="too small to hold out"):
            hold_out(corpus, fraction=0.3, seed=seed)
        return
    train, validation = hold_out(corpus, fraction=0.3, seed=seed)
    assert not set(texts_of(train, "source")) & set(texts_of(validation, "source"))
    assert not set(texts_of(train, "target")) & set(texts_of(validation, "target"))
    assert len(train) + len(validation) == len(rows)
    assert min(len(train), len(validation)) > 0


@pytest.mark.parametrize("length", [50, 100_000])  # the longer would take hours link by link
def test_pairs_that_all_hang_together_cannot_be_held_out(length: int) -> None:
    chain = [(f"s{number // 2}", f"t{(number + 1) // 2}") for number in range(length)]
    with pytest.raises(DataError, match="too small to hold out"):
        hold_out(corpus_of("translate", chain), fraction=0.1, seed=0)


def test_every_label_is_held_out_in_its_share() -> None:
    rows = [(f"text {number}", "common" if number % 10 else "rare") for number in range(1_000)]
    _, validation = hold_out(corpus_of("classify", rows), fraction=0.1, seed=3)
    assert Counter(texts_of(validation, "label")) == {"common": 90, "rare": 10}


def test_the_seed_and_nothing_else_draws_the_rows() -> None:
    corpus = corpus_of("classify", [(f"text {number}", "ab"[number % 2]) for number in range(40)])
    drawn = [texts_of(hold_out(corpus, fraction=0.1, seed=seed)[1]) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] == PINNED, "a model's held-out part can be found again on any machine"


PINNED = ["text 13", "text 20", "text 26", "text 35"]


def test_the_rows_held_out_can_be_limited() -> None:
    corpus = corpus_of("classify", [(f"text {number}", "ab"[number % 2]) for number in range(100)])
    train, validation = hold_out(corpus, fraction=0.5, seed=0, limits={"rows": 10})
    assert (len(train), len(validation)) == (90, 10)


def test_a_validation_split_is_taken_as_it_is() -> None:
    rows = [(f"text {number}", "ab"[number % 2]) for number in range(100)]
    corpus = corpus_of("classify", rows)
    corpus.splits["validation"] = corpus.splits["train"]
    train, validation = hold_out(corpus, fraction=0.1, seed=0)
    assert len(train) == len(validation) == 100
    _, first = hold_out(corpus, fraction=0.1, seed=0, limits={"rows": 10})
    _, again = hold_out(corpus, fraction=0.1, seed=0, limits={"rows": 10})
    _, other = hold_out(corpus, fraction=0.1, seed=1, limits={"rows": 10})
    assert texts_of(first) == texts_of(again) != texts_of(other)
    assert len(first) == 10
    order = texts_of(validation)
    assert sorted(texts_of(first), key=order.index) == texts_of(first)


def test_the_validation_of_a_text_keeps_its_beginning() -> None:
    corpus = corpus_of("generate", [[f"{number}\n"] for number in range(10)])
    corpus.splits["validation"] = corpus.splits["train"]
    _, validation = hold_out(corpus, fraction=0.1, seed=0, limits={"characters": 6})
    assert texts_of(validation) == ["0\n", "1\n", "2\n"]


def test_no_more_of_a_long_text_is_held_out_than_is_needed() -> None:
    corpus = corpus_of("generate", [["abcdefghij"], ["klmnopqrst"]])
    train, validation = hold_out(corpus, fraction=0.5, seed=0, limits={"characters": 4})
    assert "".join(texts_of(train)) == "abcdefghijklmnop"
    assert "".join(texts_of(validation)) == "qrst"


@needs_corpora
def test_tiny_shakespeare_is_cut_as_everywhere() -> None:
    corpus = read_corpus([f"{CORPORA}/tinyshakespeare/input.txt"])
    train, validation = hold_out(corpus, fraction=0.1, seed=0)
    assert len(corpus.splits["train"]) == 40_000
    assert sum(map(len, column_values(train, "text"))) == 1_003_854
    assert sum(map(len, column_values(validation, "text"))) == 111_540


@needs_corpora
def test_no_sentence_of_tatoeba_stands_on_both_sides() -> None:
    corpus = read_corpus([f"{CORPORA}/tatoeba_en_fr/dev.tsv"])
    train, validation = hold_out(corpus, fraction=0.1, seed=0)
    for column in ("source", "target"):
        assert not set(column_values(train, column)) & set(column_values(validation, column))
    assert len(validation) == 500
