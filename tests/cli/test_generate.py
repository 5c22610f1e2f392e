"""``rnncli generate``: samples, lines, constraints and scores."""

import json
import re
from collections import Counter
from itertools import chain, groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from models import SMALL, STORY, generator, train, write_lines
from shell import Result, call, on_a_terminal

from rnncli import TextGenerator
from rnncli.config import SamplingConfig
from rnncli.errors import RnncliError
from rnncli.networks.numerics import log_softmax, softmax
from rnncli.tasks.generate.constraints import MAX_TRIES, Constraint
from rnncli.tasks.generate.surprisal import BATCH_TEXTS, MAX_CHARACTERS
from rnncli.text.special_tokens import EOS
from rnncli.text.tokenizer import Tokenizer
from rnncli.text.unicode import escape_controls

SEED = ("--seed", 1, "--length", 30)


def generate(*options: object, code: int = 0) -> Result:
    result = call("generate", "-m", generator(), *options)
    assert result.code == code, result.err
    return result


def objects(*options: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in generate(*options, "--json").lines]


# Temperatures


def test_each_temperature_gets_the_samples_that_it_gets_alone() -> None:
    alone = [generate("The", "-n", 2, "--temperature", t, *SEED).out for t in ("0", "0.5", "1.5")]
    assert generate("The", "-n", 2, "--temperature", "0,0.5,1.5", *SEED).out == b"".join(alone)
    assert len(set(alone)) == 3


def test_objects_have_the_temperature_where_there_are_several() -> None:
    found = objects("The", "-n", 2, "--temperature", "0.5, 1.5", *SEED)
    assert [one["temperature"] for one in found] == [0.5, 0.5, 1.5, 1.5]
    assert "temperature" not in objects("The", "--temperature", "0.5", *SEED)[0]


@pytest.mark.parametrize("n", [1, 2])
def test_on_a_terminal_the_temperature_is_printed_before_each_sample(n: int) -> None:
    words = ("generate", "-m", generator(), "The", "-n", n, "--temperature", "0,1.50", *SEED)
    seen = on_a_terminal(*words).decode()
    assert seen.count("temperature 0\x1b") == n
    assert seen.count("temperature 1.5\x1b") == n
    for line in set(generate(*words[3:]).lines):
        assert escape_controls(line) in seen
    assert "temperature" not in on_a_terminal(*words, "-q").decode()


@pytest.mark.parametrize("value", ["warm", "0.5,", "0.5,-1", "0.5 0.8"])
def test_a_list_that_holds_no_temperature_is_refused(value: str) -> None:
    said = generate("The", "--temperature", value, code=2).err
    assert said.startswith("error: --temperature is ")
    assert (
        "\nhint: give a number from 0 " in said
        or "\nhint: give 0" in said
        or said.endswith("The --temperature 0.5,0.8,1.1\n")
    )


# Lines


@pytest.fixture(scope="module")
def model() -> TextGenerator:
    return TextGenerator.load(generator())


@pytest.mark.parametrize("prompt", [[], ["The"]])
@pytest.mark.parametrize("n", [1, 7, BATCH_TEXTS + 3])
def test_n_lines_are_written_none_of_them_blank(n: int, prompt: list[str]) -> None:
    lines = generate(*prompt, "--lines", n, "--seed", 3, "--length", 9).lines
    assert len(lines) == n
    assert all(line.strip() for line in lines)
    assert all(line.startswith("".join(prompt)) for line in lines)
    assert len(set(lines)) > n / 2


def test_lines_need_no_input() -> None:
    result = call("generate", "-m", generator(), "--lines", 2, "--seed", 3, stdin=b"a\nb\nc\n")
    assert result.out == generate("--lines", 2, "--seed", 3).out


def test_a_line_does_not_depend_on_how_many_are_drawn_or_by_how_many_threads() -> None:
    few = generate("--lines", 3, "--seed", 3, "--threads", 1).lines
    assert generate("--lines", 40, "--seed", 3, "--threads", 2).lines[:3] == few


