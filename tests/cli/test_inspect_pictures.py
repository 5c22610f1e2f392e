"""The pictures of ``rnncli inspect``: on a terminal, as SVG, as a page, in a notebook."""

import base64
import json
import os
import pty
import re
import select
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from browser import document_of, needs_chromium
from models import SMALL, classifier, generator, reviews, translator
from shell import TIMEOUT, call, command, environment, explained, rnncli

import rnncli as package
from rnncli.analysis.traces import Reading, Trace
from rnncli.cli.unit_browser import Position
from rnncli.cli.views.page import page
from rnncli.tasks.inspection import TextInspection
from rnncli.tasks.next_tokens import NextTokens

TEXT = "the soup was lovely"
HOSTILE = 'a</script><script>alert(1)</script><img src=x onerror="alert(2)"> \x1b[31m \u202e &amp;'
MODELS = pytest.mark.parametrize("model", [classifier, generator, translator])
VIEWS = (["--units"], ["--gates"], ["--path"], ["--unit", "3"], [])


class Tags(HTMLParser):
    """Collect the elements of a page, and the texts in them."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def draw(path: Path, *arguments: object) -> str:
    """Draw into a file and return its content."""
    result = call("inspect", *arguments, "-o", path)
    assert (result.code, result.out) == (0, b""), result.err
    assert str(path) in result.err
    return path.read_text(encoding="utf-8")


@MODELS
def test_no_picture_is_wider_than_the_terminal(model: Callable[[], Path]) -> None:
    for view in VIEWS:
        result = call("inspect", model(), TEXT, *view, env={"COLUMNS": "80"})
        assert result.code == 0, result.err
        lines = result.out.decode().split("\n")
        assert max(map(len, lines)) <= 80
        if view == ["--units"]:
            assert sum("layer 0" in line for line in lines) >= 2  # h and c
        if view == ["--unit", "3"]:
            assert "h of unit 3" in lines[0]


def test_a_terminal_without_colours_or_unicode_gets_signs() -> None:
    result = rnncli("inspect", classifier(), TEXT, "--units", env={"PYTHONIOENCODING": "ascii"})
    assert result.code == 0, result.err
    rows = [line for line in result.lines if line.strip().startswith("lovely ")]
    assert rows
    assert all(set(row.replace("lovely", "")) <= set(" .+#,-=") for row in rows)
    coloured = call(
        "inspect", classifier(), TEXT, "--units", "--color", "always",
        env={"TERM": "xterm-256color", "COLORTERM": "truecolor"},
    )  # fmt: skip
    assert b"\x1b[48;5;" in coloured.out


@MODELS
def test_each_view_is_drawn_as_svg(model: Callable[[], Path], tmp_path: Path) -> None:
    for number, view in enumerate(VIEWS):
        root = ElementTree.fromstring(draw(tmp_path / f"{number}.svg", model(), HOSTILE, *view))
        assert {element.tag.partition("}")[2] for element in root.iter()} <= {
            *("svg", "style", "rect", "g", "text", "path", "polyline", "title")
        }
        width, height = float(root.attrib["width"]), float(root.attrib["height"])
        assert min(width, height) > 100
        texts = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
        assert not any("\x1b" in text or "\u202e" in text for text in texts)


@MODELS
def test_a_page_shows_hostile_texts_and_runs_nothing(
    model: Callable[[], Path], tmp_path: Path
) -> None:
    tags = Tags(draw(tmp_path / "page.html", model(), HOSTILE))
    names = [name for name, _ in tags.elements]
    assert names.count("script") == 2
    assert "img" not in names
    assert not any(name.startswith("on") for _, values in tags.elements for name in values)
    assert not any(
        "http" in (value or "") and name != "xmlns"
        for _, values in tags.elements
        for name, value in values.items()
    )
    (policy,) = [v["content"] for _, v in tags.elements if "http-equiv" in v]
    assert "default-src 'none'" in str(policy)
    (data,) = [text for text in tags.texts if text.startswith('{"tokens"')]
    tokens = json.loads(data)["tokens"]
    assert "".join(next(iter(tokens.values()))).count("<script>") == 1


@needs_chromium
def test_a_page_runs_its_own_script_and_none_of_the_text(tmp_path: Path) -> None:
    hostile = "a</script><script>document.title='x'</script><img src=x onerror=document.title='y'>"
    path = tmp_path / "page.html"
    draw(path, classifier(), hostile)
    tags = Tags(document_of(path))
    assert str(classifier()) in tags.texts
    assert {"x", "y"}.isdisjoint(tags.texts[: tags.texts.index("Units, token by token")])
    assert any(re.match(r'unit \d+ at token 0, "a": ', text) for text in tags.texts)


def test_a_page_about_a_model_needs_no_script(tmp_path: Path) -> None:
    tags = Tags(draw(tmp_path / "model.html", classifier()))
    assert "script" not in [name for name, _ in tags.elements]
    assert "gates at rest" in tags.texts


def test_the_explorer_has_the_values_of_the_arrays(tmp_path: Path) -> None:
    tags = Tags(draw(tmp_path / "page.html", classifier(), TEXT))
    (data,) = [json.loads(text) for text in tags.texts if text.startswith('{"tokens"')]
    arrays = package.inspect(classifier(), TEXT).arrays
    assert [each["name"] for each in data["arrays"]][:3] == [
        *("encoder layer 0: h", "encoder layer 0: c", "encoder layer 0: input gate"),
    ]
    for drawn, name in ((0, "h"), (1, "c"), (2, "input_gate")):
        stored = data["arrays"][drawn]
        levels = np.frombuffer(base64.b64decode(stored["values"]), np.int8)
        expected = arrays[f"encoder.layers.0.0.{name}"].values[:, stored["units"]]
        values = levels.reshape(expected.shape) / 127 * stored["maximum"]
        np.testing.assert_allclose(values, expected, atol=stored["maximum"] / 200)


def test_a_page_of_300_characters_stays_below_400_kilobytes() -> None:
    rng = np.random.default_rng(0)
    states = [rng.normal(size=(300, 640)).astype(np.float32) for _ in range(5)]
    gates = dict(zip(("input", "forget", "output"), states, strict=False))
    traces = tuple(
        Trace(f"decoder.layers.{i}", False, states[3], states[4], gates) for i in range(2)
    )
    tokens = tuple("abcdefghij" * 30)
    predicted = NextTokens(np.zeros(300, np.float32), ((),) * 300)
    reading = Reading("decoder", tokens, traces)
    inspection = TextInspection("m", "generate", "char", "".join(tokens), (reading,), predicted)
    assert 200_000 < len(page("m", [], inspection)) < 330_000  # 70 kB are left for the tables


def test_a_notebook_gets_arrays_and_a_page_in_a_frame_of_its_own() -> None:
    text = package.inspect(package.load(generator()), HOSTILE)
    assert text.arrays["decoder.layers.0.h"].axes == ("token", "unit")
    model = package.inspect(classifier())
    assert model.parts
    for drawn in (text, model):
        ((name, values),) = Tags(drawn._repr_html_()).elements
        assert name == "iframe"
        assert values["sandbox"] == "allow-scripts"
        assert (values["srcdoc"] or "").startswith("<!doctype html>")


def test_layers_and_states_are_selected() -> None:
    page = call("inspect", classifier(), TEXT, "--units", "--state", "c", "--direction", "backward")
    titles = re.findall(r"^. of all 8 units, .+$", page.out.decode(), re.MULTILINE)
    assert titles == ["c of all 8 units, encoder layer 0, backward"]
    page = call("inspect", translator(), TEXT, "--half", "decoder", "--json")
    assert not any(name.startswith("encoder") for name in json.loads(page.out)["arrays"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--layer", 7, "--units"], "no layer is selected"),
        (["--unit", 99], "there is no unit 99"),
        (["-o", "x.txt"], "x.txt is not the name"),
    ],
)
def test_what_there_is_not_is_explained(words: list[object], said: str) -> None:
    explained(call("inspect", classifier(), TEXT, *words), 2, said)
    if "-o" not in words:
        explained(call("inspect", classifier(), *words), *((2, "none") if words else ()))


def test_a_plain_network_has_neither_gates_nor_memory(tmp_path: Path) -> None:
    words = (*SMALL, "--cell", "rnn", "--steps", 1, "--no-ngrams")
    assert call("train", reviews(), "-o", tmp_path / "m", *words).code == 0
    hint = explained(call("inspect", tmp_path / "m", TEXT, "--gates"), 2, "no gates")
    assert hint.endswith(f"rnncli inspect {tmp_path / 'm'} '{TEXT}'")
    hint = explained(call("inspect", tmp_path / "m", TEXT, "--units", "--state", "c"), 2, "only")
    assert "--state h" in hint
    assert call("inspect", tmp_path / "m").code == 0
    assert call("inspect", tmp_path / "m", TEXT, "-o", tmp_path / "page.html").code == 0


def test_keys_go_from_unit_to_unit() -> None:
    sizes = [8, 5]
    position = Position(0, 0)
    assert position.after("left", sizes) == Position(0, 7)
    assert position.after("right", sizes) == Position(0, 1)
    assert Position(0, 7).after("up", sizes) == Position(1, 4)
    assert position.after("6", sizes).after("enter", sizes) == Position(0, 6)
    assert position.after("9", sizes).after("9", sizes).after("enter", sizes) == Position(0, 7)
    assert position.after("x", sizes) == position


def test_a_person_goes_through_the_units_at_a_terminal() -> None:
    screen, terminal = pty.openpty()
    words = command("inspect", classifier(), TEXT, "--unit", 2)
    env = environment({"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"})
    with subprocess.Popen(
        words, stdin=terminal, stdout=terminal, stderr=subprocess.PIPE, env=env
    ) as process:
        os.close(terminal)
        sent = b""

        def wait_for(text: bytes) -> None:
            nonlocal sent
            while text not in sent:
                assert select.select([screen], [], [], TIMEOUT)[0], sent
                sent += os.read(screen, 4_096)

        wait_for(b"unit 2, encoder layer 0")
        os.write(screen, b"\x1b[C\x1b[C")  # both are seen
        wait_for(b"unit 4, encoder layer 0")
        os.write(screen, b"q")
        assert process.wait(TIMEOUT) == 0
        os.close(screen)
