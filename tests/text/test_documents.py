"""Documents: all but their texts stays to the byte, and translations leave their structure."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncli.errors import DataError
from rnncli.text.documents.document import Document
from rnncli.text.documents.reading import read_document
from rnncli.text.files import File

ENDINGS = st.sampled_from(["\n", "\r\n"])
MARKS = st.sampled_from([b"", b"\xef\xbb\xbf"])
WORDS = (
    "a",
    "cat",
    "Über",
    "sat",
    "2",
    "1984.",
    "it's",
    "%s",
    "{name}",
    "日本",
    "5 * 3",
    "<i>so</i>",
)
ESCAPED = "1984."  # in Markdown, where it would begin a list
BEGINNINGS = st.sampled_from(["Zz", "Zz - 2.", ESCAPED])
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
INLINE = st.one_of(
    TEXTS,
    st.sampled_from(
        [
            "**bold *and* so**",
            "_words_",
            "`code | x`",
            "``a`b``",
            "[a *link*](a_(b).md 'title')",
            "[a label][ref]",
            "[Ref]",
            "[none]",
            "![an image](b c.png)",
            "<https://example.org/a_b>",
            r"\*no\*",
            "a_b_c",
            "&amp;",
            "<br>",
            "*open",
            "H<sub>2</sub>O",
            "$x^2$",
            "{#1}",
            "<g1>",
            "note[^1]",
        ]
    ),
)
MARKUP = st.lists(INLINE, min_size=1, max_size=3).map(" ".join)


def lines(*strategies: "str | st.SearchStrategy[str]") -> st.SearchStrategy[str]:
    """Return strategies that are joined to a text."""
    parts = [st.just(part) if isinstance(part, str) else part for part in strategies]
    return st.tuples(*parts).map("".join)


CUES = lines(
    st.sampled_from(["1\n", "intro\n", ""]),
    st.sampled_from(["00:00:01,000 --> 00:00:02,500", "00:01.000 --> 00:02.000 align:start"]),
    "\n",
    st.lists(
        st.one_of(
            TEXTS,
            lines("- ", TEXTS),
            lines("<i>", TEXTS, "</i>"),
            st.sampled_from([r"{\an8}up", "[steps]", "TOM: no", "♪", "", "  "]),
        ),
        max_size=3,
    ).map("\n".join),
)
BLOCKS = st.one_of(
    MARKUP,
    lines(MARKUP, "\n", MARKUP),
    lines(MARKUP, "  \n", MARKUP, "\\\n", MARKUP),
    lines("## ", MARKUP, " ##"),
    lines(TEXTS, "\n==="),
    lines("- ", MARKUP, "\n- [ ] ", MARKUP, "\n\n  1. ", MARKUP, "\n     ", MARKUP),
    lines("> ", MARKUP, "\n> ", MARKUP, "\n>\n> - ", MARKUP),
    lines("> [!NOTE]\n> ", MARKUP),
    lines("| ", TEXTS, " | x |\n|---|:-:|\n| a\\|b | ", TEXTS, " |\n|| ", TEXTS),
    st.sampled_from(
        [
            "```\na cat\n```",
            "    a cat",
            "<div>\na cat\n</div>",
            "***",
            "[ref]: a.md 'cat'",
            "[^1]: x",
        ]
    ),
)
MESSAGES = lines(
    st.sampled_from(
        ["", "# note\n", "#, fuzzy, c-format\n", '#~ msgid "old"\n', 'msgctxt "menu"\n']
    ),
    'msgid "',
    TEXTS,
    st.sampled_from(["", r"\n", '"\n"more\\ttext\\n', r" \"x\" \\", r"\x41"]),
    '"\n',
    st.sampled_from(
        ['msgstr ""', 'msgstr "there"', 'msgid_plural "cats"\nmsgstr[0] ""\nmsgstr[1] ""']
    ),
)
FORMATS = {
    "film.srt": (CUES, ""),
    "film.vtt": (CUES, "WEBVTT\n\nNOTE\na cat\n\n"),
    "text.md": (BLOCKS, "---\ntitle: a cat\n---\n"),
    "text.po": (MESSAGES, 'msgid ""\nmsgstr ""\n"Language: fr\\n"\n\n'),
}


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, bytes], Document]:
    folder = tmp_path_factory.mktemp("documents")

    def read(name: str, content: bytes) -> Document:
        (folder / name).write_bytes(content)
        return read_document(File(folder / name, name), print)

    return read


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=30)
@given(data=st.data(), ending=ENDINGS, mark=MARKS)
def test_texts_in_place_of_themselves_change_no_byte(
    name: str,
    read: Callable[[str, bytes], Document],
    data: st.DataObject,
    ending: str,
    mark: bytes,
) -> None:
    parts, head = FORMATS[name]
    content = data.draw(st.lists(parts, max_size=4).map("\n\n".join))
    content = (head + content + data.draw(st.sampled_from(["", "\n"]))).replace("\n", ending)
    raw = mark + content.encode()
    document = read(name, raw)
    assert document.replace(document.texts) == raw
    before = data.draw(BEGINNINGS)
    translations = [f"{before} {text}" for text in document.texts]
    texts = read(name, document.replace(translations)).texts
    if name == "text.po":
        assert texts == []
    elif before == ESCAPED and name == "text.md":
        assert len(texts) == len(translations)
    else:
        assert texts == translations


def test_a_cue_has_lines_of_42_columns(read: Callable[[str, bytes], Document]) -> None:
    document = read("film.srt", b"1\n00:00:01,000 --> 00:00:02,500\nA cat\nsat here.\n")
    assert document.texts == ["A cat sat here."]
    french = "Un chat était assis <i>ici, devant la porte</i> de la maison ?"
    assert document.replace(["A <i>cat</i> sat."]) == document.replace(document.texts)  # has no tag
    tagged = read("film.srt", document.replace(document.texts).replace(b"here", b"<i>here</i>"))
    *_, first, second, end = tagged.replace([french]).decode().split("\n")
    assert (f"{first} {second}", end) == (french, "")
    assert len(first.replace("<i>", "")) <= 42
    assert abs(len(first) - len(second)) <= 10
    *_, first, second, end = (
        document.replace(["ねこは" * 10 + "家の前に座っていました。"]).decode().split("\n")
    )
    assert max(len(first), len(second)) <= 21


def test_what_a_translation_lacks_is_told(read: Callable[[str, bytes], Document]) -> None:
    document = read("text.po", b'msgid "%s of {name}"\nmsgstr ""\n\nmsgid "a cat"\nmsgstr ""\n')
    told: list[str] = []
    written = document.replace(["%s de nom", "un chat"], told.append)
    assert written == document.replace(["%s of {name}", "un chat"])
    assert b'msgstr "un chat"' in written
    assert "1 passage of 2" in told[0]


def test_markup_suits_a_script_without_spaces(read: Callable[[str, bytes], Document]) -> None:
    document = read("text.md", b"It is\n_very_ [good][a].\n\n[a]: b.md\n")
    assert document.texts == ["It is <g1>very</g1> <g3>good</g3>."]
    written = document.replace(["それは<g1>とても</g1><g3>良い</g3>。"]).decode()
    assert written == "それは*とても*[良い][A]。\n\n[a]: b.md\n"


def test_an_encoding_that_lacks_a_letter_is_explained(
    read: Callable[[str, bytes], Document],
) -> None:
    document = read("text.md", "un café déjà fermé\n".encode("cp1252"))
    assert document.replace(["il dit\u202f: «\u202foui\u202f»"]).decode("cp1252")
    with pytest.raises(DataError, match="猫"):
        document.replace(["猫"])