def test_lines_are_objects_with_their_prompt() -> None:
    lines = generate("The", "--lines", 3, "--seed", 3).lines
    found = objects("The", "--lines", 3, "--seed", 3)
    assert [one["prompt"] + one["text"] for one in found] == lines
    assert [one["prompt"] for one in found] == ["The"] * 3


def test_a_prompt_after_which_every_line_ends_is_told(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "a.txt", *["a"] * 400)
    words = (train(data, tmp_path / "m", *SMALL, "--steps", 40), "--lines", 2, "--temperature", 0)
    ended = call("generate", "-m", *words, "a")
    assert ended.lines == ["a", "a"]
    assert f"to go on: rnncli generate -m {words[0]} --temperature 0 a\n" in ended.err
    assert call("generate", "-m", *words).err == ""
    assert call("generate", "-m", *words, "a", "-q").err == ""


def test_lines_of_several_temperatures_follow_each_other() -> None:
    alone = [generate("--lines", 2, "--temperature", t, "--seed", 3).out for t in ("0.7", "1.2")]
    assert generate("--lines", 2, "--temperature", "0.7,1.2", "--seed", 3).out == b"".join(alone)


def test_a_line_is_cut_where_it_has_as_many_tokens_as_it_may_have() -> None:
    words = ("The", "--lines", 20, "--temperature", 0.5, "--seed", 3)
    whole, cut = generate(*words).lines, generate(*words, "--length", 4).lines
    assert all(long.startswith(short) for long, short in zip(whole, cut, strict=True))
    assert max(map(len, cut)) == len("The") + 4 < max(map(len, whole))


def test_lines_are_sampled_after_a_newline(model: TextGenerator) -> None:
    """The first characters of many lines have the frequencies that the network predicts."""
    network, tokenizer = model.network, model.tokenizer
    newline = tokenizer.encode("\n")
    logits, _ = network.read(np.array([newline]), np.array([1]))
    logits[:, :EOS] = -np.inf  # tokens without text
    expected: Counter[str] = Counter()
    for token, probability in enumerate(softmax(logits[0])):
        text = tokenizer.decode_token(token)
        expected[text] += probability if text.strip() else 0  # a blank line is drawn again
    config = SamplingConfig(temperature=1, length=1, seed=0)
    lines = chain.from_iterable(model.lines(3_000, config=config))
    found = Counter(line.text for line in lines)
    for text, probability in expected.items():
        assert found[text] / 3_000 == pytest.approx(probability / expected.total(), abs=0.03)
    assert max(expected.values()) / expected.total() > 0.08


def test_a_model_that_writes_only_blank_lines_is_explained(tmp_path: Path) -> None:
    data = write_lines(tmp_path / "blank.txt", *["a", *[""] * 30] * 100)
    blank = train(data, tmp_path / "m", "--steps", 20, "--learning-rate", 0.1)
    result = call("generate", "-m", blank, "--lines", 2, "--temperature", 0)
    assert (result.code, result.out) == (1, b"")
    assert "blank line" in result.err
    assert "hint: raise --temperature" in result.err
    assert call("generate", "-m", blank, "a", "--lines", 2, "--temperature", 0).lines == ["a", "a"]


@pytest.mark.parametrize(
    "others",
    [["-n", 2], ["--stop", "x"], ["-i", "texts.txt"], ["--column", "text"], ["two\nlines"]],
    ids=lambda others: others[0],
)
def test_options_that_contradict_lines_are_refused(others: list[object]) -> None:
    said = generate("--lines", 2, *others, code=2).err
    assert said.startswith("error: ")
    assert "\nhint: " in said


def test_several_prompts_are_taken_for_one_without_quotation_marks() -> None:
    assert "rnncli generate 'The ferry'" in generate("The", "ferry", code=2).err


