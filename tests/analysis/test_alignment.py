"""Alignments by attention: weights, words, tables and SVG."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from architectures import in_numpy, randomise, small_architecture
from hypothesis import example, given
from hypothesis import strategies as st
from models import WHEN, WHO, translator, write_lines
from rich.cells import cell_len
from shell import Result, call, on_a_terminal

from rnncli import Translator
from rnncli.analysis.alignment import Alignment, Tokens, merge
from rnncli.cli.console import Messenger
from rnncli.cli.views.alignment import MAX_DRAWN, Drawing, heatmap
from rnncli.cli.views.heatmap import LIMITS, SHADES, ranked_list, table
from rnncli.config import CELLS, LEVELS, Level
from rnncli.networks.model_torch import EncoderDecoder
from rnncli.networks.model_torch import build as build_torch
from rnncli.tasks.translate.segmentation import MAX_CHARACTERS
from rnncli.text.sentences import clean
from rnncli.text.tokenizer import Tokenizer

SVG = "{http://www.w3.org/2000/svg}"
TEXTS = ("the cat sleeps today", "my brother laughs again", "a gull waits here")

every_depth = pytest.mark.parametrize("layers", [1, 2])
every_cell = pytest.mark.parametrize("cell", CELLS)


@pytest.fixture
def build() -> Callable[..., EncoderDecoder]:
    """Build a translator's network with random weights."""
    torch.manual_seed(0)

    def network(cell: str, layers: int) -> EncoderDecoder:
        model = build_torch(small_architecture("translate", cell, layers=layers)).eval()
        assert isinstance(model, EncoderDecoder)
        randomise(model)
        return model

    return network


