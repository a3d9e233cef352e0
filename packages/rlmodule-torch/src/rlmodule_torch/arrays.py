"""Torch tensors as numpy arrays that can be stored."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray


def as_array(tensor: torch.Tensor) -> NDArray[Any]:
    """A copy of the tensor in numpy."""
    detached = tensor.detach().cpu()
    # numpy has no bfloat16 or float8; float32 holds every value of theirs exactly.
    if detached.is_floating_point() and detached.dtype not in (torch.float16, torch.float32, torch.float64):
        detached = detached.float()
    array: NDArray[Any] = detached.numpy().copy()
    return array
