"""Convolution over images whose channels come last."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from rlmodule_core.plans import Conv2D
from rlmodule_tf.arrays import reshaped


def conv2d(x: Any, record: Conv2D, weights: dict[str, Any]) -> Any:
    """`[..., h, w, c]` to `[..., h', w', o]`."""
    above, below, left, right = record.padding
    images = reshaped(x, (None, *x.shape[-3:]))
    if any(record.padding):
        images = tf.pad(images, ((0, 0), (above, below), (left, right), (0, 0)))
    y = tf.nn.conv2d(images, tf.transpose(weights["weight"], (2, 3, 1, 0)), record.stride, "VALID")
    if record.bias:
        y += weights["bias"]
    return reshaped(y, (*x.shape[:-3], *y.shape[1:]))
