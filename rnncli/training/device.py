"""Choose the device and the precision of a training."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from rnncli.config import Device, Precision
from rnncli.errors import ConfigError


def choose_precision(precision: Precision, device: Device) -> Precision:
    """Return ``bfloat16`` where the processor computes with it fast, unless another is asked for.

    Raises:
        ConfigError: bfloat16 was asked for and the processor has no layers in it.

    """
    supported = device == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if precision == "bfloat16" and not supported:
        raise ConfigError(
            "this processor cannot run LSTM layers in bfloat16",
            "--precision float32",
        )
    if precision != "auto":
        return precision
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if fast else "float32"


def choose_device(device: Device) -> Device:
    """Return ``cuda`` where there is one, unless another is asked for.

    Raises:
        ConfigError: a GPU was asked for and there is none.

    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("there is no CUDA device here", "--device cpu")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def start_torch(seed: int) -> None:
    """Set PyTorch up for one training run: random seed, one thread, fast denormal numbers."""
    # Steps set their own number. All else is products too small, or decompositions with too many
    # barriers, for threads to be worth their waiting for one another.
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # gates saturate; denormal numbers would slow them down
    torch.manual_seed(seed)


@contextmanager
def kept_threads() -> Iterator[None]:
    """Give PyTorch its number of threads back afterwards: other programs may train with it."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
