"""Damage models and data in every way, and see that rnncli explains each of them or carries on.

::

    python tests/fuzz.py --models 1000 --data 1000 --states 500 --options 500 --processes 100

Each case is made from its number, so that one which fails can be made again:
``--models 1 --seed 4711``. It is run in a process that has everything loaded, with ten
seconds and a gigabyte at most. The program ends with 1 if there was a case that is not as it
should be.
"""

import argparse
import bz2
import csv
import gzip
import io
import json
import lzma
import multiprocessing
import os
import random
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

os.environ.setdefault("OMP_NUM_THREADS", "1")

import fuzz_commands
from models import SMALL, classifier, generator, pairs, reviews, story, translator
from safetensors.numpy import load_file, save_file
from shell import call

from rnncli.config import CELLS
from rnncli.errors import RnncliError
from rnncli.networks.architecture import from_json, parameters

SECONDS = 10  # of a processor, for a case
WALL_SECONDS = 60  # until a process is killed that waits, or does not listen
PAUSE = 5  # seconds: after a longer one all of this was stopped, and nobody is to blame
BYTES = 1 << 30  # that a case may take, what is loaded in any case included
LONGEST = 100_000  # bytes of a text that is scored
CASES = 250  # of one process: libraries keep some memory for good
FINE = ("success", "explained", "usage")
FAILED = ("TRACEBACK", "HANG", "MEMORY", "CRASH", "UNEXPLAINED", "NOISE")

Case = tuple[str, int]  # one of RUNS, number
Outcome = tuple[Case, str, str, str]  # case, kind of damage, outcome, what was seen
Mutation = Callable[[random.Random, Path], None]

# --- bytes --------------------------------------------------------------------------------------


def cut(rng: random.Random, path: Path) -> None:
    data = path.read_bytes()
    ends = [i for i, byte in enumerate(data[:50_000]) if byte in b'\n,"{}[]\t']
    path.write_bytes(data[: rng.choice([rng.randrange(len(data)), rng.choice(ends or [0])])])


def flip(rng: random.Random, path: Path) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 1, 2, 8, 64])):
        place = rng.randrange(len(data))
        if rng.random() < 0.5:  # what says how the rest is to be read lies at the ends
            near = rng.randrange(min(len(data), 500))
            place = rng.choice([near, len(data) - 1 - near])
        data[place] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def splice(rng: random.Random, path: Path) -> None:
    data = path.read_bytes()
    first, last = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    last = min(last, first + rng.choice([0, 1, 8, 1_000]))
    noise = rng.randbytes(rng.choice([0, 1, 8, 100]))
    odd = rng.choice(
        [noise, b"\0", b'"', b"\r", b"\xff\xfe", b"\xef\xbb\xbf", data[first:last] * 2]
    )
    path.write_bytes(data[:first] + odd + data[last:])


# --- JSON ---------------------------------------------------------------------------------------

ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 10**6, 10**12, 10**40, -(2**63), 0.5, 1.0, 1e300,
    float("nan"), float("inf"), "", "x", "char", "word", "subword", "gru", "mingru", "translate",
    "\ud800", "\0", "x" * 10_000, [], [[]], {}, {"a": 1}, ["a", "b"], ["a", "a"], [1, 2], [None],
    [0], [2**62] * 2, "../../etc/passwd", "/dev/zero", "-",
)  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container and key; of a long list or dict only some."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    for key in keys[:60]:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


def edit_json(rng: random.Random, path: Path) -> None:
    value = json.loads(path.read_text())
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        container, key = rng.choice(list(places(value)) or [(value, None)])
        if key is None:
            break
        what = rng.randrange(5)
        if what == 0:
            del container[key]
        elif what == 1 and isinstance(container, dict):
            container[rng.choice(["", "x", "type", str(key) * 2])] = container.pop(key)
        elif what == 2 and isinstance(container[key], int | float):
            container[key] = container[key] * rng.choice([-1, 2, 0.5]) + rng.choice([0, 1, -1])
        else:
            container[key] = rng.choice(ODD)
    path.write_text(json.dumps(value))


