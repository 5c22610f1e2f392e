"""Untrusted models and files: each is used or refused with an error, without running code.

`fuzz.py` damages files at random; here are deliberate attacks.
"""

import gzip
import json
import os
import pickle
import resource
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fuzz
import numpy as np
import pytest
from models import (
    SMALL,
    classifier,
    generator,
    pairs,
    reviews,
    story,
    train,
    translator,
    write_lines,
    write_reviews,
)
from safetensors.numpy import load_file, save_file
from shell import Result, call, explained, rnncli

from rnncli.config import LEVELS
from rnncli.errors import ModelError
from rnncli.networks.architecture import from_json, parameters
from rnncli.storage.reading import load
from rnncli.tasks import load as load_model
from rnncli.text.tokenizer import Tokenizer

TEXT = "the soup was lovely"
CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"


def edited(path: Path, edit: Callable[[Any], Any]) -> None:
    """Edit the content of a JSON file in place, or replace it by what ``edit`` returns."""
    value = json.loads(path.read_text())
    path.write_text(json.dumps(edit(value) or value))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    model = shutil.copytree(classifier(), tmp_path / "m")
    edited(model / CONFIG, lambda c: c.pop("files") and None)  # whoever forges files can hash them
    return model


def refused(model: Path, *words: str) -> str:
    """Check that a model is refused, and return the hint."""
    return explained(call("classify", "-m", model, TEXT), 1, *words)


# config.json

NESTED = "[" * 100_000 + "]" * 100_000

DESCRIPTIONS: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "format is true": (lambda c: c.update(format_version=True), ["config.json"]),
    "format is below zero": (lambda c: c.update(format_version=-1), ["config.json"]),
    "format is a text": (lambda c: c.update(format_version="1"), ["config.json"]),
    "format is huge": (lambda c: c.update(format_version=10**4000), ["newer"]),
    "task is a list": (lambda c: c.update(task=["classify"]), ["config.json", "task"]),
    "task is very long": (lambda c: c.update(task="x" * 10**6), ["config.json", "task"]),
    "the network of another task": (lambda c: c.update(task="generate"), ["generate"]),
    "level is unknown": (lambda c: c.update(level="syllable"), ["config.json", "level"]),
    "level is a list": (lambda c: c.update(level=["word"]), ["config.json", "level"]),
    "level of another tokenizer": (lambda c: c.update(level="char"), [TOKENIZER, "char"]),
    "labels are a text": (lambda c: c.update(labels="ab"), ["labels"]),
    "labels are numbers": (lambda c: c.update(labels=[1, 2]), ["labels"]),
    "labels are lists": (lambda c: c.update(labels=[[], []]), ["labels"]),
    "labels are alike": (lambda c: c.update(labels=["good", "good"]), ["labels"]),
    "labels are too many": (lambda c: c.update(labels=["a", "b", "c"]), ["labels"]),
    "labels are missing": (lambda c: c.pop("labels") and None, ["labels"]),
    "a label is a lone surrogate": (lambda c: c.update(labels=["\ud800", "b"]), ["config.json"]),
    "no labels": (
        lambda c: c.update(labels=[]) or c["architecture"].update(head={"count": 0}),
        ["classes"],
    ),
    "tuned is a list": (lambda c: c.update(tuned=[1.0]), ["tuned"]),
    "tuned is below zero": (lambda c: c["tuned"].update(network=-1.0), ["tuned"]),
    "tuned is of another task": (lambda c: c.update(tuned={"length_penalty": 1.0}), ["tuned"]),
    "no weight of the n-grams": (lambda c: c.update(tuned={}), ["n-grams"]),
    "files are a text": (lambda c: c.update(task_files="x"), ["files"]),
    "files are elsewhere": (lambda c: c.update(task_files=["../x.safetensors"]), ["files"]),
    "architecture is missing": (lambda c: c.pop("architecture") and None, ["architecture"]),
    "architecture is a list": (lambda c: c.update(architecture=[1]), ["architecture"]),
    "a part is missing": (lambda c: c["architecture"].pop("front") and None, ["front"]),
    "a part is a number": (lambda c: c["architecture"].update(encoder=3), ["architecture"]),
    "an unknown part": (lambda c: c["architecture"]["encoder"].update(x=1), ["x"]),
    "no encoder": (lambda c: c["architecture"].update(encoder=None), ["network"]),
    "a size is missing": (
        lambda c: c["architecture"]["encoder"].pop("hidden_size") and None,
        ["hidden_size"],
    ),
    "a cell is unknown": (
        lambda c: c["architecture"]["encoder"].update(cell="transformer"),
        ["transformer"],
    ),
    "a cell is a list": (lambda c: c["architecture"]["encoder"].update(cell=["lstm"]), ["cell"]),
    "a direction is a number": (
        lambda c: c["architecture"]["encoder"].update(bidirectional=1),
        ["bidirectional"],
    ),
}
SIZES = (
    ("front", "vocab_size"),
    ("front", "embedding_dim"),
    ("encoder", "hidden_size"),
    ("encoder", "num_layers"),
    ("head", "count"),
)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_wrong_description_is_refused(name: str, model: Path) -> None:
    edit, words = DESCRIPTIONS[name]
    edited(model / CONFIG, edit)
    refused(model, *words)
    explained(call("evaluate", model, reviews(), "-q"), 1, *words)


