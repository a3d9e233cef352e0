"""Attention to the steps before."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from rlmodule_core.plans import Attend
from rlmodule_tf.ops import OPS


def attend(inputs: tuple[Any, Any, Any, Any], record: Attend, bias: Any) -> Any:
    """Queries `[B, T, d]`, keys and values `[B, window + T, d]`, filled `[B]` to `[B, T, d]`; see the record."""
    *projected, filled = inputs
    q, k, v = (_by_head(each, record) for each in projected)
    seen = np.arange(k.shape[2])
    distance = seen[record.window :, None] - seen
    within = (distance >= 0) & (distance <= record.window)
    # Of the memory, the entries that have not been filled yet come first.
    there = seen.astype(np.float32) >= record.window - filled[:, None]
    scores = tf.matmul(q, k, transpose_b=True) / math.sqrt(record.head_size)
    scores += tf.gather(bias, distance.clip(0, record.window), axis=1)
    scores = tf.where((within & there[:, None])[:, None], scores, -np.inf)
    y = tf.transpose(tf.matmul(tf.nn.softmax(scores), v), (0, 2, 1, 3))
    return OPS.reshape(y, (*y.shape[:2], record.heads * record.head_size))


def _by_head(x: Any, record: Attend) -> Any:
    return tf.transpose(OPS.reshape(x, (*x.shape[:2], record.heads, record.head_size)), (0, 2, 1, 3))