def odd_json(rng: random.Random, path: Path) -> None:
    text = path.read_text()
    depth = rng.choice([100, 900, 950, 990, 10_000, 100_000])
    opened, closed = rng.choice([("[", "]"), ('{"a":', "}")])
    nested = opened * depth + "1" + closed * depth
    names = ("task", "model", "architecture", "labels", "data", "vocab", "merges", "scores")
    keys = [f'"{name}": ' for name in names]
    key = rng.choice([key for key in keys if key in text])
    where = text.index(key) + len(key)
    whole = [nested, "", "null", "[]", "{}", "1", '"x"', "[" * 10**6, text * 2, "\ufeff" + text]
    path.write_text(
        rng.choice(
            [
                *whole,
                text[:where] + nested + ", " + key + text[where:],
                text[:where] + nested + ', "z": ' + text[where:],
                text[:where] + "9" * rng.choice([400, 5_000]) + ', "z": ' + text[where:],
            ]
        )
    )


# --- models -------------------------------------------------------------------------------------


def some_file(rng: random.Random, model: Path) -> Path:
    return rng.choice(sorted([*model.glob("*.json"), *model.glob("*.safetensors")]))


def some_tokenizer(rng: random.Random, model: Path) -> Path:
    return rng.choice(sorted(model.glob("*tokenizer.json")))


def header(rng: random.Random, model: Path) -> None:
    path = rng.choice(sorted(model.glob("*.safetensors")))
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    told, rest = json.loads(data[8 : 8 + length]), data[8 + length :]
    for _ in range(rng.choice([1, 1, 2])):
        name = rng.choice([name for name in told if name != "__metadata__"])
        match rng.randrange(5):
            case 0:
                dtypes = ["F64", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "C64", "X", 1]
                told[name]["dtype"] = rng.choice(dtypes)
            case 1:
                big = [[2**62, 4], [2**32, 2**32], [10**12], [0], [-1], [], [1.5], "x", None]
                told[name]["shape"] = rng.choice([*big, told[name]["shape"][::-1]])
            case 2:
                offsets = told[name]["data_offsets"]
                offsets[rng.randrange(2)] += rng.choice([-4, 4, 1, 2**40, 2**63])
            case 3:
                told[rng.choice(["x", "\ud800", "\x1b[2J", "decoder"])] = told.pop(name)
            case _:
                del told[name]
    text = json.dumps(told).encode()
    said = rng.choice([len(text)] * 6 + [0, 2**63, 2**64 - 1, len(text) + 8, 99_999_999])
    path.write_bytes(struct.pack("<Q", said) + text + rest)


def tensors(rng: random.Random, model: Path) -> None:
    path = rng.choice(sorted(model.glob("*.safetensors")))
    weights = load_file(path)
    name = rng.choice(sorted(weights))
    array = weights[name].copy()
    if array.dtype.kind != "f":
        array = array.astype(np.float32)
    odd = [np.nan, np.inf, -np.inf, 3e38, 1e20, 1e6, 9e3, -9e3, 1e-42]
    match rng.randrange(6):
        case 0:
            array.flat[rng.randrange(array.size)] = rng.choice(odd)
        case 1:
            array.fill(rng.choice(odd))
        case 2:
            array = array.astype(rng.choice(["f2", "f8", "i8", "u1"]))
        case 3:
            array = rng.choice([array.T, np.atleast_1d(array)[:-1], array[None], np.tile(array, 2)])
        case 4:
            weights["another"] = array
        case _:
            bits = np.frombuffer(rng.randbytes(array.nbytes), array.dtype)
            array = bits.reshape(array.shape)
    weights[name] = np.ascontiguousarray(array)
    save_file(weights, path)


def other_network(rng: random.Random, model: Path) -> None:
    """Describe another network, whole and consistent, or with one size that is not."""
    info = json.loads((model / "config.json").read_text())
    parts = info["architecture"]
    parts["front"]["embedding_dim"] = rng.choice([1, 8, 16])
    for name, both_ways in (("encoder", 0.5), ("decoder", 0.05)):
        parts[name] = parts[name] and parts[name] | {
            "cell": rng.choice(CELLS),
            "hidden_size": rng.choice([1, 2, 8, 16]),
            "num_layers": rng.choice([1, 2, 3]),
            "bidirectional": rng.random() < both_ways,
        }
    if rng.random() < 0.5:
        part, name = rng.choice([("front", "vocab_size"), ("head", "count"), ("head", "size")])
        parts[part][name] = rng.choice([0, 1, 2, 5, 300])
    if rng.random() < 0.2:
        parts[rng.choice(["encoder", "decoder"])] = rng.choice([None, parts["encoder"]])
    if rng.random() < 0.3:
        info["task"] = rng.choice(["classify", "generate", "translate"])
    try:
        shapes = {name: list(s) for name, s in parameters(from_json(parts)).items()}
    except RnncliError:
        (model / "config.json").write_text(json.dumps(info))
        return
    if rng.random() < 0.3:  # in agreement with the file, and with nothing else
        shapes[rng.choice(sorted(shapes))][0] += 1
    scale = rng.choice([0.1, 1, 30, 9e3])
    numbers = np.random.default_rng(rng.randrange(2**32))
    weights = {
        name: (scale * numbers.uniform(-1, 1, shape)).astype(np.float16)
        for name, shape in shapes.items()
    }
    (model / "config.json").write_text(json.dumps(info))
    save_file(weights, model / "model.safetensors")