@pytest.mark.parametrize(("part", "size"), SIZES)
def test_an_invalid_size_is_refused(part: str, size: str, model: Path) -> None:
    original = (model / CONFIG).read_text()
    for value in (-1, 0, 10**12, 1.5, 8.0, True, None, "8", [8], {}, 10**4000):
        (model / CONFIG).write_text(original)
        edited(model / CONFIG, lambda c, v=value: c["architecture"][part].update({size: v}))
        refused(model, "config.json", "classes" if part == "head" else size)


@pytest.mark.parametrize(("part", "size"), SIZES)
def test_a_size_that_differs_from_the_weights_is_refused(part: str, size: str, model: Path) -> None:
    def grow(description: Any) -> None:
        description["architecture"][part][size] += 1

    edited(model / CONFIG, grow)
    refused(model)


def test_a_model_that_would_fill_the_memory_is_refused_before_it_is_read(model: Path) -> None:
    """The file fits its description, and is sparse."""
    wide = 16_384
    info = json.loads((model / CONFIG).read_text())
    shapes = {
        name: [size // 8 * wide if size % 8 == 0 else size for size in shape]
        for name, shape in parameters(from_json(info["architecture"])).items()
    }
    info["architecture"]["front"]["embedding_dim"] = wide
    info["architecture"]["encoder"]["hidden_size"] = wide
    (model / CONFIG).write_text(json.dumps(info))
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * int(np.prod(shape))
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [begin, end]}
    encoded = json.dumps(header).encode()
    with (model / WEIGHTS).open("wb") as file:
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        file.truncate(8 + len(encoded) + end)
    refused(model, "too large")


def test_a_network_that_is_too_large_to_load_is_not_trained(tmp_path: Path) -> None:
    result = call("train", reviews(), "-o", tmp_path / "m", "--hidden-size", 16_384)
    assert "--hidden-size" in explained(result, 2, "too large")


@pytest.mark.parametrize("value", [None, [], "x", 1, {}, {"name": 1}, {"name": "a", "columns": []}])
def test_a_model_without_its_data_cannot_be_scored_on_it(value: object, model: Path) -> None:
    edited(model / CONFIG, lambda c: c.update(data=value))
    explained(call("evaluate", model), 1, "data")
    assert call("classify", "-m", model, TEXT).code == 0  # needs none
    assert [result.label for result in load_model(model)([TEXT])] == ["good"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda c: c["data"].update(languages="fr"),
        lambda c: c["data"].update(languages=["fr"]),
        lambda c: c["data"].update(languages=[1, 2]),
        lambda c: c["data"].update(arguments=[1]),
        lambda c: c["data"].update(arguments="reviews.csv"),
        lambda c: c["data"].update(columns={"text": 1}),
        lambda c: c["data"].update(validation=2.0),
        lambda c: c["data"].update(seed=-1),
        lambda c: c["data"].update(seed=2**70),
    ],
)
def test_a_wrong_description_of_the_data_is_refused(
    edit: Callable[[Any], None], model: Path
) -> None:
    edited(model / CONFIG, edit)
    explained(call("evaluate", model, reviews()), 1, "config.json", "data")


