"""Terms are translated as a glossary says, marks and placeholders stay."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from shell import call

from rnncli import Translator
from rnncli.analysis.alignment import Alignment
from rnncli.tasks.translate.marks import PLACE, put_back, take_off


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.load("bundled:en-fr")


def test_a_term_stands_in_the_place_of_its_usual_translation(translator: Translator) -> None:
    glossary = {"dog": ["clébard"], "car": ["bagnole", "bagnoles"]}
    texts = ["The dog is in the house.", "My car is red.", "Hello!"]
    usual = [translation.text for translation in translator(texts)]
    found = [translation.text for translation in translator(texts, glossary=glossary)]
    assert usual == ["Le chien est dans la maison.", "Ma voiture est rouge.", "Bonjour !"]
    assert found == ["Le clébard est dans la maison.", "Ma bagnole est rouge.", "Bonjour !"]


def test_what_is_to_stay_stays(translator: Translator) -> None:
    texts = [
        "Call {name} at 10:30 pm, {name}!",
        "It costs $20 or 3.5 kg of 3,141.",
        "<b>This house</b> is too small 😀 for us &amp; him.",
        "see you at acme corp tomorrow 👋",
        "@a, @b, @c, @d and @e met at 8:15.",
    ]
    kept = [
        ["{name}", "{name}", "10:30 pm"],
        ["$20", "3.5 kg", "3,141"],
        ["<b>", "</b>", "😀", "&amp;"],
        ["acme corp", "👋"],
        ["@a", "@b", "@c", "@d", "@e", "8:15"],
    ]
    translations = translator(texts, keep=["(?i:ACME CORP)"])
    for phrases, translation in zip(kept, translations, strict=True):
        for phrase in phrases:
            assert translation.text.count(phrase) >= phrases.count(phrase)


def test_marks_follow_the_words_that_they_are_about() -> None:
    translation = "la voiture rouge est nouvelle !"
    marked = "the <i>red car</i> 🚗 <b>is</b> new 😀!"
    texts = ["<i>", "</i>", "🚗", "<b>", "</b>", "😀"]
    for text in texts:
        marked = marked.replace(text, PLACE, 1)
    plain, marks = take_off(marked, texts)
    assert plain == "the red car is new!"
    order = [0, 2, 1, 3, 4, 4]  # the source word of each target word
    weights = np.eye(5, dtype=np.float32)[order]
    align = lambda a, b: Alignment(tuple(a.split()), tuple(b.split()), weights)  # noqa: E731
    written = put_back(marks, plain, translation, align)
    assert written == "la <i>voiture rouge</i> 🚗 <b>est</b> nouvelle 😀 !"


def test_the_command_reads_a_glossary_and_tells_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "terms.tsv"
    path.write_bytes("\ufeffCar\tbagnole\t\tbagnoles\r\n\n".encode())
    command = partial(call, "translate", "--to", "fr", "--glossary", path, "My car is red.")
    assert command().lines == ["Ma bagnole est rouge."]
    path.write_text("car\tbagnole\nhouse\n", "utf-8")
    assert "terms.tsv, line 2: there is no term with a translation" in command().err
    path.write_text("car\tbagnole\n", "utf-8")
    assert "matches an empty text" in command("--keep", "x*").err
