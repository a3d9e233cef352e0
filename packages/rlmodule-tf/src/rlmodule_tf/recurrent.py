"""Recurrent layers: whole sequences by one kernel, or step by step."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import tensorflow as tf

from rlmodule_core.plans import GRU, LSTM

Inputs = tuple[Any, Mapping[str, Any]]
"""Sequences and the state before them; what leaves is such a pair, with the state behind."""

_UNROLLED = 24
"""Up to so many steps a loop is written out in the graph: tracing takes longer, running half as long."""


def lstm(inputs: Inputs, record: LSTM, weights: Mapping[str, Any]) -> Inputs:
    """`[B, T, d]` and the state `[B, H]` to `[B, T, H]` and the state after."""
    x, state = inputs
    nothing, steps = tf.zeros(record.size), tf.transpose(x, (1, 0, 2))
    bias = weights["bias"] if record.bias else tf.zeros(4 * record.size)
    # Not BlockLSTMV2: its gradient takes the gates in another order than its forward.
    found = tf.raw_ops.BlockLSTM(
        seq_len_max=tf.shape(steps, tf.int64)[0],
        x=steps,
        cs_prev=state["c"],
        h_prev=state["h"],
        w=tf.transpose(_reordered(tf.concat([weights["weight_ih"], weights["weight_hh"]], 1))),
        wci=nothing,
        wcf=nothing,
        wco=nothing,
        b=_reordered(bias),
        forget_bias=0.0,
        cell_clip=-1.0,
    )
    return tf.transpose(found.h, (1, 0, 2)), {"h": found.h[-1], "c": found.cs[-1]}


def _reordered(gates: Any) -> Any:
    """Rows for i, f, g, o in the kernel's order."""
    i, f, g, o = tf.split(gates, 4)
    return tf.concat([i, g, f, o], 0)


def gru(inputs: Inputs, record: GRU, weights: Mapping[str, Any]) -> Inputs:
    """`[B, T, d]` and the state `[B, H]` to `[B, T, H]` and the state after."""
    x, state = inputs
    size, projected = record.size, tf.tensordot(x, weights["weight_ih"], ((-1,), (1,)))
    if record.bias:
        projected += weights["bias"][0]
    steps = tf.transpose(projected, (1, 0, 2))

    def step(h: Any, new: Any) -> Any:
        old = tf.matmul(h, weights["weight_hh"], transpose_b=True)
        if record.bias:
            old += weights["bias"][1]
        r, z = tf.split(tf.sigmoid(new[:, : 2 * size] + old[:, : 2 * size]), 2, axis=1)
        n = tf.tanh(new[:, 2 * size :] + r * old[:, 2 * size :])
        return n + z * (h - n)

    h = state["h"]
    if x.shape[1] is None or x.shape[1] > _UNROLLED:
        y = tf.scan(step, steps, h)
        return tf.transpose(y, (1, 0, 2)), {"h": y[-1]}
    _, *outputs = accumulate(tf.unstack(steps), step, initial=h)
    return tf.stack(outputs, 1), {"h": outputs[-1]}
