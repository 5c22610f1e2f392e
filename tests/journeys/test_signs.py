"""Letters and signs that look alike are read alike, however they were typed."""

import unicodedata
from pathlib import Path

from corpora import as_csv, write
from models import QUICK, classifier, train, translator
from shell import call, explained

from rnncli import load
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.tasks.translate.predict import Translator

TYPOGRAPHIC = {
    "It's \"fine\" - isn't it...": "It\u2019s \u201cfine\u201d \u2013 isn\u2019t it\u2026",
    "the baker's lamp": "the baker\u2019s\u00a0lamp",
}


def test_typographic_signs_are_read_as_plain_ones() -> None:
    model = load(classifier())
    assert isinstance(model, TextClassifier)
    plain, typographic = model(list(TYPOGRAPHIC)), model(list(TYPOGRAPHIC.values()))
    assert [a.probabilities for a in plain] == [b.probabilities for b in typographic]
    translate = load(translator())
    assert isinstance(translate, Translator)
    assert [t.text for t in translate(["the baker's cat sings"])] == [
        t.text for t in translate(["the baker\u2019s cat sings"])
    ]


def test_an_ellipsis_is_read_as_three_full_stops_and_shown_as_it_was_typed() -> None:
    translate = load(translator())
    assert isinstance(translate, Translator)
    plain = [t.text for t in translate(["the cat ... sings <b>here</b>", "zebras... eat here"])]
    typed = ["the cat \u2026 sings <b>here</b>", "zebras\u2026 eat here"]
    translations = [t.text for t in translate(typed)]
    assert [text.replace("\u2026", "...") for text in translations] == plain
    alignments = translate.align(typed, translations)
    assert [" ".join(each.source) for each in alignments] == typed


def test_signs_of_a_prompt_that_a_generator_does_not_know_are_read_as_plain_ones(
    tmp_path: Path,
) -> None:
    plain, typographic = next(iter(TYPOGRAPHIC.items()))
    for text in (plain, typographic):
        data = write(tmp_path / "text.txt", f"{text}\n" * 40)
        model = tmp_path / f"model-{text.isascii()}"
        train(Path(data), model, *QUICK)
        typed = call("generate", "-m", model, "--seed", 1, "--length", 9, typographic)
        assert typed.out.decode().startswith(typographic)
        assert ("are read as plain ones: " in typed.err) == text.isascii()
        if text.isascii():
            asked = call("generate", "-m", model, "--seed", 1, "--length", 9, plain)
            assert typed.out.decode().removeprefix(typographic) == asked.out.decode().removeprefix(
                plain
            )


def test_signs_of_the_training_texts_do_not_matter(tmp_path: Path) -> None:
    rows = [(f"it\u2019s {i} and isn\u2019t it", "yes") for i in range(20)]
    rows += [(f"he\u2019d {i} and couldn\u2019t", "no") for i in range(20)]
    data = write(tmp_path / "a.csv", as_csv([("text", "label"), *rows]))
    model = load(train(Path(data), tmp_path / "model", *QUICK))
    assert isinstance(model, TextClassifier)
    assert [answer.label for answer in model(["it's 3 and isn't it", "he'd 4"])] == ["yes", "no"]


def test_letters_in_parts_are_read_as_whole_ones(tmp_path: Path) -> None:
    rows = [(f"ch\u1eafc ch\u1eafn v\u1eady {i}", "t\u1ed1t") for i in range(20)]
    rows += [(f"r\u1ea5t t\u1ec7 qu\u00e1 {i}", "x\u1ea5u") for i in range(20)]
    data = write(tmp_path / "a.csv", as_csv([("text", "label"), *rows]))
    model = train(Path(data), tmp_path / "model", *QUICK)
    parts = [tuple(unicodedata.normalize("NFD", cell) for cell in row) for row in rows]
    assert parts != rows
    test = write(tmp_path / "test.csv", as_csv([("text", "label"), *parts]))
    result = call("evaluate", model, test, "--require", "accuracy>=0.95", "--no-baselines")
    assert result.code == 0, result.err
    predictor = load(model)
    assert isinstance(predictor, TextClassifier)
    assert [answer.label for answer in predictor([parts[0][0], parts[-1][0]])] == [
        "t\u1ed1t",
        "x\u1ea5u",
    ]


def test_bytes_of_another_encoding_go_out_as_they_came_in(tmp_path: Path) -> None:
    rows = b"id;text;price\r\n1;The kettle \x96 5 \x80;1,50\r\n2;Tr\xe8s cass\xe9, a lamp;2\r\n"
    (tmp_path / "a.csv").write_bytes(rows)
    arguments = ("classify", "-m", classifier(), "--column", "text", "-i", tmp_path / "a.csv")
    result = call(*arguments)
    assert result.code == 0, result.err
    lines = zip(result.out.split(b"\r\n"), rows.split(b"\r\n"), strict=True)
    assert all(answered.startswith(row) for answered, row in lines)
    assert result.err.count("4 bytes not UTF-8") == 1
    explained(call(*arguments, "-o", tmp_path / "a.csv"), 2, "input and output at once")
    assert (tmp_path / "a.csv").read_bytes() == rows


def test_capitals_are_read_in_the_case_that_the_model_knows() -> None:
    translate = load(translator())
    assert isinstance(translate, Translator)
    sources = ["the baker sings today", "my brother eats here"]
    expected = [t.text for t in translate(sources)]
    assert [t.text for t in translate([text.upper() for text in sources])] == expected
    assert [t.text for t in translate([text.capitalize() for text in sources])] == expected
    result = call("translate", "-m", translator(), stdin=b"THE BAKER SINGS TODAY\n")
    assert result.lines == expected[:1]
    assert result.err.count("read with other capitals") == 1
