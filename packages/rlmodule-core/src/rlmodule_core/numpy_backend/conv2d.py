"""Convolution as one matrix product over the patches of the images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rlmodule_core.plans import Conv2D

_MOST_NUMBERS = 2**24
"""How many numbers of patches are laid out at once: more would fill the memory, and be no faster."""


def conv2d(x: NDArray[Any], record: Conv2D, weights: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """`[..., h, w, c]` to `[..., h', w', o]`."""
    above, below, left, right = record.padding
    images = x.reshape(math.prod(x.shape[:-3]), *x.shape[-3:])
    padded = np.pad(images, ((0, 0), (above, below), (left, right), (0, 0))) if any(record.padding) else images
    patches = sliding_window_view(padded, record.kernel, axis=(1, 2))[:, :: record.stride[0], :: record.stride[1]]
    kernel = weights["weight"]
    # Patches [n, h', w', c, kernel height, kernel width] are a view in the order of the kernel's axes. With the
    # channels last, longer runs of memory are laid out: in half the time, but then the kernel is laid out anew, too.
    if math.prod(patches.shape[:3]) >= record.outputs:
        patches, kernel = patches.transpose(0, 1, 2, 4, 5, 3), kernel.transpose(0, 2, 3, 1)
    matrix = kernel.reshape(record.outputs, -1).T
    rows = max(1, _MOST_NUMBERS // math.prod(patches.shape[1:]))
    y = np.empty((*patches.shape[:3], record.outputs), np.result_type(x, matrix))
    for first in range(0, len(patches), rows):
        some = patches[first : first + rows]
        # As one product: with more axes it would be one for each line of each image.
        np.matmul(some.reshape(-1, len(matrix)), matrix, out=y[first : first + rows].reshape(-1, record.outputs))
    if record.bias:
        y += weights["bias"]
    return y.reshape(*x.shape[:-3], *y.shape[1:])
