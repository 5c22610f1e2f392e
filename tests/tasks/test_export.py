"""Classifiers in other formats: an ONNX model, and a page for browsers."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from browser import document_of, needs_chromium
from models import story
from shell import TIMEOUT, call, explained

import rnncli
from rnncli.config import CELLS, Cell
from rnncli.networks.architecture import Architecture, Classes, Stack, Tokens, parameters
from rnncli.networks.numerics import Floats, softmax
from rnncli.tasks.classify.html_export import write_html
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.text.tokenizer import Tokenizer

TEXTS = [
    "a warm, funny film",
    "",
    "I don’t like it — not at all…",
    "ΟΔΟΣ İstanbul ß Ǆ",
    "これは良い映画です。とても好き！",
    "naïve café re\u0301sume\u0301 👍🏽 :-)",
    "a\x1cb\x85c\ufeffe\u2028f it's l'eau rock'n'roll 'tis",
    "ไทยดีมาก ok 12,345.67 ½ ² Ⅷ",
]
NODE = shutil.which("node")
HAS_ONNX = find_spec("onnx") is not None and find_spec("onnxruntime") is not None
needs_onnx = pytest.mark.skipif(not HAS_ONNX, reason="the extra onnx is not installed")

# Label texts with the functions of pages, whose paths and texts are the arguments.
RUN_PAGES = r"""
const fs = require("fs");
const [texts, ...pages] = process.argv.slice(1);
Promise.all(pages.map(async (path) => {
  const page = fs.readFileSync(path, "utf16le");
  const code = page.match(/<script>\n([^]*?)<\/script>/)[1];
  const { readModel, classify } = new Function(code + "; return { readModel, classify };")();
  const model = await readModel(page.match(/id="model">([^<]*)</)[1]);
  return JSON.parse(texts).map((text) => classify(text, model));
})).then((all) => console.log(JSON.stringify(all)));
"""
# The same in the page itself.
RUN_INSIDE = """<script>
readModel(document.getElementById("model").textContent).then((model) => {
  document.body.textContent = JSON.stringify(%s.map((text) => classify(text, model)));
});
</script>"""


def probabilities(classifier: TextClassifier, texts: Sequence[str]) -> Floats:
    return softmax(classifier.logits(texts))


def random_classifier(cell: Cell, *, bidirectional: bool, level: str = "word") -> TextClassifier:
    tokenizer = Tokenizer.train(["a warm, funny film it's"], level, 30, fold=True)
    architecture = Architecture(
        Tokens(tokenizer.vocab_size, 6), Stack(cell, 2, 5, bidirectional), None, Classes(3)
    )
    draw = np.random.default_rng(0).normal
    weights = {
        name: draw(size=shape).astype(np.float32)
        for name, shape in parameters(architecture).items()
    }
    return TextClassifier.of_weights(
        architecture, weights, tokenizer, labels=("<b>good</b>", "bad", "$title")
    )


@pytest.fixture(scope="module")
def sentiment() -> TextClassifier:
    return TextClassifier.load("bundled:sentiment")


@needs_onnx
def test_the_folder_of_an_onnx_model_labels_lines_by_itself(
    sentiment: TextClassifier, tmp_path: Path
) -> None:
    folder = tmp_path / "exported"
    exported = call("models", "export", "bundled:sentiment", "--onnx", folder)
    assert exported.code == 0, exported.err
    lines = [text.replace("\u2028", " ") for text in TEXTS]
    done = subprocess.run(
        [sys.executable, folder / "classify.py"],
        input="\n".join(lines),
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [line.split("\t") for line in done.stdout.removesuffix("\n").split("\n")]
    expected = sentiment(lines)
    assert [answer[0] for answer in answers] == [each.label for each in expected]
    stated = [float(answer[1]) for answer in answers]
    assert stated == pytest.approx([each.probability for each in expected], abs=1e-4)


def test_a_folder_with_other_files_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    for force in ([], ["--force"]):
        result = call("models", "export", "bundled:sentiment", "--onnx", tmp_path, *force)
        explained(result, 1, "holds other files")


@pytest.mark.skipif(find_spec("onnx") is not None, reason="the extra onnx is installed")
def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    result = call("models", "export", "bundled:sentiment", "--onnx", tmp_path / "new")
    explained(result, 2, "needs the package onnx")
    assert not (tmp_path / "new").exists()


@needs_onnx
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_an_onnx_model_computes_a_batch_as_rnncli_does(cell: Cell, bidirectional: bool) -> None:
    from onnxruntime import InferenceSession

    from rnncli.tasks.classify.onnx_export import build

    classifier = random_classifier(cell, bidirectional=bidirectional)
    tokens = np.array([[5, 4, 6, 3, 0, 0], [4, 4, 1, 7, 5, 3]])
    session = InferenceSession(build(classifier).SerializeToString())
    (answers,) = session.run(None, {"tokens": tokens})
    logits = classifier.network.classify(tokens, np.array([4, 6]))
    assert np.abs(answers - softmax(logits)).max() < 1e-5


@needs_onnx
def test_a_cell_that_onnx_lacks_is_explained() -> None:
    from rnncli.tasks.classify.onnx_export import build

    with pytest.raises(rnncli.errors.ConfigError, match="no operator for the cell mingru"):
        build(random_classifier("mingru", bidirectional=True))


def exported_page(tmp_path: Path) -> Path:
    page = tmp_path / "sentiment.html"
    exported = call("models", "export", "bundled:sentiment", "--html", page)
    assert exported.code == 0, exported.err
    return page


@pytest.mark.skipif(NODE is None, reason="there is no node to run JavaScript with")
def test_a_page_gives_the_same_probabilities(sentiment: TextClassifier, tmp_path: Path) -> None:
    page = exported_page(tmp_path)
    # The page holds the word vectors, too, which are beside the model, and larger.
    size = sum(file.stat().st_size for file in sentiment.path.iterdir())
    assert page.stat().st_size < 2 * size
    classifiers = [sentiment, random_classifier("lstm", bidirectional=True, level="char")]
    classifiers += [random_classifier(cell, bidirectional=cell != "gru") for cell in CELLS]
    pages = [page, *(tmp_path / f"{number}.html" for number in range(1, len(classifiers)))]
    for classifier, file in zip(classifiers[1:], pages[1:], strict=True):
        write_html(classifier, file, "<b>A & B</b>")
    assert "<title>&lt;b&gt;A &amp; B" in pages[1].read_text("utf-16")
    texts = [*TEXTS, "a lone \ud800 surrogate"]
    done = subprocess.run(
        [str(NODE), "-e", RUN_PAGES, json.dumps(texts), *map(str, pages)],
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    for classifier, answers in zip(classifiers, json.loads(done.stdout), strict=True):
        assert np.abs(np.array(answers) - probabilities(classifier, texts)).max() < 1e-4


@needs_chromium
def test_a_page_labels_texts_in_chromium(sentiment: TextClassifier, tmp_path: Path) -> None:
    page = exported_page(tmp_path)
    script = RUN_INSIDE % json.dumps(TEXTS)
    page.write_text(page.read_text("utf-16").replace("</html>", f"{script}</html>"), "utf-16")
    (answers,) = re.findall(r"<body>(.*)</body>", document_of(page), re.DOTALL)
    assert np.abs(np.array(json.loads(answers)) - probabilities(sentiment, TEXTS)).max() < 1e-4


def test_what_cannot_be_exported_is_explained(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    for model in ("bundled:stories", story()):
        explained(call("models", "export", model, "--html", page), 1)
    assert "--html" in explained(call("models", "export", "bundled:sentiment"), 2, "neither")
    classifier = random_classifier("lstm", bidirectional=True, level="subword")
    with pytest.raises(rnncli.errors.ConfigError, match="level is subword"):
        write_html(classifier, page, "title")
    assert not page.exists()
