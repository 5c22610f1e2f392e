"""The base class of networks in PyTorch."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class OnDevice(nn.Module):
    """A network that moves arrays to its device."""

    def tensor(self, array: NDArray[np.integer[Any] | np.floating[Any] | np.bool_]) -> Tensor:
        """Convert an array to a tensor on the device of the model."""
        return torch.from_numpy(array).to(next(self.parameters()).device)
