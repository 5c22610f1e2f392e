"""Write a classifier as one HTML page, which labels texts in the browser and needs no network.

The page holds the arrays of the model as they are, and `classifier.js`, which computes with them
what `predict.py` does.
"""

import base64
import gzip
import json
import re
from dataclasses import asdict
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from safetensors.numpy import save

from rnncli.errors import ConfigError
from rnncli.networks.architecture import Tokens
from rnncli.storage.atomic_files import write_bytes
from rnncli.storage.tensors import half_if_exact
from rnncli.tasks.classify.predict import TextClassifier
from rnncli.text.unicode import PLAIN_SIGNS, UNSPACED_SCRIPTS
from rnncli.text.vectors import STEP

LEVELS = ("word", "char")  # that `classifier.js` reads


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
        model=base64.b64encode(_pack(classifier)).decode(),
        script=(folder / "classifier.js").read_text(encoding="utf-8"),
    )
    write_bytes(file, page.encode())


def _pack(classifier: TextClassifier) -> bytes:
    """Return the arrays and the description of a model, compressed, as one safetensors file."""
    arrays = {name: half_if_exact(values) for name, values in classifier.network.weights.items()}
    if (ngrams := classifier.ngrams) is not None:
        arrays["ngrams.buckets"] = ngrams.buckets.astype(np.int32)
        arrays["ngrams.weight"] = half_if_exact(ngrams.weight)
        arrays["ngrams.bias"] = half_if_exact(ngrams.bias)
    metadata = {"description": json.dumps(_description(classifier))}
    # Without a time, so that the same model gives the same page.
    return gzip.compress(save(arrays, metadata), 9, mtime=0)


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