def batch() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sources, with tokens where padding would be, their lengths and translations."""
    rng = np.random.default_rng(0)
    lengths = np.array([3, 8, 1, 5])
    return rng.integers(0, 11, (4, 8)), lengths, rng.integers(0, 9, (4, 6))


# Weights


@every_cell
@every_depth
def test_attention_weights_equal_those_in_pytorch(
    build: Callable[..., EncoderDecoder], cell: str, layers: int
) -> None:
    model, (tokens, lengths, targets) = build(cell, layers), batch()
    used: list[torch.Tensor] = []
    model.decoder.attention.register_forward_hook(lambda *call: used.append(call[2][1]))
    with torch.inference_mode():
        model.features(*map(torch.from_numpy, (tokens, lengths, targets)))
    network = in_numpy(model)
    weights = network.attend(targets, network.encode(tokens, lengths))
    np.testing.assert_allclose(weights, used[0], rtol=0, atol=1e-4)
    np.testing.assert_allclose(weights.sum(2), 1, atol=1e-5)
    assert weights.shape == (4, 6, 8)
    for row_weights, length in zip(weights, lengths, strict=True):
        assert (row_weights[:, length:] == 0).all() and (row_weights[:, :length] > 0).all()


@every_cell
def test_the_batch_does_not_change_attention_weights(
    build: Callable[..., EncoderDecoder], cell: str
) -> None:
    tokens, lengths, targets = batch()
    network = in_numpy(build(cell, 2))
    batched = network.attend(targets, network.encode(tokens, lengths))
    for i, length in enumerate(lengths):
        row = slice(i, i + 1)
        state = network.encode(tokens[row, :length], lengths[row])
        single = network.attend(targets[row, :4], state)
        np.testing.assert_allclose(single, batched[row, :4, :length], rtol=0, atol=1e-5)


# Words


def tokens_of(text: str, level: Level, learned: str = "the thesis, naïve 映画を見る ปลา") -> Tokens:
    tokenizer = Tokenizer.train([learned], level, 300)
    return Tokens(text, *tokenizer.encode_with_ends(text))


@pytest.mark.parametrize("level", LEVELS)
@given(st.text(st.sampled_from("the?'ïж🙂한 \u0301"), max_size=30).map(clean).filter(bool))
def test_words_are_separated_by_spaces(level: Level, text: str) -> None:
    tokens = tokens_of(text, level)
    words, first = tokens.words()
    assert list(words) == text.split()
    assert first[0] == 0 and (np.diff([*first, len(tokens.ids)]) > 0).all()


def test_tokens_are_the_words_of_a_script_without_spaces() -> None:
    assert tokens_of("映画を見る", "char").words()[0] == tuple("映画を見る")
    assert tokens_of("映画を見る", "subword", "映画を見る").words()[0] == ("映画を見る",)
    assert tokens_of("the 猫、the猫", "word").words()[0] == ("the", "猫", "、", "the", "猫")
    assert tokens_of("ก่อน", "char").words()[0] == ("ก่", "อ", "น")  # a mark is no word


@pytest.mark.parametrize("level", LEVELS)
@given(st.text(max_size=20).map(clean).filter(bool))
@example("猫が the好 き。 🙂")
def test_words_cover_the_text(level: Level, text: str) -> None:
    words, first = tokens_of(text, level).words()
    assert "".join(words) == "".join(text.split())
    assert len(words) == len(first) and all(words)


def test_weights_are_summed_over_source_tokens_and_averaged_over_target_tokens() -> None:
    source = Tokens("aa b", [4, 5, 6], [1, 2, 4])
    target = Tokens("c dd", [7, 8, 9], [1, 3, 4])
    weights = np.array(
        [[0.5, 0.25, 0.125, 0.125, 9], [0, 0.5, 0.25, 0.25, 9], [1, 0, 0, 0, 9], [9, 9, 9, 9, 9]],
        np.float32,
    )  # the fourth column is the end of the source; what is 9 is padding
    output = merge(source, target, weights)
    assert (output.source, output.target) == (("aa", "b"), ("c", "dd"))
    np.testing.assert_array_equal(output.weights, [[0.75, 0.125], [0.75, 0.125]])


def test_other_pairs_do_not_change_an_alignment() -> None:
    model, several = Translator.load(translator()), Translator.load(translator(), threads=2)
    texts = [*TEXTS, "", "the cat", *(f"{who} sleeps {when}" for who in WHO for when in WHEN)] * 4
    translations = [output.text for output in model(texts)]
    translations[1] = "le chat qui n'existe pas"  # any will do
    batched = several.align(texts, translations)
    assert [bool(output) for output in batched] == [bool(text) for text in texts]
    for text, translation, output in list(zip(texts, translations, batched, strict=True))[:12]:
        (single,) = model.align([text], [translation])
        assert (output.source, output.target) == (single.source, single.target)
        assert output.source == tuple(text.split())
        assert output.target == (tuple(translation.split()) if text else ())
        np.testing.assert_allclose(output.weights, single.weights, rtol=0, atol=1e-5)
        assert (output.weights >= 0).all() and (output.weights.sum(1) < 1).all()


def test_a_text_translated_in_pieces_is_not_aligned() -> None:
    heard: list[str] = []
    model = Translator.load(translator(), announce=heard.append)
    long = "the cat " * (MAX_CHARACTERS // 4)
    output = model.align([long, "the cat", "the cat", long], ["le chat", long, "le chat", " "])
    assert [bool(one) for one in output] == [False, False, True, False]
    assert len([message for message in heard if "not aligned" in message]) == 1


# Tables

WORDS = st.lists(st.text(st.sampled_from("aé語ｶ่🙂\x1b"), min_size=1, max_size=5), min_size=1)


@st.composite
def alignments(draw: st.DrawFn) -> Alignment:
    """Draw words of several widths, and weights."""
    source, target = draw(WORDS), draw(WORDS)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    weights = rng.dirichlet(np.full(len(source) + 1, 0.3), len(target))[:, :-1]
    return Alignment(tuple(source), tuple(target), weights.astype(np.float32))


def in_columns(line: str) -> list[str]:
    """Return the character in each column of a terminal."""
    return [character for character in line for _ in range(cell_len(character))]


@given(alignments())
def test_the_cells_of_a_table_are_aligned_with_their_words(
    alignment: Alignment,
) -> None:
    lines = table(heatmap(alignment))
    source = [word.replace("\x1b", "␛") for word in alignment.source]
    target = [word.replace("\x1b", "␛") for word in alignment.target]
    heads, rows = lines[: len(source)], lines[len(source) :]
    begins = [cell_len(h.removesuffix(w)) for h, w in zip(heads, source, strict=True)]
    assert begins == list(range(begins[0], begins[0] + 2 * len(source), 2))
    for i, head in enumerate(heads):
        assert head.endswith(source[i])
        assert [in_columns(head)[begin] for begin in begins[:i]] == ["│"] * i
    for row, word, weights in zip(rows, target, alignment.weights, strict=True):
        assert row.lstrip().startswith(word)
        columns = in_columns(row) + [" "] * (begins[-1] + 2)
        for begin, weight in zip(begins, weights, strict=True):
            shade = SHADES[sum(limit <= weight for limit in LIMITS)]
            assert columns[begin : begin + 2] == [shade] * 2


def test_a_list_names_the_strongest_words_first() -> None:
    weights = np.array([[0.2, 0.09, 0.6], [0.05, 0.02, 0.03]], np.float32)
    alignment = Alignment(("a", "b", "c"), ("x", "\x1by"), weights)
    assert ranked_list(heatmap(alignment)) == [" x ← c 60 %  a 20 %", "␛y ← –"]


# The command


def translate(*options: object, code: int = 0, columns: int = 80, **remaining: Any) -> Result:
    env = {"COLUMNS": str(columns)}
    result = call("translate", "-m", translator(), *options, env=env, **remaining)
    assert result.code == code, result.err
    return result


def aligned(*texts: str) -> list[Alignment]:
    model = Translator.load(translator())
    return model.align(texts, [output.text for output in model(texts)])


def test_a_table_stands_below_each_translation() -> None:
    result = translate("--attention", TEXTS[0], "", TEXTS[1])
    first, second = aligned(TEXTS[0], TEXTS[1])
    translations = translate(TEXTS[0], "", TEXTS[1]).lines
    assert result.lines == [
        *(translations[0], *table(heatmap(first)), ""),
        translations[1],
        *(translations[2], *table(heatmap(second)), ""),
    ]
    assert all(f"{shade} " in result.err for shade in SHADES[1:])
    assert result.err.count("\n") == 1
    assert translate("--attention", "-q", TEXTS[0]).err == ""


def test_the_table_is_that_of_the_best_translation() -> None:
    lines = translate("--attention", "--nbest", 2, TEXTS[0]).lines
    assert lines[:2] == translate("--nbest", 2, TEXTS[0]).lines
    assert lines[2:] == [*table(heatmap(aligned(TEXTS[0])[0])), ""]


def test_a_list_replaces_a_table_that_is_too_wide() -> None:
    (alignment,) = aligned(TEXTS[0])
    width = max(map(cell_len, table(heatmap(alignment)))) + 1  # the last column stays empty
    assert translate("--attention", TEXTS[0], columns=width).lines[1:-1] == table(
        heatmap(alignment)
    )
    narrow = translate("--attention", TEXTS[0], TEXTS[0], columns=width - 1)
    assert narrow.lines[1 : len(alignment.target) + 1] == ranked_list(heatmap(alignment))
    assert narrow.err.count("wider than") == 1


def test_json_has_the_weights_with_the_option_alone() -> None:
    line, blank = translate("--json", "--attention", TEXTS[0], " ").lines
    answer, (alignment,) = json.loads(line), aligned(TEXTS[0])
    assert answer["alignment"]["source"] == TEXTS[0].split()
    assert answer["alignment"]["target"] == answer["translation"].split()
    np.testing.assert_allclose(answer["alignment"]["weights"], alignment.weights, atol=5.1e-5)
    assert all(round(w, 4) == w for row in answer["alignment"]["weights"] for w in row)
    assert json.loads(blank)["alignment"] == {"source": [], "target": [], "weights": []}
    plain = json.loads(translate("--json", TEXTS[0]).lines[0])
    assert plain == {name: value for name, value in answer.items() if name != "alignment"}


def test_csv_rows_have_no_alignment_but_json_has(tmp_path: Path) -> None:
    rows = write_lines(tmp_path / "t.csv", "n,text", f"1,{TEXTS[0]}")
    options = ("--attention", "--column", "text", "-i", rows)
    refused = translate(*options, code=2)
    assert refused.out == b"" and "--json" in refused.err
    (line,) = translate(*options, "--json").lines
    assert json.loads(line)["n"] == "1"
    assert json.loads(line)["alignment"]["source"] == TEXTS[0].split()


def test_a_long_text_has_no_table(tmp_path: Path) -> None:
    long = "the cat sleeps " * (MAX_CHARACTERS // 10)
    drawing = tmp_path / "a.svg"
    result = translate("--attention", "--attention-out", drawing, long)
    assert len(result.lines) == 1
    assert "are not aligned" in result.err
    assert not list(ElementTree.parse(drawing).iter(f"{SVG}rect"))[1:]


def test_control_characters_in_words_are_escaped() -> None:
    sent = on_a_terminal(
        "translate", "-m", translator(), "--attention", stdin=b"the \x1b]0;x\x07cat sleeps\n"
    ).decode()
    assert "│ ␛]0;x␇cat" in sent
    assert "\x1b]" not in sent and "\x07" not in sent


# SVG


def drawn(path: Path) -> list[ElementTree.Element]:
    """Return the heatmaps of an SVG file, and check that they do not overlap."""
    root = ElementTree.parse(path).getroot()
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    pictures = [g for g in root if g.tag == f"{SVG}g"]
    tops = [float(p.attrib["transform"].split()[1].rstrip(")")) for p in pictures]
    for picture, top, bottom in zip(pictures, tops, [*tops[1:], height], strict=True):
        for cell in picture.iter(f"{SVG}rect"):
            assert 0 < float(cell.attrib["x"]) < width - float(cell.attrib["width"])
            assert 0 < float(cell.attrib["y"]) < bottom - top - float(cell.attrib["height"])
    return pictures


def cells(picture: ElementTree.Element) -> dict[tuple[float, float], float]:
    """Return the opacity of each cell of a heatmap, by its position."""
    return {
        (float(r.attrib["y"]), float(r.attrib["x"])): float(r.attrib["fill-opacity"])
        for r in picture.iter(f"{SVG}rect")
    }


def test_the_svg_has_a_heatmap_of_each_translation(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    result = translate("--attention-out", path, TEXTS[0], "", TEXTS[1])
    assert result.lines == translate(TEXTS[0], "", TEXTS[1]).lines
    assert str(path) in result.err
    assert [row_weights.name for row_weights in tmp_path.iterdir()] == ["a.svg"]
    pictures = drawn(path)
    for picture, alignment in zip(pictures, aligned(TEXTS[0], TEXTS[1]), strict=True):
        words = [text.text for text in picture.iter(f"{SVG}text")]
        assert words[:-1] == [*alignment.source, *alignment.target]
        assert words[-1] == "full colour: 100 %; none: 0 %"
        output = cells(picture)
        shown = [round(w, 2) for w in alignment.weights.ravel().tolist() if w >= 0.01]
        assert [output[place] for place in sorted(output)] == pytest.approx(shown, abs=0.011)


def test_any_word_can_be_drawn(tmp_path: Path) -> None:
    words = ("<b>&amp;\"'", "\0\x1b\x9b", "\ufffe\ud800", "語" * 1_000)
    drawing = Drawing(tmp_path / "a.svg", Messenger(quiet=True))
    drawing.add(Alignment(words, words, np.eye(4, dtype=np.float32)))
    drawing.write()
    (picture,) = drawn(tmp_path / "a.svg")
    texts = [text.text or "" for text in picture.iter(f"{SVG}text")]
    assert texts[:3] == ["<b>&amp;\"'", "␀␛\ufffd", "\ufffd\ufffd"]
    assert texts[:4] == texts[4:8]
    assert texts[3].endswith("…") and len(texts[3]) < 20
    titles = [title.text or "" for title in picture.iter(f"{SVG}title")]
    assert titles[0] == "<b>&amp;\"' ← <b>&amp;\"' 100 %"
    assert titles[3].count("語") == 2_000


def test_the_number_of_heatmaps_is_limited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawing = Drawing(tmp_path / "a.svg", Messenger())
    for _ in range(MAX_DRAWN + 2):
        drawing.add(Alignment(("a",), ("b",), np.ones((1, 1), np.float32)))
    drawing.write()
    assert len(drawn(tmp_path / "a.svg")) == MAX_DRAWN
    assert f"the first {MAX_DRAWN:,} of {MAX_DRAWN + 2:,}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("a.png", 2, "--attention-out a.svg"),
        ("nowhere/a.svg", 1, "does not exist"),
        ("folder.svg", 1, "is a folder"),
        ("out.svg", 2, "are both"),
    ],
)
def test_an_unwritable_svg_path_is_refused_before_translation(
    name: str, code: int, message: str, tmp_path: Path
) -> None:
    (tmp_path / "folder.svg").mkdir()
    options = ("-o", "out.svg", "--attention-out", name, TEXTS[0])
    assert message in translate(*options, code=code, cwd=tmp_path).err
    assert [path.name for path in tmp_path.iterdir()] == ["folder.svg"]


def test_an_interrupted_translation_writes_no_svg(tmp_path: Path) -> None:
    drawing = tmp_path / "a.svg"
    rows = write_lines(tmp_path / "t.jsonl", json.dumps({"text": TEXTS[0]}), "no object")
    translate("--attention-out", drawing, "--column", "text", "-i", rows, code=1)
    assert not drawing.exists()
