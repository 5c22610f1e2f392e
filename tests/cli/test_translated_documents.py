"""``translate`` of documents: their texts are translated, and all else stays as it is."""

import json
from pathlib import Path

import pytest
from models import translator
from shell import Result, call, explained

import rnncli as api

TEXTS = ("the baker sings today", "a gull waits here", "my brother eats again")
SRT = """1\r
00:00:01,000 --> 00:00:02,500  X1:10\r
{\\an8}the baker\r
sings today\r
\r
2\r
00:00:03,000 --> 00:00:04,000\r
- a gull waits here\r
- my brother eats again\r
"""
MARKDOWN = """---
title: the baker sings today
---
# the baker sings today #

> - a gull waits here
>
>       the cat sleeps here

| my brother eats again |
| --- |
| 12 |

<div>
the cat sleeps here
</div>
"""
GETTEXT = """msgid ""
msgstr "Language: fr\\n"

# the cat sleeps here
#, fuzzy
msgid "the cat sleeps here"
msgstr "le chien dort"

msgctxt "bakery"
msgid "the baker sings today"
msgstr ""

msgid "a gull waits here\\n"
msgid_plural "my brother eats again\\n"
msgstr[0] ""
msgstr[1] ""
"""


def translate(*arguments: object) -> Result:
    return call("translate", "-m", translator(), *arguments)


@pytest.fixture(scope="module")
def translations() -> list[str]:
    return translate(*TEXTS).lines


def test_subtitles_keep_times_and_line_ends(translations: list[str], tmp_path: Path) -> None:
    first, second, third = translations
    (tmp_path / "film.srt").write_bytes(b"\xef\xbb\xbf" + SRT.encode())
    result = translate("-i", tmp_path / "film.srt", "-o", tmp_path / "french.srt")
    assert (result.code, result.out) == (0, b"")
    expected = SRT.replace("the baker\r\nsings today", first)
    expected = expected.replace(TEXTS[1], second).replace(TEXTS[2], third)
    assert (tmp_path / "french.srt").read_bytes() == b"\xef\xbb\xbf" + expected.encode()


def test_markdown_keeps_front_matter_code_and_html(translations: list[str], tmp_path: Path) -> None:
    (tmp_path / "text.md").write_text(MARKDOWN, "utf-8")
    result = translate("-i", tmp_path / "text.md")
    head, body = MARKDOWN.split("# ", 1)  # the title in the front matter stays
    for text, translation in zip(TEXTS, translations, strict=True):
        body = body.replace(text, translation)
    assert result.out.decode() == f"{head}# {body}"


def test_gettext_keeps_what_is_translated(translations: list[str], tmp_path: Path) -> None:
    (tmp_path / "fr.po").write_text(GETTEXT, "utf-8")
    result = translate("-i", tmp_path / "fr.po")
    first, second, third = translations
    head, body = GETTEXT.split('msgctxt "bakery"')
    body = body.replace('msgstr ""', f'msgstr "{first}"')
    body = body.replace('[0] ""', f'[0] "{second}\\n"').replace('[1] ""', f'[1] "{third}\\n"')
    assert result.out.decode() == f'{head}msgctxt "bakery"{body}'
    document = api.Translator.load(translator()).translate_document(tmp_path / "fr.po")
    assert document == result.out


def test_an_encoding_stays_if_it_can(tmp_path: Path) -> None:
    path = tmp_path / "text.md"
    path.write_bytes("# `été à la forêt`\n\nthe cat sleeps today\n".encode("cp1252"))
    result = translate("-i", path)
    assert "WINDOWS-1252" in result.err
    assert result.out.decode("cp1252").startswith("# `été à la forêt`\n\n")
    path.write_bytes("été\n\nthe cat sleeps “today” — the naïve café déjà\n".encode("utf-16"))
    assert translate("-i", path).out.decode("utf-16").endswith("\n")


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("film.srt", SRT.replace("00:00:03,000 --> ", ""), "line 6"),
        ("film.vtt", "WEBVTT\n\nthe cat sleeps here\n", "line 3"),
        ("fr.po", 'msgstr ""\n', "line 1"),
        ("fr.po", 'msgid "a"\n\nmsgid "b"\nmsgstr ""\n', "line 1"),
        ("fr.po", '# a\nmsgid "a\nmsgstr ""\n', "line 2"),
    ],
)
def test_a_broken_document_is_explained(name: str, content: str, line: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, newline="")
    hint = explained(translate("-i", tmp_path / name), 1, name, line)
    assert str(tmp_path / name) in hint


def test_json_has_the_texts_alone(translations: list[str], tmp_path: Path) -> None:
    (tmp_path / "film.srt").write_text(SRT, newline="")
    asked = ("-i", tmp_path / "film.srt", "--nbest", 2)
    assert explained(translate(*asked), 2, "--nbest").endswith("--nbest 2 --json")
    objects = [json.loads(line) for line in translate(*asked, "--json").lines]
    assert [found["source"] for found in objects] == list(TEXTS)
    assert [found["translation"] for found in objects] == translations


def test_many_documents_are_translated_into_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "film.srt").write_text(SRT, newline="")
    (folder / "broken.srt").write_text("the cat sleeps here\n")
    words = ("translate", "-m", translator(), "-i", "in/*.srt", "-o", "out", "--jobs", 1)
    result = call(*words, cwd=tmp_path)
    assert result.code == 1
    assert "broken.srt, line 1" in result.err
    assert not (tmp_path / "out" / "broken.srt").exists()
    alone = translate("-i", folder / "film.srt")
    assert (tmp_path / "out" / "film.srt").read_bytes() == alone.out
