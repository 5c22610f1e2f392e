"""Names that a model does not know, numbers, addresses and placeholders come through."""

import json
from pathlib import Path
from shutil import copytree

import pytest
from models import sentence_translator
from shell import call

from rnncli.tasks.translate.constraints import Constraint, copy_sources
from rnncli.tasks.translate.placeholders import WORDS
from rnncli.tasks.translate.source_profile import SOURCES
from rnncli.tasks.translate.stand_ins import NAMES, StandIns

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
        ("Mr. Kowal is here.", "Mr. Tom is here.", ["Kowal"]),
        ("Kowal and 20 others", "Kowal and 20 others", []),
        ("Call Xa, Xb and Xc", "Call Xa, Xb and Xc", []),
    ],
)
def test_unknown_names_are_replaced(text: str, read: str, words: list[str]) -> None:
    stand_ins = StandIns(("Tom=Tom", "Ann=Anne"), ())
    known = {"Xa", "Xb", "Xc"}
    replaced, copies = stand_ins.replace(text, NAMES, lambda word: word not in known)
    assert (replaced, [copy.source for copy in copies]) == (read, words)


PLACEHOLDERS = (
    *("https://example.org/a?b=1", "www.example.org", "a.b+c@example.org", "@ann", "#tag"),
    *("{name}", "{{ user.name }}", "${HOME}", "%s", "%(count)d", "`rm -r`"),
    *("$20", "€3.50", "1,000 USD", "20 %", "3.5 kg", "20°C", "10:30 pm", "4,799", "v2.1"),
    *("2024-05-03", "12/05/1998", "+33 6 12 34 56 78", "555-1234"),
)


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_placeholders_are_replaced_whole_and_copied(placeholder: str) -> None:
    text = f"see {placeholder}, please"
    replaced, (copy,) = StandIns((), ()).replace(text, WORDS, lambda _: True, are_required=True)
    (translation,) = copy.targets
    assert replaced == f"see {translation}, please"
    assert copy_sources(f"voyez {translation}", [copy]) == f"voyez {placeholder}"
    assert copy.lacking("voyez") == 1


def test_copied_words_are_put_where_their_stand_ins_are() -> None:
    copies = [Constraint("Kowal", ("トム",), 1, True), Constraint("1987", ("2013",), 1, True)]
    assert copy_sources("トムは２０１３年", copies) == "Kowalは1987年"
    assert copy_sources("Tomate, Tom", [Constraint(r"\1", ("Tom",), 1, True)]) == r"Tomate, \1"
    assert copy_sources("nothing", copies) == "nothing"
    assert copy_sources("120 and 20", [Constraint("37", ("20",), 1, True)]) == "120 and 37"
    assert copy_sources("20kg", [Constraint("2.5", ("20",), 1, True)]) == "2.5kg"
    assert [copies[0].lacking(text) for text in ("トムの", "Tom")] == [0, 1]


def test_an_address_and_emoji_come_through_the_command(tmp_path: Path) -> None:
    model = Path(copytree(sentence_translator(), tmp_path / "model"))
    config = json.loads((model / "config.json").read_text())
    config["task_values"][SOURCES]["stand_ins"]["names"] = "The cat=chat"
    (model / "config.json").write_text(json.dumps(config))
    smiles = (":D", "😊 :-)", "12 :P")
    line, *others = call("translate", "-m", model, "@felix sleeps here 😊", *smiles).lines
    assert line == "Le @felix dort ici 😊"
    assert tuple(others) == smiles  # nothing to translate