PATTERNS = ["(a*)*b", "(x+x+)+y", "", "(", "(?:.*a){30}", "\\p{L}+", "((a{1,99}){1,99}){1,99}"]
PARTS: dict[str, list[Any]] = {
    "normalizer": [
        {"type": "NFKC"}, {"type": "Lowercase"}, {"type": "Prepend", "prepend": "x" * 1000},
        {"type": "Replace", "pattern": {"String": ""}, "content": "x" * 1000},
        *[{"type": "Replace", "pattern": {"Regex": p}, "content": "aa"} for p in PATTERNS],
    ],
    "pre_tokenizer": [
        None, {"type": "Whitespace"}, {"type": "ByteLevel"},
        {"type": "Sequence", "pretokenizers": []},
        *[{"type": "Split", "pattern": {"Regex": p}, "behavior": "Isolated", "invert": False}
          for p in PATTERNS],
    ],
    "post_processor": [
        {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}},
    ],
    "decoder": [None, {"type": "Fuse"}, {"type": "WordPiece", "prefix": "##", "cleanup": True}],
    "padding": [{"strategy": {"Fixed": 10**9}, "direction": "Right", "pad_to_multiple_of": None,
                 "pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>"}],
    "truncation": [
        {"direction": "Right", "max_length": 0, "strategy": "LongestFirst", "stride": 9},
    ],
    "added_tokens": [[{"id": 99, "content": "the", "single_word": False, "lstrip": False,
                       "rstrip": False, "normalized": False, "special": True}]],
    "model": [{"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0]]},
              {"type": "BPE", "vocab": {}, "merges": []}, {"type": "WordLevel", "vocab": {}}],
}  # fmt: skip


def tokenizer_parts(rng: random.Random, model: Path) -> None:
    path = some_tokenizer(rng, model)
    description = json.loads(path.read_text())
    for _ in range(rng.choice([1, 1, 2])):
        part = rng.choice(sorted(PARTS))
        description[part] = rng.choice(PARTS[part])
    path.write_text(json.dumps(description))


def vocabulary(rng: random.Random, model: Path) -> None:
    path = some_tokenizer(rng, model)
    description = json.loads(path.read_text())
    vocab = description["model"]["vocab"]
    token = rng.choice(sorted(vocab))
    id = vocab[token]
    match rng.randrange(4):
        case 0:
            vocab[token] = rng.choice([-1, 2**31, 2**32, 2**63, 1.0, True, "1", None, id + 1, 0])
        case 1:
            del vocab[token]
        case 2:
            del vocab[token]
            vocab[rng.choice(["\ud800", "", "\0", "a\nb", "long" * 30_000, "\x1b[31m"])] = id
        case _:
            merges = [["h", "e"], ["h"], ["zz", "z"], "h e", ["h", "e", "l"], None]
            description["model"]["merges"] = [rng.choice(merges)] * rng.choice([1, 1000])
    path.write_text(json.dumps(description))


def swap(rng: random.Random, model: Path) -> None:
    other = rng.choice(BASES["models"]) / rng.choice(
        ["config.json", "tokenizer.json", "model.safetensors"]
    )
    shutil.copy(other, model / rng.choice([other.name, "target_tokenizer.json"]))


def special(rng: random.Random, model: Path) -> None:
    path = some_file(rng, model)
    match rng.randrange(6):
        case 0:
            path.unlink()
        case 1:
            path.unlink()
            os.mkfifo(path)
        case 2:
            path.unlink()
            path.mkdir()
        case 3:
            path.unlink()
            path.symlink_to(rng.choice([path.name, "/dev/zero", "/etc/passwd", "README.md", "no"]))
        case 4:
            os.truncate(path, rng.choice([17 << 20, 65 << 20, 1 << 34]))
        case _:
            path.rename(model / "moved")
            path.symlink_to("moved")


