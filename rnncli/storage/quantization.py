"""Weight matrices in int8, each row with a scale of its own: half the size of half precision."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncli.errors import ModelError
from rnncli.storage.description import INT8, MAX_VALUE
from rnncli.storage.layout import DAMAGED
from rnncli.storage.rewriting import read_stored, rewrite
from rnncli.storage.tensors import TensorSpec

LARGEST = 127  # of the values of a row: symmetric, so that zero stays zero
MAX_SCALE = MAX_VALUE / 128  # as int8 goes down to -128


def quantize(path: Path) -> None:
    """Quantize the weights in a model directory; those of vectors, such as biases, stay floats."""
    description, tensors = read_stored(path)
    stored = dict(tensors)
    for name, tensor in tensors.items():
        if tensor.ndim == 2 and tensor.dtype == np.float16:
            stored[name], stored[_scale_of(name)] = _quantized(tensor)
    rewrite(path, description | {"quantization": INT8}, stored)


def quantized_specs(specs: Mapping[str, TensorSpec]) -> dict[str, TensorSpec]:
    """Return what a file holds in place of ``specs``: int8 matrices (R, C), and their scales (R,).

    The scales have the name of their matrix with ``_scale`` behind.
    """
    stored = dict(specs)
    for name, spec in specs.items():
        if len(spec.shape) == 2 and spec.dtypes == ("F16",):
            stored[name] = TensorSpec(spec.shape, ("I8",))
            stored[_scale_of(name)] = TensorSpec(spec.shape[:1])
    return stored


def dequantized(
    stored: Mapping[str, NDArray[Any]], specs: Mapping[str, TensorSpec], path: Path
) -> dict[str, NDArray[Any]]:
    """Return the tensors that ``specs`` expects, of what a file holds in their place.

    Raises:
        ModelError: a scale is negative or too large.

    """
    tensors = {name: stored[name] for name in specs}
    for name in specs:
        if (scales := stored.get(_scale_of(name))) is None:
            continue
        if not 0 <= scales.min() <= scales.max() <= MAX_SCALE:
            raise ModelError(f"{path} is damaged: {name} has scales out of range", DAMAGED)
        tensors[name] = tensors[name] * scales[:, None]
    return tensors


def _scale_of(name: str) -> str:
    return f"{name}_scale"


def _quantized(matrix: NDArray[np.float16]) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Return the values (R, C) and the scales (R,) of a matrix, whose rows are their products."""
    rows = matrix.astype(np.float32)
    scales = (np.abs(rows).max(1) / LARGEST).astype(np.float16)
    divisors = np.where(scales > 0, scales, 1).astype(np.float32)  # scales as they are stored
    values = np.rint(rows / divisors[:, None]).clip(-LARGEST, LARGEST)
    return values.astype(np.int8), scales
