"""How fast this machine trains, estimated without PyTorch: by a product that NumPy computes.

The constants were measured on two cores of a server CPU; estimates are right within a factor of two
where PyTorch uses a processor as well as there.
"""

import math
import time
from pathlib import Path

import numpy as np

PRODUCT_SHAPE = (64, 256, 1024)  # of a step of a small network: rows, inputs, outputs
# It is computed over and over, to find its best time: on a busy machine, most are interrupted.
PRODUCT_SECONDS, MIN_PRODUCTS = 0.05, 20
FAST_BFLOAT16 = ("avx512_bf16", "amx_bf16")  # flags of processors that multiply twice as fast in it
PASSES = 3  # products of a training step: forward, and backward to inputs and weights
EFFICIENCY = 1.3  # speed of training's products, divided by that of the product here


def weights_a_second(threads: int) -> float:
    """Return with how many weights training multiplies in a second, on so many threads.

    Threads wait for one another: two are taken to be 1.4 times as fast as one.
    """
    rows, inputs, outputs = PRODUCT_SHAPE
    left, right = np.ones((rows, inputs), np.float32), np.ones((inputs, outputs), np.float32)
    product = np.empty((rows, outputs), np.float32)
    seconds: list[float] = []
    end = time.perf_counter() + PRODUCT_SECONDS
    while (began := time.perf_counter()) < end or len(seconds) < MIN_PRODUCTS:
        np.matmul(left, right, out=product)
        seconds.append(time.perf_counter() - began)
    speed: float = rows * inputs * outputs / min(seconds)
    bfloat16 = 2.0 if _has_fast_bfloat16() else 1.0
    return EFFICIENCY * speed * bfloat16 / PASSES * math.sqrt(threads)


def _has_fast_bfloat16() -> bool:
    """Return whether the processor says so; Linux alone tells it in a file."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(flag in flags for flag in FAST_BFLOAT16)
