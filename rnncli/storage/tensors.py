"""Safetensors files: written atomically, and checked when read, since they may be untrusted.

No number is read before names, types and shapes are as expected.
"""

import json
import reprlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from rnncli.errors import ModelError
from rnncli.storage.atomic_files import write_bytes
from rnncli.storage.description import LARGEST_NUMBER
from rnncli.storage.layout import DAMAGED, require_regular_file

LARGEST_HEADER = 1 << 20  # bytes: names, types and shapes of the tensors


@dataclass(frozen=True)
class TensorSpec:
    """The expected shape and types of a tensor; a size of None is any size above zero."""

    shape: tuple[int | None, ...]
    dtypes: tuple[str, ...] = ("F16",)  # as safetensors calls them

    def fits(self, shape: list[int], dtype: str) -> bool:
        """Return whether a tensor of this shape and type is as it must be."""
        return (
            dtype in self.dtypes
            and len(shape) == len(self.shape)
            and 0 not in shape
            and all(want in (None, size) for want, size in zip(self.shape, shape, strict=True))
        )


@dataclass(frozen=True)
class TensorFile:
    """A file of named tensors, none of which is trusted.

    ``rename`` gives a tensor of the file the name under which it is asked for, or None where it is
    to be left aside, and ``metadata`` stands for what the file itself says: older formats differed.
    """

    path: Path
    rename: Callable[[str], str | None] = str
    metadata: Mapping[str, str] | None = None

    def read_metadata(self) -> Mapping[str, str]:
        """Return the metadata of the file.

        Raises:
            ModelError: the file is missing or damaged.

        """
        if self.metadata is not None:
            return self.metadata
        with self._open() as file:
            return dict(file.metadata() or {})

    def read(
        self, expected: Mapping[str, TensorSpec], mapped: tuple[str, ...] = ()
    ) -> dict[str, NDArray[Any]]:
        """Return the tensors; those named in ``mapped``, of bytes, stay on the disk until used.

        Raises:
            ModelError: the file is missing or damaged, has other tensors than the expected ones,
                or holds numbers that no training leads to.

        """
        with self._open() as file:
            names = {}
            for name in file.keys():  # noqa: SIM118
                if (renamed := self.rename(name)) is not None:
                    names[renamed] = name
            self._check(file, names, expected)
            tensors: dict[str, NDArray[Any]] = {
                name: file.get_tensor(names[name]) for name in expected if name not in mapped
            }
            for name in mapped:
                tensors[name] = _map(self.path, names[name])
        for name, tensor in tensors.items():
            # The bounds fail for NaN, too.
            if tensor.dtype.kind == "f" and not (
                -LARGEST_NUMBER <= tensor.min() <= tensor.max() <= LARGEST_NUMBER
            ):
                raise ModelError(f"{self.path} is damaged: {name} has values out of range", DAMAGED)
        return tensors

    @contextmanager
    def _open(self) -> Iterator[Any]:
        """Open the file, and explain what goes wrong while it is read."""
        try:
            with require_regular_file(self.path).open("rb") as raw:
                if int.from_bytes(raw.read(8), "little") > LARGEST_HEADER:
                    raise ModelError(f"{self.path} is damaged: its header is too large", DAMAGED)
            with safe_open(self.path, framework="numpy") as file:
                yield file
        except FileNotFoundError:
            raise ModelError(f"{self.path} is missing", "copy the whole model directory") from None
        except (SafetensorError, OSError, ValueError, TypeError, LookupError) as error:
            raise ModelError(f"{self.path} cannot be read: {str(error)[:200]}", DAMAGED) from None

    def _check(
        self, file: Any, names: Mapping[str, str], expected: Mapping[str, TensorSpec]
    ) -> None:
        """Raise an error where the file has other tensors than the expected ones."""
        wrong = names.keys() ^ expected.keys()
        for name in names.keys() & expected.keys():
            tensor = file.get_slice(names[name])
            if not expected[name].fits(tensor.get_shape(), tensor.get_dtype()):
                wrong.add(name)
        if wrong:
            shown = ", ".join(map(reprlib.repr, sorted(wrong)[:3]))
            raise ModelError(f"{self.path} does not fit config.json: {shown}", DAMAGED)


def write_tensors(
    path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a file of named tensors, as a whole."""
    from safetensors.numpy import save

    write_bytes(path, save(dict(tensors), metadata=dict(metadata) if metadata else None))


def _map(path: Path, name: str) -> NDArray[np.int8]:
    """Map a tensor of bytes in a file whose header has been checked."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))[name]
    offset = 8 + size + header["data_offsets"][0]
    return np.memmap(path, np.int8, "r", offset, tuple(header["shape"]))
