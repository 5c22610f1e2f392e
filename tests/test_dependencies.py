"""What is used of other libraries without their promise: bounded from above, and still there."""

import re
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
import torch
from datasets import Dataset
from datasets.features.features import require_decoding
from sacrebleu.metrics import BLEU

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"

# What is private by name, or in no documentation; each with the library that is bounded for it.
PRIVATE: dict[str, tuple[str, Callable[[], object]]] = {
    "_resolve_features": (
        "datasets",
        lambda: Dataset.from_dict({"a": ["b"]}).to_iterable_dataset()._resolve_features().features,
    ),
    "require_decoding": ("datasets", lambda: require_decoding(datasets.Image())),
    "_compute_score_from_stats": ("sacrebleu", lambda: BLEU._compute_score_from_stats),
    "_cache_references": ("sacrebleu", lambda: BLEU._cache_references),
    "_extract_corpus_statistics": ("sacrebleu", lambda: BLEU._extract_corpus_statistics),
    "_is_mkldnn_bf16_supported": (
        "torch",
        lambda: torch.ops.mkldnn._is_mkldnn_bf16_supported() in (True, False),
    ),
    "_is_avx512_bf16_supported": ("torch", lambda: torch.cpu._is_avx512_bf16_supported),
    "_is_amx_tile_supported": ("torch", lambda: torch.cpu._is_amx_tile_supported),
}


@pytest.mark.parametrize("name", PRIVATE)
def test_what_is_private_is_still_there(name: str) -> None:
    library, use = PRIVATE[name]
    try:
        assert use()
    except AttributeError as error:
        pytest.fail(
            f"{error}: find a public way to do what {name} did, or lower the upper bound of "
            f"{library} in pyproject.toml"
        )


@pytest.mark.parametrize("library", sorted({library for library, _ in PRIVATE.values()}))
def test_a_library_with_private_uses_is_bounded_from_above(library: str) -> None:
    requirements = re.findall(
        rf'"{library}(?:\[.*?\])?([<>=~!][^"]*)"', PYPROJECT.read_text("utf-8")
    )
    assert requirements
    for requirement in requirements:
        assert "<" in requirement, f"{library}{requirement}"
