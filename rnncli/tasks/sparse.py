"""Sparse matrices, for what is counted rather than learned."""

import warnings

import torch
from torch import Tensor

from rnncli.networks.numerics import Floats, Ints


def csr(starts: Ints, columns: Ints, values: Floats, width: int) -> Tensor:
    """Return the matrix (R, width) whose rows begin at ``starts`` (R + 1,) of its columns."""
    with warnings.catch_warnings():  # that such matrices are new in PyTorch
        warnings.filterwarnings("ignore", "Sparse", UserWarning)
        return torch.sparse_csr_tensor(
            torch.from_numpy(starts),
            torch.from_numpy(columns),
            torch.from_numpy(values),
            (len(starts) - 1, width),
        )