def test_a_rejected_text_is_sampled_again_and_the_others_stay(model: TextGenerator) -> None:
    config = SamplingConfig(length=8, seed=5)
    asked: list[int] = []

    def has_an_e(texts: Any) -> list[bool]:
        asked.append(len(texts))
        return ["e" in text for text in texts]

    usual = [own.text for own in model.samples(["The"], 30, config)[0]]
    wanted = [Constraint(has_an_e, RnncliError("no e", "try again"))]
    found = [own.text for own in model.samples(["The"], 30, config, wanted)[0]]
    assert all("e" in text for text in found)
    assert [a for a in usual if "e" in a] == [
        b for a, b in zip(usual, found, strict=True) if "e" in a
    ]
    assert asked[0] == 30 > asked[1] == sum("e" not in text for text in usual) > 0


def test_the_constraint_is_explained_after_the_last_try(model: TextGenerator) -> None:
    asked: list[int] = []

    def never(texts: Any) -> list[bool]:
        asked.append(len(texts))
        return [False] * len(texts)

    with pytest.raises(RnncliError, match="no such text"):
        model.samples(
            ["The"],
            2,
            SamplingConfig(length=2),
            [Constraint(never, RnncliError("no such text", "-"))],
        )
    assert asked == [2] * MAX_TRIES


# Scores

ODD = [
    "",
    " ",
    "The gulls\r",
    "a\u2028b",
    "日本 🙂 é",
    "x\0\x1b[31m",
    "tab\there",
    "The ferry goes.",
]


def bits_step_by_step(model: TextGenerator, text: str) -> list[float]:
    """Return the bits of each token of a line, reading one after the other."""
    ids = model.tokenizer.encode("\n") + model.tokenizer.encode(text + "\n")
    state, bits = model.network.empty_state(1), []
    for token, target in pairwise(ids):
        logits, state = model.network.step(np.array([token]), state)
        bits.append(-float(log_softmax(logits[0].astype(np.float64))[target]) / np.log(2))
    return bits


@given(st.lists(st.text(max_size=20) | st.sampled_from(ODD), max_size=6))
@example(ODD)
@settings(max_examples=30)
def test_a_line_scores_among_others_as_it_does_step_by_step(
    model: TextGenerator, texts: list[str]
) -> None:
    found = model.surprisal(texts)
    assert [one.text for one in found] == texts
    for text, one in zip(texts, found, strict=True):
        expected = sum(bits_step_by_step(model, text))
        assert one.bits_per_character * (len(text) + 1) == pytest.approx(expected, rel=1e-5)
        assert sum(bits for _, bits in one.pieces()) == pytest.approx(expected, rel=1e-5)
        assert "".join(piece for piece, _ in one.pieces()) == text + "\n"
        assert all(len(piece) == 1 for piece, _ in one.pieces())  # characters, not their bytes


