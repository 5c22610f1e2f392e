"""Write a classifier as one HTML page, which labels texts in the browser and needs no network.

The page holds the arrays of the model, compressed without loss, and `classifier.js`, which computes
with them what `predict.py` does. It is encoded in UTF-16, of whose characters each holds 15 bits of
the arrays: it is a fifth smaller than in UTF-8, whose safe characters, as of base64, hold 6 bits.
"""

import codecs
import gzip
import json
import re
from dataclasses import asdict
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from rnncli.errors import ConfigError
from rnncli.networks.architecture import Tokens
from rnncli.storage.atomic_files import write_bytes
from rnncli.storage.tensors import half_if_exact
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.text.unicode import PLAIN_SIGNS, UNSPACED_SCRIPTS
from rnncli.text.vectors import STEP

LEVELS = ("word", "char")  # that `classifier.js` reads
# The characters from U+4000 to U+BFFF, 2 ** 15 in number, are letters of Asian scripts: none of
# them is a control or a surrogate, or means anything in HTML.
FIRST_CHARACTER, BITS = 0x4000, 15
SIZE_BYTES = 4  # before the compressed arrays, whose end may lie within a character


def write_html(classifier: TextClassifier, file: Path, title: str) -> None:
    """Write the page.

    Raises:
        ConfigError: the page cannot read texts at the level of the model.

    """
    if classifier.tokenizer.level not in LEVELS:
        raise ConfigError(
            f"a page reads words or characters, and this model's level is "
            f"{classifier.tokenizer.level}",
            "train a model with --level word",
        )
    data = classifier.description.data
    folder = Path(__file__).parent
    template = (folder / "classifier.html").read_text(encoding="utf-8")
    page = Template(template).substitute(
        title=escape(title),
        source="" if data is None else escape(f"Trained on {data.name} with rnncli."),
        model=_as_text(_pack(classifier)),
        script=(folder / "classifier.js").read_text(encoding="utf-8"),
    )
    # Its first character tells the encoding, whatever a server says.
    write_bytes(file, codecs.BOM_UTF16_LE + page.encode("utf-16-le"))


def _pack(classifier: TextClassifier) -> bytes:
    """Return the arrays and the description of a model, compressed, as one safetensors file."""
    arrays: dict[str, NDArray[Any]] = dict(classifier.network.weights)
    if (ngrams := classifier.ngrams) is not None:
        arrays["ngrams.buckets"] = ngrams.buckets.astype(np.int32)
        arrays["ngrams.weight"] = ngrams.weight
        arrays["ngrams.bias"] = ngrams.bias
    arrays = {name: _in_planes(half_if_exact(values)) for name, values in arrays.items()}
    metadata = {"description": json.dumps(_description(classifier))}
    # Without a time, so that the same model gives the same page.
    return gzip.compress(save(arrays, metadata), 9, mtime=0)


def _in_planes(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers of half precision as their lower bytes, then their upper ones.

    These alone can be compressed: signs and exponents are few.
    """
    if values.dtype != np.float16:
        return values
    return np.ascontiguousarray(values.view(np.uint8).reshape(-1, 2).T)


def _as_text(data: bytes) -> str:
    """Return bytes, after their number, as characters of ``BITS`` bits each."""
    data = len(data).to_bytes(SIZE_BYTES, "little") + data
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    rows = np.pad(bits, (0, -len(bits) % BITS)).reshape(-1, BITS)
    values = np.packbits(np.pad(rows, ((0, 0), (16 - BITS, 0))), 1).view(">u2")
    return (values + FIRST_CHARACTER).astype("<u2").tobytes().decode("utf-16-le")


def _description(classifier: TextClassifier) -> dict[str, Any]:
    """Return what `classifier.js` needs beside the arrays."""
    architecture, tokenizer = classifier.network.architecture, classifier.tokenizer
    front, encoder, ngrams = architecture.front, architecture.encoder, classifier.ngrams
    assert isinstance(front, Tokens)
    assert encoder is not None
    return {
        "labels": classifier.labels,
        "weights": classifier.member_weights.tolist(),
        "level": tokenizer.level,
        "vocabulary": [tokenizer.token(id) for id in range(tokenizer.vocab_size)],
        "unspaced_words": _scripts(tokenizer.to_json().partition('"model"')[0]),
        "plain_signs": {chr(code): plain for code, plain in PLAIN_SIGNS.items()},
        "features": None
        if ngrams is None
        else asdict(ngrams.features) | {"unspaced": _scripts(UNSPACED_SCRIPTS)},
        "cell": encoder.cell,
        "num_layers": encoder.num_layers,
        "hidden_size": encoder.hidden_size,
        "directions": encoder.directions,
        "embedding_dim": front.embedding_dim,
        "vectors_dim": front.vectors_dim,
        "step": STEP,
    }


def _scripts(pattern: str) -> list[str]:
    """Return the names of the scripts in a pattern: Han of ``\\p{Han}``."""
    return list(dict.fromkeys(re.findall(r"\\p\{(\w\w+)\}", pattern)))
