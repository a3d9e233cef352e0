"""Attention to the steps before."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.plans import Attend

Array = NDArray[Any]


def attend(inputs: tuple[Array, Array, Array, Array], record: Attend, bias: Array) -> Array:
    """Queries `[B, T, d]`, keys and values `[B, window + T, d]`, filled `[B]` to `[B, T, d]`; see the record."""
    *projected, filled = inputs
    q, k, v = (_by_head(each, record) for each in projected)
    steps, seen = q.shape[2], k.shape[2]
    distance = np.arange(record.window, seen)[:, None] - np.arange(seen)
    within = (distance >= 0) & (distance <= record.window)
    # Of the memory, the entries that have not been filled yet come first.
    there = np.arange(seen) >= record.window - filled[:, None]
    scores = (q * (1 / math.sqrt(record.head_size))) @ k.swapaxes(2, 3)
    scores += bias[:, np.clip(distance, 0, record.window)]
    scores[~(within & there[:, None])[:, None].repeat(record.heads, axis=1)] = -np.inf
    np.exp(scores - scores.max(axis=-1, keepdims=True), out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return (scores @ v).swapaxes(1, 2).reshape(len(q), steps, -1)


def _by_head(x: Array, record: Attend) -> Array:
    return x.reshape(*x.shape[:2], record.heads, record.head_size).swapaxes(1, 2)