def test_a_text_that_is_read_in_pieces_scores_as_if_it_were_not(model: TextGenerator) -> None:
    text = (STORY.replace("\n", " ") * 60)[: MAX_CHARACTERS + 4_000] + "é"
    (found,) = model.surprisal([text])
    expected = bits_step_by_step(model, text)
    assert found.bits_per_character == pytest.approx(sum(expected) / (len(text) + 1), rel=1e-5)
    assert "".join(piece for piece, _ in found.pieces()) == text + "\n"
    bits = [bits for _, bits in found.pieces()]
    np.testing.assert_allclose(bits[:-2], expected[: len(text) - 1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("level", ["char", "word", "subword"])
@given(text=st.text(max_size=30) | st.sampled_from(ODD))
def test_tokens_end_where_the_text_goes_on(level: Any, text: str) -> None:
    tokenizer = TOKENIZERS[level]
    ids, ends = tokenizer.encode_with_ends(text)
    assert ids == tokenizer.encode(text)
    assert ends == sorted(ends)
    assert ends[-1:] == [len(text)][: len(text)]


TOKENIZERS = {level: Tokenizer.train([STORY], level, 400) for level in ("char", "word", "subword")}


def test_a_line_out_for_each_line_in_with_its_score_before_it() -> None:
    data = b"The baker\n\nzxqj\r\nThe ferry"
    result = call("generate", "-m", generator(), "--score", stdin=data)
    scores, texts = zip(*(line.split("\t") for line in result.lines), strict=True)
    assert texts == ("The baker", "", "zxqj", "The ferry")
    assert all(len(score.partition(".")[2]) == 4 for score in scores)
    assert float(scores[2]) == max(map(float, scores))  # what is strange stands out
    assert float(scores[2]) > 1.5 * float(scores[0])
    assert result.err == ""
    assert generate("--score", *texts).out == result.out


def test_objects_have_the_bits_of_each_character() -> None:
    (found,) = objects("--score", "The ferry")
    assert [part["text"] for part in found["characters"]] == list("The ferry\n")
    total = sum(part["bits"] for part in found["characters"])
    assert found["bits_per_character"] == pytest.approx(total / 10, abs=1e-3)
    assert found["text"] == "The ferry"


def test_scores_become_a_column(tmp_path: Path) -> None:
    table = write_lines(tmp_path / "t.csv", "n,text", "1,The ferry", '2,"a, b"')
    lines = generate("--score", "--column", "text", "-i", table).lines
    assert lines[0] == "n,text,bits_per_character"
    (alone,) = generate("--score", "a, b").lines
    assert lines[2].startswith('2,"a, b",')
    assert float(lines[2].rpartition(",")[2]) == pytest.approx(
        float(alone.split("\t")[0]), abs=1e-4
    )


def test_characters_are_coloured_by_their_bits_with_a_legend() -> None:
    words = ("--score", "The ferry", "zz\tq", "")
    plain, painted = generate(*words), generate(*words, "--color", "always")
    assert "\x1b[" not in plain.out.decode() + plain.err
    assert re.sub(r"\x1b\[[\d;]*m", "", painted.out.decode()) == plain.out.decode()
    legend = re.findall(r"\x1b\[([\d;]+)m from (\d+) \x1b", painted.err)
    codes = ["", *(code for code, _ in legend)]
    limits = [int(limit) for _, limit in legend]
    assert limits == [2, 4, 6, 9]
    assert len(set(codes)) == 5
    for line, found in zip(painted.lines, objects(*words), strict=True):
        expected = ""
        for degree, parts in groupby(
            found["characters"][:-1], lambda part: sum(part["bits"] >= limit for limit in limits)
        ):
            text = "".join(part["text"] for part in parts)
            expected += f"\x1b[{codes[degree]}m{text}\x1b[0m" if degree else text
        assert line.partition("\t")[2] == expected
    assert "\x1b[" in painted.lines[1]
    assert generate(*words, "--color", "always", "-q").err == ""


@pytest.mark.parametrize("extra", [["--color", "never"], ["--json"], ["-q", "--color", "never"]])
def test_scores_have_no_colours_in_json_or_if_refused(extra: list[str]) -> None:
    result = call("generate", "-m", generator(), "--score", "zq", *extra, env={"FORCE_COLOR": "1"})
    assert "\x1b" not in result.out.decode() + result.err


def test_no_color_overrides_color_always() -> None:
    words = ("generate", "-m", generator(), "--score", "zq", "--color", "always")
    assert "\x1b" not in call(*words, env={"NO_COLOR": "1"}).out.decode()


def test_scored_text_does_not_steer_a_terminal() -> None:
    sent = on_a_terminal(
        "generate", "-m", generator(), "--score", stdin=b"a\x1b]0;x\x07b\n"
    ).decode()
    assert "\x1b]" not in sent and "\x07" not in sent
    assert "␛" in sent and "␇" in sent
    assert "bits of each character" in sent


@pytest.mark.parametrize(
    "others", [["-n", 2], ["--lines", 3], ["--temperature", 1.5], ["--seed", 0], ["--stop", "x"]]
)
def test_options_that_contradict_scores_are_refused(others: list[object]) -> None:
    said = generate("--score", "a", *others, code=2).err
    error = f"error: {others[0]} does not go with --score"
    command = f"rnncli generate -m {generator()} --score a"
    assert said == f"{error}\nhint: leave {others[0]} out: {command}\n"