MODELS: dict[str, Mutation] = {
    "cut": lambda rng, model: cut(rng, some_file(rng, model)),
    "flip": lambda rng, model: flip(rng, some_file(rng, model)),
    "splice": lambda rng, model: splice(rng, some_file(rng, model)),
    "config.json edited": lambda rng, model: edit_json(rng, model / "config.json"),
    "config.json odd": lambda rng, model: odd_json(rng, model / "config.json"),
    "tokenizer edited": lambda rng, model: edit_json(rng, some_tokenizer(rng, model)),
    "tokenizer odd": lambda rng, model: odd_json(rng, some_tokenizer(rng, model)),
    "tokenizer parts": tokenizer_parts,
    "vocabulary": vocabulary,
    "header": header,
    "tensors": tensors,
    "another network": other_network,
    "swap": swap,
    "special file": special,
}


def run_model(rng: random.Random, folder: Path) -> tuple[str, Any]:
    base = rng.choice(BASES["models"])
    model = shutil.copytree(base, folder / "m")
    kind = rng.choice(sorted(MODELS))
    MODELS[kind](rng, model)
    command = base.name.partition("-")[0]
    if rng.random() < 0.8:
        text = "the soup was lovely \u00e9 \U0001f600"
        options = {"generate": ["--length", 20], "translate": ["--nbest", 2]}.get(command, [])
        return kind, lambda: call(command, "-m", model, text, *options)
    data = [DATA_OF[command]()] if rng.random() < 0.8 else []
    return kind, lambda: call("evaluate", model, *data)


# --- data ---------------------------------------------------------------------------------------


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


def rows(rng: random.Random, path: Path) -> None:
    """Put odd rows among the others."""
    lines = lines_of(path)
    mark = "\t" if ".tsv" in path.name else ","
    odd = [
        mark, mark * 5, mark * 100_000, '"', 'a"b,c', '"a,b', '"a"b",c', "\0", "a\0b,c", "\r", " ",
        "", "x" * 100_000, f"\u2028{mark}good", f"\ufeff{mark}\ufeff", "{}", "[]", "null", "1", "{",
        '{"text": 1, "label": 2}', '{"text": ["a"], "label": {"a": 1}}', '{"text": null}',
        '{"text": "a", "label": 1e999}', '{"text": "a", "label": ' + "9" * 5_000 + "}",
        '{"text": "\\ud800", "label": "\\ud800"}', "[" * 100_000,
        '{"text": ' + "[" * 960 + "]" * 960 + ', "label": "a"}',
        '{"text": "a", "label": ' + "[" * 900 + "]" * 900 + "}",
    ]  # fmt: skip
    for _ in range(rng.choice([1, 1, 3])):
        place = rng.choice([0, 1, rng.randrange(len(lines)), len(lines)])
        lines[place:place] = [rng.choice(odd)] * rng.choice([1, 1, 1, 5])
    path.write_text("\n".join(lines) + "\n")


def columns(rng: random.Random, path: Path) -> None:
    """Change how many columns there are and what they are called."""
    lines = lines_of(path)
    mark = "\t" if ".tsv" in path.name else ","
    names = ["text", "label", "source", "target", "en", "fr", "", " ", "text", "x" * 10_000, "1"]
    width = rng.choice([0, 1, 2, 2, 3, 20, 9_000, 100_000])
    lines[0] = mark.join(rng.choice(names[:9] if width > 100 else names) for _ in range(width))
    if rng.random() < 0.5:
        filling = rng.choice(["", "a", "good", "0"])
        lines[1:] = [mark.join([f"a{i} b", *[filling] * (width - 1)]) for i in range(1, 4)]
    path.write_text("\n".join(lines) + "\n")


def recode(rng: random.Random, path: Path) -> None:
    text = path.read_text()
    codes = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "utf-8-sig", "utf-7"]
    path.write_bytes(("é" + text).encode(rng.choice(codes), "replace"))


