"""Safetensors files: written atomically, and checked when read, since they may be untrusted.

No value is read before names, types and shapes are as expected.
"""

import json
import os
import reprlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from rnncli.errors import ModelError
from rnncli.storage.atomic_files import write_bytes
from rnncli.storage.description import MAX_VALUE
from rnncli.storage.layout import DAMAGED, require_digest, require_regular_file

MAX_HEADER = 1 << 20  # bytes: names, types and shapes of the tensors


@dataclass(frozen=True)
class TensorSpec:
    """The expected shape and types of a tensor; a size of None stands for any above zero."""

    shape: tuple[int | None, ...]
    dtypes: tuple[str, ...] = ("F16",)  # as safetensors calls them

    def fits(self, shape: list[int], dtype: str) -> bool:
        """Return whether a tensor has an expected shape and type."""
        return (
            dtype in self.dtypes
            and len(shape) == len(self.shape)
            and 0 not in shape
            and all(
                expected in (None, size) for expected, size in zip(self.shape, shape, strict=True)
            )
        )


@dataclass(frozen=True)
class TensorFile:
    """An untrusted file of named tensors."""

    path: Path
    digest: str | None = None  # the SHA-256 that it must have, if that is known

    def read_metadata(self) -> Mapping[str, str]:
        """Return the metadata of the file.

        Raises:
            ModelError: the file is missing or damaged.

        """
        with self._open() as file:
            return dict(file.metadata() or {})

    def read(
        self,
        expected: Mapping[str, TensorSpec],
        mapped: tuple[str, ...] = (),
        *,
        is_writable: bool = False,
    ) -> dict[str, NDArray[Any]]:
        """Return the tensors, floats in float32; those in ``mapped``, int8, are memory-mapped.

        With ``is_writable``, what is written to the mapped ones is written to the file, or, where
        that may not be written to, stays in memory.

        Raises:
            ModelError: the file is missing or damaged, its tensors are not the expected ones, or
                their values are out of range.

        """
        with self._open() as file:
            require_digest(self.path, self.digest)
            self._check(file, expected)
            tensors: dict[str, NDArray[Any]] = {
                name: _single_precision(file.get_tensor(name))
                for name in expected
                if name not in mapped
            }
            for name in mapped:
                tensors[name] = _map(self.path, name, is_writable=is_writable)
        for name, tensor in tensors.items():
            # The bounds fail for NaN, too.
            if tensor.dtype.kind == "f" and not (
                -MAX_VALUE <= tensor.min() <= tensor.max() <= MAX_VALUE
            ):
                raise ModelError(f"{self.path} is damaged: {name} has values out of range", DAMAGED)
        return tensors

    @contextmanager
    def _open(self) -> Iterator[Any]:
        """Open the file; errors while it is read become `ModelError`."""
        try:
            with require_regular_file(self.path).open("rb") as raw:
                if int.from_bytes(raw.read(8), "little") > MAX_HEADER:
                    raise ModelError(f"{self.path} is damaged: its header is too large", DAMAGED)
            with safe_open(self.path, framework="numpy") as file:
                yield file
        except FileNotFoundError:
            raise ModelError(f"{self.path} is missing", "copy the whole model directory") from None
        except (SafetensorError, OSError, ValueError, TypeError, LookupError) as error:
            raise ModelError(f"{self.path} cannot be read: {str(error)[:200]}", DAMAGED) from None

    def _check(self, file: Any, expected: Mapping[str, TensorSpec]) -> None:
        """Refuse a file whose tensors are not the expected ones."""
        names = set(file.keys())
        wrong = names ^ expected.keys()
        for name in names & expected.keys():
            tensor = file.get_slice(name)
            if not expected[name].fits(tensor.get_shape(), tensor.get_dtype()):
                wrong.add(name)
        if wrong:
            shown = ", ".join(map(reprlib.repr, sorted(wrong)[:3]))
            raise ModelError(f"{self.path} does not fit config.json: {shown}", DAMAGED)


def write_tensors(
    path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a file of named tensors atomically."""
    from safetensors.numpy import save

    write_bytes(path, save(dict(tensors), metadata=dict(metadata) if metadata else None))


def half_if_exact(values: NDArray[Any]) -> NDArray[Any]:
    """Return float32 in half precision where that loses nothing, and all else as it is."""
    if values.dtype != np.float32:
        return np.ascontiguousarray(values)
    with np.errstate(over="ignore"):  # which is not exact
        half = values.astype(np.float16)
    return np.ascontiguousarray(half if (half == values).all() else values)


def _single_precision(tensor: NDArray[Any]) -> NDArray[Any]:
    """Return floats in float32: NumPy compares those of half precision ten times as slowly."""
    return tensor.astype(np.float32) if tensor.dtype == np.float16 else tensor


def _map(path: Path, name: str, *, is_writable: bool) -> NDArray[np.int8]:
    """Memory-map an int8 tensor in a file whose header has been checked."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))[name]
    offset = 8 + size + header["data_offsets"][0]
    mode: Literal["r", "r+", "c"] = "r"
    if is_writable:
        mode = "r+" if os.access(path, os.W_OK) else "c"
    return np.memmap(path, np.int8, mode, offset, tuple(header["shape"]))