@pytest.mark.parametrize(
    "text",
    [
        NESTED,
        '{"format_version": ' + NESTED + "}",
        '{"a":' * 100_000,
        "9" * 10_000,
        '{"format_version": 1, "task": ' + "[" * 950 + "]" * 950 + "}",
        "\ufeff{}",
        '{"format_version": NaN}',
        "",
    ],
    ids=range(8),
)
def test_malformed_json_is_refused(text: str, model: Path) -> None:
    for name in (CONFIG, TOKENIZER):
        original = (model / name).read_text()
        (model / name).write_text(text)
        refused(model, name)
        (model / name).write_text(original)


def test_a_deeply_nested_value_is_refused(model: Path) -> None:
    text = (model / CONFIG).read_text()
    for depth in range(900, 1_000, 3):
        nested = "[" * depth + "]" * depth
        (model / CONFIG).write_text(text.replace('"hidden_size": 8', f'"hidden_size": {nested}', 1))
        refused(model, "config.json")


TUNED = [
    (translator, {"length_penalty": 500.0}),
    (translator, {"length_penalty": 1e-320}),
    (generator, {"share": 0.5, "twins": 1e-320, "sharpness": 10.0}),
    (generator, {"share": 0.5, "twins": 1.0, "sharpness": 9_999.0}),
    (generator, {"share": 0.9999999999, "twins": 1.0, "sharpness": 1.0}),
    (classifier, {"network": 9_999.0, "ngrams": 1e-320}),
]


@pytest.mark.parametrize(("base", "tuned"), TUNED)
def test_tuned_numbers_that_would_overflow_are_refused(
    base: Callable[[], Path], tuned: dict[str, float], tmp_path: Path
) -> None:
    model = shutil.copytree(base(), tmp_path / "m")
    edited(model / CONFIG, lambda c: c.update(tuned=tuned))
    with pytest.raises(ModelError, match=r"config\.json is damaged: the tuned"):
        load_model(model)


# Files that are not regular


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, TOKENIZER])
class TestFiles:
    def test_a_pipe_does_not_hang(self, name: str, model: Path) -> None:
        (model / name).unlink()
        os.mkfifo(model / name)
        refused(model, name, "not a regular file")

    def test_a_directory_is_refused(self, name: str, model: Path) -> None:
        (model / name).unlink()
        (model / name).mkdir()
        refused(model, name, "not a regular file")

    def test_a_link_to_another_place_is_refused(self, name: str, model: Path) -> None:
        (model / name).unlink()
        for target in (classifier() / name, "/dev/zero", "../nothing"):
            (model / name).symlink_to(target)
            assert "cp -rL" in refused(model, name, "link")
            (model / name).unlink()

    def test_a_link_that_goes_round_is_refused(self, name: str, model: Path) -> None:
        (model / name).unlink()
        (model / name).symlink_to(name)
        refused(model, name)

    def test_a_link_inside_the_directory_is_followed(self, name: str, model: Path) -> None:
        (model / "files").mkdir()
        (model / name).rename(model / "files" / name)
        (model / name).symlink_to(f"files/{name}")
        assert call("classify", "-m", model, TEXT).code == 0

    def test_a_gigantic_file_is_refused_unread(self, name: str, model: Path) -> None:
        (model / name).write_bytes(b" ")
        os.truncate(model / name, 1 << 36)
        refused(model, name, "too large")

    @pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.9, 0.999])
    def test_a_file_cut_short_is_refused(self, name: str, share: float, model: Path) -> None:
        size = (model / name).stat().st_size
        os.truncate(model / name, min(int(share * size), size - 3))
        refused(model, name)


