"""Explanations by occlusion: scores of words, and their output."""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from models import SUBJECTS, VERDICTS, classifier, write_lines
from shell import Result, call, on_a_terminal

import rnncli as package
from rnncli import TextClassifier, explain
from rnncli.analysis.occlusion import MAX_VARIANTS, Span
from rnncli.networks.numerics import softmax

WORDS = ("lovely", "dreadful", "was", "soup", "not", "xyzzy!")
ODD = "the soup\twas  \N{SNOWMAN} (lovely)"


class Counting:
    """A linear classifier of words, with three labels."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        return np.array([self._of_text(text) for text in texts])

    def _of_text(self, text: str) -> np.ndarray:
        counts = Counter(text.split()).items()
        return sum((n * self._of_word(word) for word, n in counts), np.zeros(3))

    @staticmethod
    @cache
    def _of_word(word: str) -> np.ndarray:
        return np.random.default_rng(list(word.encode())).normal(size=3)


def words_of(text: str, spans: Sequence[Span]) -> list[str]:
    return [text[span.start : span.end] for span in spans]


def log_odds(classifier: Any, text: str, label: int) -> float:
    probabilities = softmax(classifier.logits([text])[0].astype(np.float64))
    return float(np.log(probabilities[label] / np.delete(probabilities, label).sum()))


# Scores


@pytest.mark.parametrize(
    "build", [Counting, lambda: TextClassifier.load(classifier())], ids=["any", "ours"]
)
@given(words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=6))
def test_a_score_is_the_drop_of_the_log_odds_without_the_word(
    build: Callable[[], Any], words: list[str]
) -> None:
    model, text = build(), " ".join(words)
    label = int(model.logits([text])[0].argmax())
    (spans,) = explain(model, [text])
    assert words_of(text, spans) == words
    for i, span in enumerate(spans):
        without = " ".join(words[:i] + words[i + 1 :])
        lost = log_odds(model, text, label) - log_odds(model, without, label)
        assert span.score == pytest.approx(lost, abs=1e-3)


def test_removing_the_highest_scores_lowers_the_probability_most() -> None:
    model = TextClassifier.load(classifier())
    texts = [
        f"the {subject} {verdict}" for subject in SUBJECTS for verdict in sum(VERDICTS.values(), ())
    ]
    actual = explain(model, texts)

    def probabilities(strongest: bool) -> float:
        """Return the mean probability of the labels without two words of each text."""
        shorter = []
        for text, spans in zip(texts, actual, strict=True):
            by_score = sorted(spans, key=lambda span: span.score, reverse=strongest)
            shorter.append(" ".join(words_of(text, sorted(by_score[2:], key=lambda s: s.start))))
        labels = [result.label for result in model(texts)]
        results = zip(model(shorter), labels, strict=True)
        return float(np.mean([result.probabilities[label] for result, label in results]))

    given = float(np.mean([result.probability for result in model(texts)]))
    assert probabilities(strongest=True) < min(given, probabilities(strongest=False)) - 0.1


def test_a_word_is_removed_with_one_space() -> None:
    model = Counting()
    explain(model, [ODD])
    assert model.asked == [
        ODD,
        "soup\twas  \N{SNOWMAN} (lovely)",
        "the was  \N{SNOWMAN} (lovely)",
        "the soup\t \N{SNOWMAN} (lovely)",
        "the soup\twas  (lovely)",
        "the soup\twas  \N{SNOWMAN}",
    ]


def test_characters_are_the_words_of_a_script_without_spaces() -> None:
    text = "映画 was 良い。"
    assert words_of(text, explain(Counting(), [text])[0]) == ["映", "画", "was", "良", "い", "。"]


@given(number=st.integers(1, 5 * MAX_VARIANTS))
@example(MAX_VARIANTS)
@example(MAX_VARIANTS + 1)
def test_a_long_text_is_explained_by_groups_of_words(number: int) -> None:
    heard: list[str] = []
    text, model = " ".join(WORDS[i % 2] for i in range(number)), Counting()
    spans, _ = explain(model, [text, text], heard.append)
    assert len(model.asked) == 2 * (1 + len(spans))
    assert len(spans) <= MAX_VARIANTS
    assert " ".join(words_of(text, spans)) == text
    sizes = {len(words.split()) for words in words_of(text, spans)[:-1]}
    assert len(sizes) <= 1  # all alike but the last
    assert len(heard) == (number > MAX_VARIANTS)
    assert (len(spans) == number) == (number <= MAX_VARIANTS)


def test_other_texts_do_not_change_scores() -> None:
    model = Counting()
    texts = ["so " * 2_000 + "good", "", "not good", " \t", "a", "b " * 4_000]
    batched = explain(model, texts)
    assert batched == [explain(model, [text])[0] for text in texts]
    assert [bool(spans) for spans in batched] == [True, False, True, False, True, True]


def test_the_scores_of_an_only_label_are_zero() -> None:
    class Certain:
        def logits(self, texts: Sequence[str]) -> np.ndarray:
            return np.ones((len(texts), 1))

    assert [span.score for span in explain(Certain(), ["a b"])[0]] == [0, 0]


def test_blank_texts_are_not_classified() -> None:
    model = Counting()
    assert explain(model, ["", " \n\u2003"]) == [[], []]
    assert explain(model, []) == []
    assert model.asked == []


# The command


def classify(*options: object, code: int = 0) -> Result:
    result = call("classify", "-m", classifier(), "--explain", *options)
    assert result.code == code, result.err
    return result


def objects(*options: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in classify(*options, "--json").lines]


def test_each_output_line_ends_with_its_strongest_words() -> None:
    data = b"the soup was lovely\n\na\tdreadful map\r\n  "
    result = call("classify", "-m", classifier(), "--explain", stdin=data)
    assert (result.code, result.err) == (0, "")
    plain = call("classify", "-m", classifier(), stdin=data)
    lines, named = zip(*(line.rsplit("\t", 1) for line in result.lines), strict=True)
    assert list(lines) == plain.lines
    assert named[1] == named[3] == ""
    assert named[0].split()[0] == "+lovely"
    assert named[2].split()[0] == "+dreadful"


def test_words_are_sorted_by_strength_and_have_signs() -> None:
    texts = ["the soup was lovely", "a dreadful lamp was lovely and lovely again , the map says"]
    for text, line in zip(texts, classify(*texts).lines, strict=True):
        (actual,) = explain(TextClassifier.load(classifier()), [text])
        scores = sorted(actual, key=lambda span: -abs(span.score))[:5]
        strong = [span for span in scores if abs(span.score) >= 0.1 * abs(scores[0].score)]
        expected = [f"{'-+'[s.score > 0]}{text[s.start : s.end]}" for s in strong]
        assert line.split("\t")[3] == " ".join(expected)
    is_bad = line.startswith("bad")
    assert ("+dreadful" if is_bad else "-dreadful") in line
    assert ("-lovely" if is_bad else "+lovely") in line


def test_json_has_the_position_and_score_of_every_word() -> None:
    text = " the soup\twas lovely"
    answer, blank = objects(text, " ")
    assert list(answer) == ["text", "label", "probability", "probabilities", "explanation"]
    assert answer["explanation"]["method"] == "occlusion"
    (spans,) = explain(package.load(classifier()), [text])
    for notices, span in zip(answer["explanation"]["spans"], spans, strict=True):
        assert (notices["start"], notices["end"]) == (span.start, span.end)
        assert notices["text"] == text[span.start : span.end]
        assert notices["score"] == pytest.approx(span.score, abs=1e-4)
    assert blank["explanation"] is None


def test_groups_of_words_are_announced_once() -> None:
    text = "so\tso " * MAX_VARIANTS + '"lovely'
    result = classify("--batch-size", 1, text, text)
    assert result.err.count("groups of neighbouring words") == 1
    fields = [line.rsplit("\t", 1)[1] for line in result.lines]
    assert len(fields) == 2
    for field in fields:
        for piece in re.findall(r'[+-]("(?:[^"\\]|\\.)*"|\S+)', field):
            assert json.loads(piece) in text
    (single,) = classify('"lovely').lines
    assert single.endswith('\t+"\\"lovely"')


def test_strongest_words_become_a_column(tmp_path: Path) -> None:
    table = write_lines(tmp_path / "t.csv", "n,text", '1,"the soup, was lovely"', "")
    header, row, blank = classify("--column", "text", "-i", table).lines
    assert header == "n,text,label,probability,explanation"
    (cells,) = csv.reader([row])
    assert cells[1] == "the soup, was lovely"
    assert cells[4].split()[0] == "+lovely"
    assert blank == ""
    rows = write_lines(tmp_path / "t.jsonl", '{"text": "the soup was lovely"}')
    (answer,) = [json.loads(line) for line in classify("--column", "text", "-i", rows).lines]
    spans = answer["explanation"]["spans"]
    assert " ".join(span["text"] for span in spans) == "the soup was lovely"


def test_filtered_texts_are_not_explained() -> None:
    (line,) = classify("--only", "bad", "the soup was lovely", "a dreadful map").lines
    assert line.split("\t")[2] == "a dreadful map"
    assert line.split("\t")[3].startswith("+dreadful")


# Colours


def test_words_are_coloured_by_their_scores_with_a_legend() -> None:
    texts = ("a dreadful lamp was lovely and lovely\tagain", "", "xyzzy")
    plain, painted = classify(*texts), classify(*texts, "--color", "always")
    assert "\x1b[" not in plain.out.decode() + plain.err
    bare = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in painted.lines]
    assert bare == [line.rsplit("\t", 1)[0] for line in plain.lines]
    legend = re.findall(r"\x1b\[([\d;]+)m (\d+) % \x1b", painted.err)
    codes = [code for code, _ in legend]
    limits = [int(limit) / 100 for _, limit in legend[:3]]
    assert limits == sorted(limits) == [int(limit) / 100 for _, limit in legend[3:]]
    assert len(set(codes)) == 6
    assert len(re.sub(r"\x1b\[[\d;]*m", "", painted.err).rstrip()) < 80
    for line, actual in zip(painted.lines, objects(*texts), strict=True):
        spans = (actual["explanation"] or {"spans": []})["spans"]
        largest = max((abs(span["score"]) for span in spans), default=0)
        expected = [
            (codes[3 * (span["score"] < 0) + degree - 1], span["text"])
            for span in spans
            if (degree := sum(abs(span["score"]) >= limit * largest > 0 for limit in limits))
        ]
        assert re.findall(r"\x1b\[([\d;]+)m(.+?)\x1b\[0m", line) == expected
    assert all(
        any(f"[{code}m" in painted.lines[0] for code in some) for some in (codes[:3], codes[3:])
    )
    assert classify(*texts, "--color", "always", "-q").err == ""


@pytest.mark.parametrize(
    ("options", "env"),
    [(["--color", "never"], {}), (["--json"], {}), (["--color", "always"], {"NO_COLOR": "1"})],
)
def test_colours_can_be_switched_off(options: list[str], env: dict[str, str]) -> None:
    words = ("classify", "-m", classifier(), "--explain", "a lovely map", *options)
    result = call(*words, env={"FORCE_COLOR": "1", **env})
    assert "\x1b[" not in result.out.decode()
    assert "lovely" in result.out.decode().replace("a lovely map", "")


def test_control_characters_in_explanations_are_escaped() -> None:
    sent = on_a_terminal(
        "classify", "-m", classifier(), "--explain", stdin=b"a\x1b]0;x\x07b lovely\n"
    ).decode()
    assert "\x1b]" not in sent and "\x07" not in sent
    assert "␛" in sent and "␇" in sent
    assert "for the label" in sent
