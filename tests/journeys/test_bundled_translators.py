"""The translators that come with rnncli, as a person meets them who has trained none."""

import json
import shlex
from pathlib import Path

import pytest
from models import pairs, translator, write_lines
from shell import Result, call, explained
from shell import rnncli as rnncli_process

from rnncli.storage.bundled import bundled_models

NOWHERE = {"LC_ALL": "C"}  # a locale of no language
TEXTS = ("My brother is a doctor.", "Where is the station?")
WORDS = {"fr": ("frère", "gare"), "ja": ("医者", "駅")}  # in their translations
LETTERS = {"fr": "eart", "ja": "。は"}  # of which nearly every text has some

translates = pytest.mark.parametrize("language", WORDS)


def translate(*arguments: object, cwd: Path, **variables: str) -> Result:
    return call("translate", *arguments, cwd=cwd, env=NOWHERE | variables)


@translates
def test_each_translates(language: str, tmp_path: Path) -> None:
    lines = "\n".join(TEXTS).encode()
    result = rnncli_process("translate", "--to", language, cwd=tmp_path, stdin=lines, env=NOWHERE)
    assert result.code == 0
    for word, line in zip(WORDS[language], result.lines, strict=True):
        assert word in line
    assert result.err.count(f"bundled:en-{language}") == 1
    assert "rnncli train" in result.err
    assert list(tmp_path.iterdir()) == []


@translates
def test_it_writes_its_language(language: str, tmp_path: Path) -> None:
    texts = ("My brother works in a hospital.", "We had dinner at eight.", "Is it far from here?")
    named = translate("-m", f"bundled:en-{language}", *texts, cwd=tmp_path)
    assert (named.code, named.err) == (0, "")
    assert set(LETTERS[language]) <= set("".join(named.lines))
    assert named.lines == translate("--to", language, *texts, cwd=tmp_path).lines


@translates
@pytest.mark.parametrize("variable", ["LC_ALL", "LC_MESSAGES", "LANG"])
def test_the_locale_names_a_language(language: str, variable: str, tmp_path: Path) -> None:
    locale = {"LC_ALL": "", "LC_MESSAGES": ""} | {variable: f"{language}_XX.UTF-8"}
    result = translate("I love you.", cwd=tmp_path, **locale)
    assert result.code == 0
    assert "locale" in result.err
    assert f"bundled:en-{language}" in result.err


def test_without_a_language_it_is_asked_for(tmp_path: Path) -> None:
    asked = translate("I love you.", cwd=tmp_path)
    hint = explained(asked, 2, "language")
    assert hint == "rnncli translate 'I love you.' --to fr"
    assert translate(*shlex.split(hint)[2:], cwd=tmp_path).code == 0
    assert "--to ja" in asked.err
    english = translate("I love you.", cwd=tmp_path, LC_ALL="en_GB.UTF-8")
    explained(english, 2, "language")


def test_a_language_and_another_model_exclude_each_other(tmp_path: Path) -> None:
    result = translate("--to", "fr", "-m", translator(), "the cat", cwd=tmp_path)
    hint = explained(result, 2, "--to fr")
    assert "--to" not in shlex.split(hint.partition(": ")[2])
    same = translate("--to", "fr", "-m", "bundled:en-fr", "I love you.", cwd=tmp_path)
    assert same.code == 0


def test_a_language_that_no_translator_writes_is_an_error(tmp_path: Path) -> None:
    explained(translate("--to", "tlh", "I love you.", cwd=tmp_path), 2, "tlh")


def test_a_translator_of_ones_own_goes_first(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/translate").symlink_to(translator())
    own = translate("the cat sings today", cwd=tmp_path)
    assert "bundled" not in own.err
    bundled = translate("--to", "ja", "the cat sings today", cwd=tmp_path)
    assert "bundled:en-ja" in bundled.err
    assert bundled.lines != own.lines


def test_pairs_are_scored_by_the_translator_of_their_languages(tmp_path: Path) -> None:
    result = call("evaluate", pairs(), "--json", cwd=tmp_path, env=NOWHERE)
    assert result.code == 0, result.err
    assert "bundled:en-fr" in result.err
    assert json.loads(result.out)["bleu"]["score"] > 5
    other = write_lines(tmp_path / "p.tsv", "english\tgerman", "the cat\tdie Katze", "yes\tja")
    explained(call("evaluate", other, cwd=tmp_path, env=NOWHERE), 2, "from en to de")


@translates
def test_its_card_names_source_licence_and_scores(language: str) -> None:
    card = (bundled_models()[f"bundled:en-{language}"] / "README.md").read_text()
    for words in ("Tatoeba", "CC BY 2.0 FR", "| bleu |", "| chrf |", "--no-memory"):
        assert words in card