def test_a_model_directory_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(classifier())
    assert call("classify", "-m", tmp_path / "link", TEXT).code == 0


# Links and pipes where files are written

WRITTEN = (
    *("checkpoint/lock", "checkpoint/.state.safetensors.new", "checkpoint/next"),
    *("checkpoint/replaced", ".config.json.new", "curve.svg", "README.md", "metrics.jsonl"),
    *(WEIGHTS, TOKENIZER),
)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_no_link_is_followed_and_no_pipe_waited_for_on_writing(
    kind: str, model: Path, tmp_path: Path
) -> None:
    precious = write_lines(tmp_path / "precious", "precious")
    (model / "checkpoint").mkdir()
    for name in WRITTEN:
        (model / name).unlink(missing_ok=True)
        if kind == "link":
            (model / name).symlink_to(precious)
        else:
            os.mkfifo(model / name)
    words = ("train", reviews(), "-o", model, *SMALL, "--steps", 3, "--force")
    result = call(*words, "--checkpoint-every", "0.001s")
    assert result.code == 0, result.err
    assert precious.read_text() == "precious\n"
    assert call("classify", "-m", model, TEXT).code == 0


def test_a_checkpoint_that_is_a_link_is_refused(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write_lines(folder / "lock", "precious")
    (model / "checkpoint").symlink_to(folder)
    before = [(path, path.read_bytes()) for path in folder.iterdir()]
    result = call("train", reviews(), "-o", model, *SMALL, "--steps", 1, "--force")
    assert "rm " in explained(result, 1, "checkpoint is a link")
    assert [(path, path.read_bytes()) for path in folder.iterdir()] == before


# Weights


def edit_header(
    model: Path, edit: Callable[[dict[str, Any]], None], length: int | None = None
) -> None:
    """Change the header of the weights, but not the values."""
    data = (model / WEIGHTS).read_bytes()
    (end,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + end])
    edit(header)
    text = json.dumps(header).encode()
    size = len(text) if length is None else length
    (model / WEIGHTS).write_bytes(struct.pack("<Q", size) + text + data[8 + end :])


BIAS = "head.output.bias"


@pytest.mark.parametrize(
    "edit",
    [
        lambda t: t[BIAS].update(shape=[2**62, 4]),
        lambda t: t[BIAS].update(shape=[2**32, 2**32]),
        lambda t: t[BIAS].update(shape=[10**12]),
        lambda t: t[BIAS].update(shape=[-2]),
        lambda t: t[BIAS].update(shape=[1, 2]),
        lambda t: t[BIAS].update(shape="2"),
        lambda t: t[BIAS].update(data_offsets=[0, 2**63]),
        lambda t: t[BIAS].update(data_offsets=[8, 0]),
        lambda t: t[BIAS].update(dtype="I32"),
        lambda t: t[BIAS].update(dtype="F16", shape=[4]),
        lambda t: t[BIAS].update(dtype="F64", shape=[1]),
        lambda t: t[BIAS].update(dtype="nothing"),
        lambda t: t.update({"\x1b[2J" * 1000: t.pop(BIAS)}),
        lambda t: t.pop(BIAS) and None,
    ],
    ids=range(14),
)
def test_a_wrong_header_is_refused(edit: Callable[[Any], None], model: Path) -> None:
    edit_header(model, edit)
    refused(model, WEIGHTS)
    assert "\x1b" not in call("classify", "-m", model, TEXT).err


@pytest.mark.parametrize("length", [0, 7, 10**8 + 1, 2**63, 2**64 - 1])
def test_a_wrong_header_length_is_refused(length: int, model: Path) -> None:
    edit_header(model, dict, length)
    refused(model, WEIGHTS)


