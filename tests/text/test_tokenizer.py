import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from rnncli.config import LEVELS
from rnncli.errors import ModelError
from rnncli.text.batching import split_between_words
from rnncli.text.levels import MAX_PIECE, is_pretokenized
from rnncli.text.special_tokens import BOS, EOS, PAD, SPECIAL_TOKENS, UNK
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.unicode import word_spans

TEXTS = ["The cat sat.", "the  dog's\tbone\n", "l'eau — déjà vu", "猫が好き。", "สวัสดี", "x_1 🙂"]
LARGE = 100_000

ODD_TEXTS = [
    "",
    "\x00\x01\x7f\x1c\x1d",
    "a\r\nb\rc\n\n",
    "a\u0085b\u2028c\u2029d\ufeff",
    "<pad><unk> <bos>\n<eos>",
    "<0x41> <0xE2>",
    "👩\u200d👩\u200d👧 e\u0301 \U0010ffff",
    "  two  spaces \u00a0 \u3000",
    "don't we'll l'eau '' ’s",
    "\ufffd",
]


def with_odd_texts(test):
    for text in ODD_TEXTS:
        test = example(text)(test)
    return test


@pytest.fixture(scope="module")
def trained():
    return {level: Tokenizer.train(TEXTS, level, LARGE) for level in LEVELS}


@given(st.text())
@with_odd_texts
def test_characters_and_subwords_give_any_text_back(trained, text):
    for level in ("char", "subword"):
        assert trained[level].decode(trained[level].encode(text)) == text


@given(st.text(alphabet="ab' .\u00e9\n猫", max_size=60), st.integers(2, 20))
def test_long_texts_are_read_in_pieces_as_if_they_were_whole(trained, text, size):
    pieces = split_between_words(text, size)
    assert "".join(pieces) == text
    assert all(len(piece) <= size for piece in pieces)
    if all(piece.startswith(" ") and not piece[1:2].isspace() for piece in pieces[1:]):
        for tokenizer in trained.values():
            ids = [id for piece in pieces for id in tokenizer.encode(piece)]
            assert ids == tokenizer.encode(text)


def test_a_text_longer_than_a_piece_is_one_text(trained):
    sentence = " The cat sat, l'eau x_1  dog's"
    number = 2 * MAX_PIECE // len(sentence)
    for tokenizer in trained.values():
        once, ends = tokenizer.encode_with_ends(sentence)
        assert tokenizer.encode(sentence * number) == once * number
        before, long, after = tokenizer.encode_all(["cat", sentence * number, "sat"])
        assert (len(long), before, after) == (
            len(once) * number,
            tokenizer.encode("cat"),
            tokenizer.encode("sat"),
        )
        ids, all_ends = tokenizer.encode_with_ends(sentence * number)
        assert ids == once * number
        assert all_ends[-len(ends) :] == [(number - 1) * len(sentence) + end for end in ends]


def test_a_text_without_spaces_is_read_in_pieces_too(trained):
    text = "猫" * (MAX_PIECE + 9)
    assert trained["word"].encode(text) == trained["word"].encode("猫") * len(text)
    unbroken = "ab" * MAX_PIECE
    assert trained["subword"].decode(trained["subword"].encode(unbroken)) == unbroken


@given(st.lists(st.text(), max_size=5))
@example(ODD_TEXTS)
def test_words_give_back_texts_whose_words_are_known(texts):
    tokenizer = Tokenizer.train(texts, "word", LARGE)
    for text in texts:
        ids = tokenizer.encode(text)
        assert UNK not in ids
        assert tokenizer.decode(ids) == text


@given(st.text())
@with_odd_texts
def test_unknown_text_is_encoded_within_the_vocabulary(trained, text):
    for tokenizer in trained.values():
        ids = tokenizer.encode(text)
        assert all(UNK <= id < tokenizer.vocab_size and id not in (BOS, EOS) for id in ids)
        assert bool(ids) == bool(text)


def test_an_unknown_word_becomes_unk_and_leaves_its_neighbours_alone(trained):
    assert trained["word"].decode(trained["word"].encode("the zebra sat.")) == "the<unk> sat."


def test_an_unknown_character_becomes_its_bytes(trained):
    tokens = [trained["char"].token(id) for id in trained["char"].encode("aЖ")]
    assert tokens == ["a", "<0xD0>", "<0x96>"]


