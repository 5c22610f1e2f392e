"""Names, numbers and addresses that a model does not know come through."""

import json
from pathlib import Path
from shutil import copytree

import pytest
from models import sentence_translator
from shell import call

from rnncli.tasks.translate.reading import Reading
from rnncli.tasks.translate.source_profile import SOURCES
from rnncli.tasks.translate.stand_ins import Copy, StandIns, restore
from rnncli.tasks.translate.translation import Translation

PAIRS = [
    ("We wait for Anna.", "アンナを待つ。"),
    ("It is 10 now.", "今10時だ。"),
    ("We like Monday.", "月曜日が好きだ。"),
]


def test_stand_ins_are_words_that_targets_repeat_or_transcribe() -> None:
    found = StandIns.of(20 * PAIRS)
    assert (found.names, found.numbers) == (("Anna=アンナ",), ("10=10",))
    assert StandIns.of(PAIRS) == StandIns((), ())


def test_capitals_make_no_names_where_all_nouns_have_one() -> None:
    nouns = ("Hund", "Haus", "Baum", "Ball", "Mann", "Hut", "Tisch") * 5
    german = [(f"Wir sehen den {noun}.", "We see it.") for noun in nouns]
    name = ("Wir sehen Anna.", "We see Anna.")
    assert StandIns.of(20 * [*german, name]).names == ()
    assert StandIns.of(20 * [*german[:5], name]).names == ("Anna=Anna",)


@pytest.mark.parametrize(
    ("text", "read", "words"),
    [
        ("I saw Kowal, and Tom.", "I saw Ann, and Tom.", ["Kowal"]),
        ("In 1987 he met Kowal.", "In 2013 he met Tom.", ["1987", "Kowal"]),
        ("Mr. Kowal is here.", "Mr. Tom is here.", ["Kowal"]),
        ("Kowal and 20 others", "Kowal and 20 others", []),
        ("Call Xa, Xb and Xc", "Call Xa, Xb and Xc", []),
        ("on 17 March", "on 20 March", ["17"]),
        ("4,799 euros in 1987", "20 euros in 2013", ["4,799", "1987"]),
    ],
)
def test_unknown_names_and_numbers_are_replaced(text: str, read: str, words: list[str]) -> None:
    stand_ins = StandIns(("Tom=Tom", "Ann=Anne"), ("2013=2013", "20=20"))
    known = {"20", "Xa", "Xb", "Xc"}
    replaced, copies = stand_ins.replace_names(text, lambda word: word not in known)
    assert (replaced, [copy.word for copy in copies]) == (read, words)


@pytest.mark.parametrize(
    "address", ["https://example.org/a?b=1", "www.example.org", "a.b+c@example.org", "@ann", "#tag"]
)
def test_addresses_are_replaced_whole(address: str) -> None:
    replaced, copies = StandIns(("Tom=Tom",), ()).replace_addresses(f"see {address}, please")
    assert (replaced, copies) == ("see Tom, please", (Copy(address, "Tom"),))
    assert restore("voyez Tom", copies) == f"voyez {address}"


def test_copied_words_are_put_where_their_stand_ins_are() -> None:
    copies = (Copy("Kowal", "トム"), Copy("1987", "2013"))
    assert restore("トムは2013年", copies) == "Kowalは1987年"
    assert restore("Tomate, Tom", [Copy(r"\1", "Tom")]) == r"Tomate, \1"
    assert restore("nothing", copies) == "nothing"
    assert restore("120 and 20", [Copy("37", "20")]) == "120 and 37"
    assert restore("20kg", [Copy("2.5", "20")]) == "2.5kg"


def test_translations_that_lose_a_word_or_a_long_number_come_last() -> None:
    texts = ["cinq euros", "５００ euros", "500 euros pour Kowal"]
    translations = [Translation(text, 0.0, 3) for text in texts]
    numbers = Reading("500 euros", numbers=("500",)).best_first(translations)
    assert [t.text for t in numbers] == [texts[1], texts[2], texts[0]]
    reading = Reading("Tom", copies=(Copy("Kowal", "Tom"),))
    assert reading.best_first(translations)[0].text == texts[2]
    assert [reading.lost_words(t) for t in translations] == [1, 1, 0]


def test_an_address_and_emoji_come_through_the_command(tmp_path: Path) -> None:
    model = Path(copytree(sentence_translator(), tmp_path / "model"))
    config = json.loads((model / "config.json").read_text())
    config["task_values"][SOURCES]["stand_ins"]["names"] = "The cat=chat"
    (model / "config.json").write_text(json.dumps(config))
    smiles = (":D", "😊 :-)", "12 :P")
    line, *others = call("translate", "-m", model, "@felix sleeps here 😊", *smiles).lines
    assert line == "Le @felix dort ici 😊"
    assert tuple(others) == smiles  # nothing to translate