def rewritten(model: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    """Change the weights."""
    weights = load_file(model / WEIGHTS)
    edit(weights)
    save_file(weights, model / WEIGHTS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.uint8, bool])
def test_weights_of_another_type_are_refused(dtype: Any, model: Path) -> None:
    rewritten(model, lambda w: w.update({BIAS: w[BIAS].astype(dtype)}))
    refused(model, WEIGHTS, BIAS)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 3e38, -1e6])
def test_weights_out_of_range_are_refused(number: float, model: Path) -> None:
    rewritten(model, lambda w: w[BIAS].put(0, number))
    refused(model, WEIGHTS, BIAS)


@pytest.mark.parametrize(
    "edit",
    [
        lambda w: w.update(another=w[BIAS]),
        lambda w: w.pop(BIAS),
        lambda w: w.update({BIAS: np.zeros(3, np.float16)}),
        lambda w: w.update({BIAS: np.zeros((1, 2), np.float16)}),
        lambda w: w.update({BIAS: np.zeros(0, np.float16)}),
        lambda w: w.update({"encoder.layers.0.0.weight_hh": np.zeros((32, 9), np.float16)}),
        lambda w: w.update({"encoder.layers.0.1.bias_hh": np.zeros(33, np.float16)}),
        lambda w: w.update({"encoder.embedding.weight": np.zeros((34, 8), np.float16)}),
    ],
    ids=range(8),
)
def test_weights_that_do_not_fit_the_description_are_refused(
    edit: Callable[[Any], Any], model: Path
) -> None:
    rewritten(model, edit)
    refused(model, WEIGHTS)


# Tokenizers


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("level", LEVELS)
def test_a_saved_tokenizer_encodes_as_before_and_loads_at_its_level_only(
    level: Any, fold: bool, tmp_path: Path
) -> None:
    trained = Tokenizer.train(["The cat's hat", "un été à la mer"], level, 400, fold=fold)
    trained.save(tmp_path / TOKENIZER)
    read = Tokenizer.load(tmp_path / TOKENIZER, level)
    read.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / TOKENIZER).read_bytes()
    for other in set(LEVELS) - {level}:
        with pytest.raises(ModelError, match=r"tokenizer\.json"):
            Tokenizer.load(tmp_path / TOKENIZER, other)


CATASTROPHE = {"Regex": "(?:(?:a*)*)*b"}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("pre_tokenizer", None),
        (
            "pre_tokenizer",
            {"type": "Split", "pattern": CATASTROPHE, "behavior": "Isolated", "invert": False},
        ),
        ("normalizer", {"type": "Replace", "pattern": CATASTROPHE, "content": "x"}),
        ("normalizer", {"type": "Prepend", "prepend": "x" * 10_000}),
        ("decoder", {"type": "Replace", "pattern": {"String": "e"}, "content": "x" * 10_000}),
        (
            "post_processor",
            {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}},
        ),
        ("truncation", {"max_length": 1}),
        ("padding", {"strategy": {"Fixed": 10**9}}),
        ("added_tokens", [{"id": 7, "content": "the"}]),
        ("model", {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0]]}),
        ("model", {"vocab": {}}),
        ("model", None),
    ],
    ids=range(12),
)
def test_an_unsupported_tokenizer_is_refused(
    level: Any, part: str, value: object, tmp_path: Path
) -> None:
    path = tmp_path / TOKENIZER
    Tokenizer.train(["the cat"], level, 300).save(path)
    edited(path, lambda t: t.update({part: value}))
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        Tokenizer.load(path, level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    "edit",
    [
        lambda v: v.update({"<pad>": 1}),
        lambda v: v.update({max(v, key=v.get): 10**9}),
        lambda v: v.update({max(v, key=v.get): 2**40}),
        lambda v: v.update({max(v, key=v.get): -1}),
        lambda v: v.update({max(v, key=v.get): 7}),
        lambda v: v.update({max(v, key=v.get): float(len(v) - 1)}),
        lambda v: v.update({"<pad>": False}),
        lambda v: v.update({"\ud800": len(v)}),
        lambda v: v.update({"long" * 100_000: len(v)}),
        lambda v: v.clear(),
    ],
    ids=range(10),
)
def test_an_invalid_vocabulary_is_refused(
    level: Any, edit: Callable[[Any], None], tmp_path: Path
) -> None:
    path = tmp_path / TOKENIZER
    Tokenizer.train(["the cat"], level, 300).save(path)
    edited(path, lambda t: edit(t["model"]["vocab"]))
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        Tokenizer.load(path, level)