@pytest.mark.parametrize("level", LEVELS)
def test_text_that_reads_like_a_special_token_never_becomes_one(level):
    text = "<pad> <unk> <bos> <eos>"
    tokenizer = Tokenizer.train([text] * 50, level, LARGE)
    assert min(tokenizer.encode(text)) >= len(SPECIAL_TOKENS)
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("level", LEVELS)
def test_special_tokens_come_first(trained, level):
    tokenizer = trained[level]
    assert (PAD, UNK, BOS, EOS) == (0, 1, 2, 3)
    assert tuple(tokenizer.token(id) for id in range(4)) == SPECIAL_TOKENS


@pytest.mark.parametrize("level", LEVELS)
def test_padding_and_sentence_marks_are_not_written(trained, level):
    tokenizer = trained[level]
    ids = [BOS, *tokenizer.encode("The cat sat."), EOS, PAD, PAD]
    assert tokenizer.decode(np.array(ids)) == "The cat sat."


@pytest.mark.parametrize(("level", "smallest"), [("word", 4), ("char", 260), ("subword", 260)])
def test_the_vocabulary_limit_is_soft(level, smallest):
    assert Tokenizer.train(TEXTS, level, 1).vocab_size == smallest
    assert Tokenizer.train(TEXTS, level, smallest + 3).vocab_size == smallest + 3
    full = Tokenizer.train(TEXTS, level, LARGE)
    assert smallest + 3 < full.vocab_size < 1_000
    assert max(id for text in TEXTS for id in full.encode(text)) < full.vocab_size