def foreign(rng: random.Random, path: Path) -> None:
    """Put something else under the name."""
    noise = rng.randbytes(rng.choice([1, 10, 5_000]))
    beginnings = [
        b"",
        b"PK\x03\x04",
        b"%PDF",
        b"\x1f\x8b",
        b"\x1f\x8b\x08",
        b"PAR1",
        b"BZh",
        b"ARROW1",
    ]
    zeros = gzip.compress(bytes(rng.choice([10, LONGEST])))
    options = [rng.choice(beginnings) + noise, b"", b"\n" * 5_000, zeros, b"PAR1" + noise + b"PAR1"]
    path.write_bytes(rng.choice([*options, rng.choice(BASES["data"]).read_bytes()]))


def archive(rng: random.Random, path: Path) -> None:
    """Pack data once more, or in another way, or pack very much that is all alike."""
    data = path.read_bytes()
    size = rng.choice([1 << 20, 1 << 24])
    line = rng.choice([b"a,b\n", b"a\tb\n", b"\n", b"x", b"\0", b'{"text": "a", "label": "b"}\n'])
    block = gzip.compress(line * ((1 << 20) // len(line)), 1)
    with io.BytesIO() as packed, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(path.name, data)
        file.close()
        as_zip = packed.getvalue()
    path.write_bytes(
        rng.choice(
            [
                gzip.compress(gzip.compress(data)),
                gzip.compress(data) + rng.choice([b"\0" * 100, b"x", data, gzip.compress(data)]),
                gzip.compress(data[:-1])[:-8] + bytes(8),
                *(bz2.compress(data), lzma.compress(data), as_zip, gzip.compress(as_zip)),
                gzip.compress(data) + block * (size >> 20),
                block * (size >> 20),
            ]
        )
    )


def repeated(rng: random.Random, path: Path) -> None:
    """Write Parquet of very many or very long rows that are all alike."""
    rows, text = rng.choice(
        [(5, "x" * (1 << 23)), (30, "a b " * (1 << 12)), (10**5, "a"), (10**7 + 1, "a b")]
    )
    keys = pa.nulls(rows, pa.int32()).fill_null(0)
    names = rng.choice([("text", "label"), ("en", "fr"), ("text",), ("a", "b", "c")])
    cells = (rng.choice([text, "good", ""]) for _ in names)
    columns = [pa.DictionaryArray.from_arrays(keys, [cell]) for cell in cells]
    table = pa.table(dict(zip(names, columns, strict=True)))
    pq.write_table(table, path, row_group_size=rng.choice([rows, 1 << 20]), compression="zstd")


DATA: dict[str, Mutation] = {
    "archive": archive,
    "repeated": repeated,
    "cut": cut,
    "flip": flip,
    "splice": splice,
    "odd rows": rows,
    "columns": columns,
    "recoded": recode,
    "foreign": foreign,
}
ON_TEXT = ("odd rows", "columns", "recoded")
UNPACKED = ("archive", "repeated")


def run_data(rng: random.Random, folder: Path) -> tuple[str, Any]:
    base = rng.choice(BASES["data"])
    path = Path(shutil.copy(base, folder))
    packed = base.suffix == ".gz"
    binary = ".parquet" in base.name
    kind = rng.choice([kind for kind in sorted(DATA) if not binary or kind not in ON_TEXT])
    inside = packed and kind not in UNPACKED and (kind in ON_TEXT or rng.random() < 0.5)
    if inside:  # damage what is packed, not the packing
        path.write_bytes(gzip.decompress(path.read_bytes()))
    DATA[kind](rng, path)
    if (
        base.name.startswith("generate") and kind != "repeated"
    ):  # scoring takes its time with every character
        path.write_bytes(path.read_bytes()[:LONGEST])
    if inside:
        path.write_bytes(gzip.compress(path.read_bytes(), 1))
    name = kind if kind in UNPACKED else kind + ".parquet" * binary + ".gz" * packed
    task = base.name.partition("-")[0]
    if rng.random() < 0.5:
        model = next(model for model in BASES["models"] if model.name == task)
        return name, lambda: call("evaluate", model, path)
    named = ["--task", task] if rng.random() < 0.3 else []
    options = ("--steps", 1, "--vocab-size", 300, "--device", "cpu", "--threads", 1, *named)
    return name, lambda: call("train", path, "-o", folder / "m", *SMALL, *options)


# --- what cases are made from -------------------------------------------------------------------

DATA_OF: dict[str, Callable[[], Path]] = {
    "classify": reviews,
    "generate": story,
    "translate": pairs,
}
BASES: dict[str, list[Path]] = {}


def make_bases(folder: Path) -> None:
    """Write small valid models and data of every form."""
    found = {"classify": classifier, "generate": generator, "translate": translator}
    for task, model in found.items():
        shutil.copytree(model(), folder / "models" / task)
        for level in ("char", "subword"):
            place = folder / "models" / f"{task}-{level}"
            options = (*SMALL, "--steps", 1, "--level", level, "--threads", 1)
            assert call("train", DATA_OF[task](), "-o", place, *options).code == 0
    data = folder / "data"
    data.mkdir()
    pair = [line.split("\t") for line in lines_of(pairs())]
    for task, table in (
        ("classify", list(csv.reader(lines_of(reviews())))),
        ("translate", pair),
    ):
        write_forms(data / task, table)
    shutil.copy(story(), data / "generate-plain.txt")
    for path in list(data.iterdir()):
        (data / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    BASES["models"] = sorted((folder / "models").iterdir())
    BASES["states"] = [fuzz_commands.make_unfinished(folder)]
    BASES["data"] = sorted(data.iterdir())


def write_forms(path: Path, table: list[list[str]]) -> None:
    from datasets import Dataset

    name = str(path)
    with io.StringIO(newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(table)
        Path(f"{name}-table.csv").write_text(file.getvalue())
    Path(f"{name}-table.tsv").write_text("".join("\t".join(row) + "\n" for row in table))
    records = [dict(zip(table[0], row, strict=True)) for row in table[1:]]
    Path(f"{name}-table.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))
    Dataset.from_list(records).to_parquet(f"{name}-table.parquet")


# --- sorts of cases -----------------------------------------------------------------------------


def run_state(rng: random.Random, folder: Path) -> tuple[str, Any]:
    edits: dict[str, Mutation] = {
        "cut": cut,
        "flip": flip,
        "splice": splice,
        "header": lambda rng, path: header(rng, path.parent),
        "tensors": lambda rng, path: tensors(rng, path.parent),
        "run edited": edit_json,
    }
    return fuzz_commands.state_case(rng, folder, BASES["states"][0], edits)


def by_task() -> dict[str, Path]:
    return {model.name: model for model in BASES["models"] if "-" not in model.name}


RUNS: dict[str, Callable[[random.Random, Path], tuple[str, Any]]] = {
    "models": run_model,
    "data": run_data,
    "states": run_state,
    "options": lambda rng, folder: fuzz_commands.option_case(rng, folder, by_task()),
    "processes": lambda rng, folder: fuzz_commands.process_case(rng, folder, by_task()),
}

# --- one case -----------------------------------------------------------------------------------


class HangError(BaseException):
    """The time of a case is over; no `except Exception` may catch it."""


def run_case(case: Case) -> Outcome:
    """Make a case, run it, and say what came of it."""
    what, number = case
    rng = random.Random(f"{what} {number}")
    with tempfile.TemporaryDirectory(prefix="rnncli-fuzz-") as name:
        kind, command = RUNS[what](rng, Path(name))
        forget_peak()
        signal.signal(signal.SIGPROF, give_up)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            result = command()
        except HangError:
            return case, kind, "HANG", traceback.format_exc()
        except MemoryError:
            return case, kind, "MEMORY", traceback.format_exc()
        except BaseException:  # pytest's own failures are no Exception
            return case, kind, "TRACEBACK", traceback.format_exc()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        if peak() > BYTES:
            return case, kind, "MEMORY", f"{peak():,} bytes"
        return case, kind, outcome(result), result.err[-2_000:]


def outcome(result: Any) -> str:
    if "Traceback" in result.err:
        return "TRACEBACK"
    if "Warning: " in result.err or len(result.err) > 20_000:
        return "NOISE"
    if result.code == 0:
        return "success"
    lines = result.err.splitlines()
    errors = [i for i, line in enumerate(lines[:-1]) if line.startswith("error: ")]
    told = any(lines[i + 1].startswith("hint: ") for i in errors)
    if result.code not in (1, 2) or not told:
        return "UNEXPLAINED"
    return "explained" if result.code == 1 else "usage"


def give_up(*_: object) -> None:
    raise HangError


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Return the most memory that the process has had since ``forget_peak``."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


# --- many cases ---------------------------------------------------------------------------------


def work(connection: Connection) -> None:
    """Run cases until there are no more; everything is loaded already."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import datasets

    from rnncli.data.scratch import scratch

    datasets.config.HF_HUB_OFFLINE = True  # here alone: whoever started this goes on with the hub

    scratch.cache_clear()  # each process its own
    while (case := connection.recv()) is not None:
        connection.send(run_case(case))
        for path in scratch().iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(scratch())
    os._exit(0)


class Worker:
    """A process that runs cases, and is replaced when it dies, hangs or has had enough."""

    def __init__(self) -> None:
        self.case: Case | None = None
        self.begin()

    def begin(self) -> None:
        context = multiprocessing.get_context("fork")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.left = CASES

    def give(self, case: Case) -> None:
        if not self.left:
            self.end()
            self.begin()
        self.left -= 1
        self.case, self.since = case, time.monotonic()
        self.connection.send(case)

    def end(self) -> None:
        self.connection.send(None)
        self.process.join()

    def result(self) -> Outcome | None:
        """Return what came of the case, if that is known."""
        assert self.case is not None
        try:
            if self.connection.poll():
                found: Outcome = self.connection.recv()
                return found
            if time.monotonic() - self.since < WALL_SECONDS:
                return None
            what = "HANG"
        except EOFError:
            what = "CRASH"
        self.process.kill()
        self.process.join()
        died = self.case, "(process)", what, f"exit code {self.process.exitcode}"
        self.begin()
        return died


def run(cases: Iterator[Case], workers: int, until: float) -> Iterator[Outcome]:
    """Yield what comes of each case, in no order."""
    pool = [Worker() for _ in range(workers)]
    busy = []
    for worker in pool:
        if (case := next(cases, None)) is not None:
            worker.give(case)
            busy.append(worker)
    last = time.monotonic()
    while busy:
        wait([worker.connection for worker in busy], timeout=1)
        pause, last = time.monotonic() - last, time.monotonic()
        if pause > PAUSE:
            for worker in busy:
                worker.since += pause
        for worker in list(busy):
            if (found := worker.result()) is not None:
                yield found
                case = next(cases, None) if time.monotonic() < until else None
                if case is None:
                    busy.remove(worker)
                else:
                    worker.give(case)
    for worker in pool:
        worker.end()


def fuzz(
    counts: Mapping[str, int], seed: int, workers: int = 2, seconds: float = 1e9
) -> list[Outcome]:
    """Run so many cases of each sort, by turns, from a number on."""
    load_everything()
    numbers = range(seed, seed + max(counts.values()))
    cases = (
        (what, number)
        for number in numbers
        for what, count in counts.items()
        if number < seed + count
    )
    with tempfile.TemporaryDirectory(prefix="rnncli-fuzz-") as folder:
        make_bases(Path(folder))
        until = time.monotonic() + seconds
        return list(run(iter(cases), min(workers, os.cpu_count() or 1), until))


def load_everything() -> None:
    """Import what commands import late, before processes part."""
    import sacrebleu.metrics  # noqa: F401
    import torch

    import rnncli.cli.evaluate
    import rnncli.cli.train
    import rnncli.data
    import rnncli.training.loop  # noqa: F401

    torch.set_num_threads(1)


def report(outcomes: list[Outcome]) -> str:
    """Return a table of damage and outcome."""
    counts = Counter((case[0], kind, what) for case, kind, what, _ in outcomes)
    columns = [what for what in FINE + FAILED if any(key[2] == what for key in counts)]
    lines = [f"{'':28}" + "".join(f"{name:>12}" for name in columns)]
    for what, kind in sorted({key[:2] for key in counts}):
        numbers = (counts[what, kind, column] for column in columns)
        lines.append(f"{what + ': ' + kind:28}" + "".join(f"{number:12,}" for number in numbers))
    totals = Counter(outcome[2] for outcome in outcomes)
    lines.append(f"{'all':28}" + "".join(f"{totals[column]:12,}" for column in columns))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser()
    for what in RUNS:
        parser.add_argument(f"--{what}", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, choices=[1, 2])
    parser.add_argument("--seconds", type=float, default=1e9)
    given = parser.parse_args()
    begin = time.monotonic()
    counts = {what: getattr(given, what) for what in RUNS}
    outcomes = fuzz(counts, given.seed, given.workers, given.seconds)
    failures = sorted(found for found in outcomes if found[2] not in FINE)
    for (what, number), kind, how, seen in failures:
        print(f"--- {what}, seed {number}, {kind}: {how}\n{seen}")
    print(report(outcomes))
    print(f"{len(outcomes):,} cases in {time.monotonic() - begin:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