@pytest.mark.parametrize("level", ["char", "subword"])
def test_a_vocabulary_that_cannot_spell_every_text_is_refused(level: Any, tmp_path: Path) -> None:
    path = tmp_path / TOKENIZER
    Tokenizer.train(["the cat"], level, 300).save(path)

    def left_out(description: Any) -> None:
        description["model"] |= {"vocab": {"<pad>": 0, "<unk>": 1, "<bos>": 2, "<eos>": 3}}

    edited(path, left_out)
    with pytest.raises(ModelError, match="not a tokenizer"):
        Tokenizer.load(path, level)


@pytest.mark.parametrize(
    "merges", [None, 1, "h e", [["h"]], [["h", "zz"]], [["t", "c"]], [["h", "e", "x"]]]
)
def test_invalid_merges_are_refused(merges: object, tmp_path: Path) -> None:
    path = tmp_path / TOKENIZER
    Tokenizer.train(["the cat"], "subword", 300).save(path)
    edited(path, lambda t: t["model"].update(merges=merges))
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        Tokenizer.load(path, "subword")


def test_the_tokenizers_of_another_model_are_refused(model: Path) -> None:
    for other in (generator(), translator()):
        shutil.copy(other / TOKENIZER, model)
        refused(model, "tokenizer")


@pytest.mark.slow
def test_a_file_of_very_many_tensors_takes_little_memory(model: Path) -> None:
    (model / TOKENIZER).write_text("[" + "{}," * 20_000_000 + "{}]")
    (model / "config.json").rename(model / "kept")
    (model / CONFIG).write_text("[" + "[]," * 5_000_000 + "[]]")
    assert peak_of("classify", "-m", model, TEXT) < 1 << 30
    (model / "kept").rename(model / CONFIG)
    assert peak_of("classify", "-m", model, TEXT) < 1 << 30