@pytest.mark.parametrize(("level", "room"), [("word", 5), ("char", 261)])
def test_a_small_vocabulary_keeps_the_most_frequent_token(level, room):
    tokenizer = Tokenizer.train(["a", "c", "c"], level, room)
    assert tokenizer.token(room - 1) == "c"


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("fold", [False, True])
def test_the_same_texts_give_the_same_vocabulary_in_any_order(level, fold, tmp_path):
    for name, texts in (("first", TEXTS * 20), ("second", TEXTS[::-1] * 20)):
        tokenizer = Tokenizer.train(iter(texts), level, 300, fold=fold)
        tokenizer.save(tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("fold", [False, True])
def test_a_saved_tokenizer_reads_as_the_one_that_was_saved(level, fold, tmp_path):
    tokenizer = Tokenizer.train(TEXTS, level, 300, fold=fold)
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    loaded = Tokenizer.load(path, level)
    assert loaded.vocab_size == tokenizer.vocab_size
    for text in TEXTS + ODD_TEXTS:
        ids = tokenizer.encode(text)
        assert loaded.encode(text) == ids
        assert loaded.decode(ids) == tokenizer.decode(ids)


@given(st.lists(st.text(max_size=8), max_size=6))
def test_encoding_many_texts_is_encoding_each(trained, texts):
    for tokenizer in trained.values():
        assert list(tokenizer.encode_all(iter(texts))) == [tokenizer.encode(t) for t in texts]


@given(st.lists(st.text() | st.text(alphabet="aB' .\t\u00e9\u0130\n猫"), max_size=6))
@example(ODD_TEXTS * 2)
def test_the_words_of_a_corpus_are_those_of_its_texts(texts):
    tokenizer = Tokenizer.train(texts, "word", LARGE, fold=True)
    counts = Counter(word for text in texts for word in tokenizer.words(text))
    vocabulary = [tokenizer.token(id) for id in range(len(SPECIAL_TOKENS), tokenizer.vocab_size)]
    assert vocabulary == sorted(counts, key=lambda word: (-counts[word], word))
    assert list(tokenizer.encode_corpus(iter(texts))) == [tokenizer.encode(t) for t in texts]


def test_more_texts_than_fit_one_chunk_keep_their_order(trained):
    texts = [str(number) for number in range(2_500)]
    encoded = trained["char"].encode_all(texts)
    assert [trained["char"].decode(ids) for ids in encoded] == texts


@pytest.mark.parametrize("level", LEVELS)
def test_no_texts_give_an_empty_vocabulary_and_no_crash(level):
    tokenizer = Tokenizer.train([], level, LARGE)
    assert tokenizer.vocab_size == (4 if level == "word" else 260)
    assert tokenizer.encode("ab") == ([UNK] if level == "word" else tokenizer.encode("ab"))
    assert list(tokenizer.encode_all([])) == []


@pytest.mark.parametrize("level", LEVELS)
def test_folding_ignores_case(level):
    tokenizer = Tokenizer.train(["A Warm Film"], level, LARGE, fold=True)
    assert tokenizer.encode("a WARM fILM") == tokenizer.encode("A Warm Film")
    assert tokenizer.decode(tokenizer.encode("WARM")).strip() == "warm"
    assert UNK not in tokenizer.encode("film")


def test_folding_drops_the_space_between_words():
    tokenizer = Tokenizer.train(["a warm film ."], "word", LARGE, fold=True)
    expected = [tokenizer.encode(word)[0] for word in ("warm", "film", ".")]
    assert UNK not in expected
    for text in (" warm film.", "warm\tfilm .", "warm \r\n film\u00a0. "):
        assert tokenizer.encode(text) == expected


@given(st.text(alphabet=st.characters(codec="utf-8", categories=["Ll", "Zs", "Po"])))
def test_folding_never_yields_a_token_of_space_alone(text):
    assume(text.strip())
    tokenizer = Tokenizer.train([text], "word", LARGE, fold=True)
    assert all(tokenizer.token(id).strip() for id in tokenizer.encode(text))


def test_words_are_split_at_spaces_and_punctuation():
    text = "Don't go, l'eau x_1; 猫が Ünïcode!"
    tokenizer = Tokenizer.train([text], "word", LARGE)
    tokens = [tokenizer.token(id) for id in tokenizer.encode(text)]
    assert "|".join(tokens) == "Don't| go|,| l|'|eau| x_1|;| 猫|が| Ünïcode|!"


@pytest.mark.parametrize(
    "content",
    [b"", b"not json", b"{}", b'{"version": "1.0"}', b"\xff\xfe\x00", b"[1, 2]", b"null"],
)
def test_a_damaged_file_is_a_model_error_that_names_it(content, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        Tokenizer.load(path, "char")


def test_a_cut_file_is_a_model_error(trained, tmp_path):
    path = tmp_path / "tokenizer.json"
    trained["word"].save(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ModelError) as raised:
        Tokenizer.load(path, "word")
    assert raised.value.hint


def test_a_missing_file_is_a_model_error(tmp_path):
    with pytest.raises(ModelError, match="is missing"):
        Tokenizer.load(tmp_path / "tokenizer.json", "char")


def test_a_tokenizer_of_another_program_is_refused(trained, tmp_path):
    path = tmp_path / "tokenizer.json"
    trained["word"].save(path)
    description = json.loads(path.read_text(encoding="utf-8"))
    description["model"]["vocab"] = {"[PAD]": 0, "<unk>": 1, "a": 2, "b": 3}
    path.write_text(json.dumps(description), encoding="utf-8")
    with pytest.raises(ModelError, match="not a tokenizer of rnncli"):
        Tokenizer.load(path, "word")


# Text that was split before

SPLIT = ["it 's late , <unk> said . \n", "no , really ? \n", "\n", " = a title = \n"] * 10


def test_spaces_separate_the_words_of_pretokenized_text(tmp_path: Path) -> None:
    tokenizer = Tokenizer.train(SPLIT, "word", 100)
    tokens = [tokenizer.token(id) for id in tokenizer.encode(SPLIT[0])]
    assert [token.strip() for token in tokens[:-1]] == SPLIT[0].split()
    for text in SPLIT[:4]:  # one token more than words: the end of the line
        assert len(tokenizer.encode(text)) == len(text.split()) + 1
        assert tokenizer.decode(tokenizer.encode(text)) == text
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json", "word")
    assert loaded.encode(SPLIT[0]) == tokenizer.encode(SPLIT[0])


@pytest.mark.parametrize(
    ("texts", "split"),
    [(SPLIT, True), (["No, really? It's late.\n"] * 20, False), (["no , really ?\n"] * 3, False)],
)
def test_pretokenized_text_is_recognised_by_spaces_before_punctuation(
    texts: list[str], split: bool
) -> None:
    assert is_pretokenized(texts) == split


@pytest.mark.parametrize("text", ["日本語", "ภาษาไทย", "ພາສາລາວ", "မြန်မာဘာသာ", "ភាសាខ្មែរ"])
def test_words_of_scripts_without_spaces_agree_with_those_of_explanations(text):
    tokenizer = Tokenizer.train([text], "word", LARGE, fold=True)
    _, ends = tokenizer.encode_with_ends(text)
    assert ends == [end for _, end in word_spans(text)]