def peak_of(*arguments: object) -> int:
    """Run a failing command in a process and return its peak memory."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    result = rnncli(*arguments, preexec_fn=limited)
    explained(result, 1)
    return 1024 * max(before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def limited() -> None:
    """Limit the CPU time of a process to ten seconds."""
    resource.setrlimit(resource.RLIMIT_CPU, (10, 10))


# Data


def learned(path: Path, *options: object) -> Result:
    return call("train", path, "-o", path.parent / "m", *SMALL, "--steps", 1, *options)


def lines(path: Path, *odd: str) -> Path:
    """Write reviews with malformed lines among them."""
    write_reviews(path)
    remaining = path.read_text().splitlines()
    return write_lines(path, *remaining[:4], *odd, *remaining[4:])


def test_the_line_of_a_ragged_row_is_named(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.csv", "the soup, the bread and the jam,good")
    explained(learned(path), 1, "line 5")
    explained(call("evaluate", classifier(), path), 1, "line 5")


def test_a_quotation_mark_that_never_closes_is_named(tmp_path: Path) -> None:
    explained(learned(lines(tmp_path / "a.csv", '"the soup,good')), 1, "line 5", "quotation")


def test_a_quoted_cell_that_goes_on_for_megabytes_is_named(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.csv", '"the soup', *["x" * 5_000_000] * 8)
    explained(learned(path), 1, "line 5", "quotation")


def test_zero_bytes_are_text_like_any_other(tmp_path: Path) -> None:
    assert learned(lines(tmp_path / "a.csv", "\0the\0soup\0,good")).code == 0


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_a_table_of_very_many_columns_is_refused(name: str, tmp_path: Path) -> None:
    mark = "\t" if name == "a.tsv" else ","
    header = mark.join(f"c{i}" for i in range(100_000))
    if name == "a.jsonl":
        header = json.dumps(dict.fromkeys(header.split(","), ""))
    path = write_lines(tmp_path / name, header, header)
    explained(learned(path), 1, "100,000 columns")
    explained(call("evaluate", classifier(), path), 1, "100,000 columns")


def test_very_long_column_names_are_shortened_in_errors(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.csv", "x" * 10**6 + "," + "y" * 10**6, "a,b")
    assert len(learned(path, "--task", "classify").err) < 1_000
    assert len(learned(path, "--text", "z").err) < 1_000


@pytest.mark.parametrize(
    "line",
    [
        '{"text": "the soup", "label": }',
        '["the soup", "good"]',
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"text": ' + "[" * 960 + "]" * 960 + ', "label": "good"}',
        '{"text": "the soup", "label": ' + "[" * 960 + "]" * 960 + "}",
        '{"text": ' + "9" * 10_000 + ', "label": "good"}',
        '{"text": "the soup", "label": {"a": 1}}',
        "\0",
    ],
    ids=range(9),
)
def test_a_malformed_json_line_is_named(line: str, tmp_path: Path) -> None:
    records = [json.dumps({"text": f"soup {i}", "label": "ab"[i % 2]}) for i in range(20)]
    path = write_lines(tmp_path / "a.jsonl", *records[:9], line, *records[9:])
    explained(learned(path), 1, "a.jsonl, line 10")
    explained(call("evaluate", classifier(), path), 1, "a.jsonl, line 10")


def test_a_json_line_without_a_label_is_left_out(tmp_path: Path) -> None:
    records = [json.dumps({"text": f"soup {i}", "label": "ab"[i % 2]}) for i in range(20)]
    result = learned(write_lines(tmp_path / "a.jsonl", *records, '{"text": "the soup"}'))
    assert result.code == 0
    assert "left out" in result.err


def test_huge_numbers_are_labels_like_any_other(tmp_path: Path) -> None:
    records = [f'{{"text": "soup {i}", "label": {"9" * 5_000}{i % 2}}}' for i in range(20)]
    assert learned(write_lines(tmp_path / "a.jsonl", *records)).code == 0


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from datasets import Dataset

    path = tmp_path_factory.mktemp("parquet") / "a.parquet"
    rows = {"text": [f"soup {i}" for i in range(100)], "label": [i % 2 for i in range(100)]}
    Dataset.from_dict(rows).to_parquet(str(path))
    return path


def test_a_parquet_file_that_is_damaged_is_explained(parquet: Path, tmp_path: Path) -> None:
    data = parquet.read_bytes()
    path = tmp_path / "b.parquet"
    for share in (0.01, 0.5, 0.99):
        path.write_bytes(data[: int(share * len(data))])
        explained(learned(path), 1, "b.parquet")
    path.write_bytes(data[:4] + bytes(len(data) - 8) + data[-4:])
    explained(learned(path), 1, "b.parquet")


def test_a_parquet_file_that_is_damaged_is_explained_in_two_lines(
    parquet: Path, tmp_path: Path
) -> None:
    path = tmp_path / "b.parquet"
    path.write_bytes(parquet.read_bytes()[:-9])
    result = rnncli("train", path, "-o", tmp_path / "m")
    explained(result, 1, "b.parquet")
    assert len(result.err.splitlines()) == 2


def test_images_are_never_downloaded(tmp_path: Path) -> None:
    from datasets import Dataset, Features, Image, Value

    trace = tmp_path / "trace.png"
    os.mkfifo(trace)  # whoever opened it would wait
    kinds = Features({"text": Image(decode=True), "label": Value("string")})
    rows = {"text": [{"path": str(trace), "bytes": None}] * 4, "label": ["a", "b"] * 2}
    plain = Features({"text": {"path": Value("string"), "bytes": Value("binary")},
                      "label": Value("string")})  # fmt: skip
    table = Dataset.from_dict(rows, features=plain).cast(kinds)
    table.to_parquet(str(tmp_path / "a.parquet"))
    explained(learned(tmp_path / "a.parquet"), 1, "a.parquet", "text")


def test_a_gzip_archive_cut_short_is_explained(tmp_path: Path) -> None:
    data = gzip.compress(reviews().read_bytes())
    path = tmp_path / "a.csv.gz"
    for size in (2, 5, 12, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        explained(learned(path), 1, "a.csv.gz", "damaged")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_a_small_archive_of_a_large_line_takes_little_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.gz"
    path.write_bytes(gzip.compress(b"text,label\n", 1) + gzip.compress(bytes(1 << 26), 1) * 32)
    assert peak_of("evaluate", classifier(), path) < 1 << 30


@pytest.mark.parametrize("text", ["text\tlabel\nthe soup\tgood\n", "The baker wakes.\n", "{}"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_text_in_other_encodings_is_explained_or_read(
    text: str, encoding: str, tmp_path: Path
) -> None:
    for name in ("a.csv", "a.tsv", "a.jsonl", "a.txt"):
        (tmp_path / name).write_bytes((20 * text).encode(encoding))
        result = call("evaluate", generator(), tmp_path / name)
        if result.code != 0:
            explained(result, 1, name)


@pytest.mark.slow
def test_bytes_of_a_program_are_explained_or_read(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(20_000)
    for name in ("a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.csv.gz", "a.txt"):
        (tmp_path / name).write_bytes(noise)
        result = call("evaluate", generator(), tmp_path / name)
        if name != "a.txt":
            explained(result, 1, name)


@pytest.mark.parametrize("stdin", [b"", b"\n", b"\0", b"\x1f\x8b", b"PAR1", b"\xff\xfe"])
def test_an_almost_empty_stdin_is_explained(stdin: bytes, tmp_path: Path) -> None:
    explained(call("train", "-", *SMALL, cwd=tmp_path, stdin=stdin), 1, "standard input")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
def test_an_endless_device_is_refused(device: str, model: Path) -> None:
    explained(call("evaluate", model, device), 1, device)
    edited(model / CONFIG, lambda c: c["data"].update(arguments=[device]))
    explained(call("evaluate", model), 1, device)


def test_a_directory_with_the_name_of_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    explained(learned(tmp_path / "a.csv"), 1, "a.csv", "directory")


# Anything else


def test_reading_runs_no_code(model: Path, tmp_path: Path) -> None:
    bomb = pickle.dumps(Bomb(tmp_path / "trace"))
    for name in (CONFIG, WEIGHTS, TOKENIZER):
        remaining = (model / name).read_bytes()
        (model / name).write_bytes(bomb)
        refused(model, name)
        (model / name).write_bytes(remaining)
    for name in ("a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.txt"):
        (tmp_path / name).write_bytes(bomb)
        explained(call("evaluate", model, tmp_path / name), 1)
    assert not (tmp_path / "trace").exists()


class Bomb:
    """Create a folder when unpickled, as evidence that code has run."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._trace),)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("task", ["generate", "classify", "translate"])
def test_every_written_model_can_be_read(task: str, level: str, tmp_path: Path) -> None:
    data = {"generate": story, "classify": reviews, "translate": pairs}[task]()
    load(train(data, tmp_path / "m", "--steps", 1, "--level", level))


@pytest.mark.slow
def test_files_damaged_at_random_are_explained_or_used() -> None:
    counts = {"models": 150, "data": 60, "states": 40, "options": 40, "processes": 10}
    outcomes = fuzz.fuzz(counts, seed=0)
    failures = [outcome for outcome in outcomes if outcome[2] not in fuzz.FINE]
    assert failures == [], fuzz.report(outcomes)
    assert len(outcomes) == sum(counts.values())
    assert {outcome[2] for outcome in outcomes} >= {"success", "explained"}
