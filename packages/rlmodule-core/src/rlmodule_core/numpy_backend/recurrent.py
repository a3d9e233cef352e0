"""Recurrent layers: the inputs' part of all steps at once, then step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.plans import GRU, LSTM

Array = NDArray[Any]
Inputs = tuple[Array, Mapping[str, Array]]
"""Sequences and the state before them; what leaves is such a pair, with the state behind."""


def lstm(inputs: Inputs, record: LSTM, weights: Mapping[str, Array]) -> Inputs:
    """`[B, T, d]` and the state `[B, H]` to `[B, T, H]` and the state after."""
    x, state = inputs
    size, h, c = record.size, state["h"], state["c"]
    kernel, projected = weights["weight_hh"].T, x @ weights["weight_ih"].T
    if record.bias:
        projected += weights["bias"]
    y = np.empty((*x.shape[:2], size), projected.dtype)
    for t in range(x.shape[1]):
        gates = h @ kernel
        gates += projected[:, t]
        # One tanh for all four gates: a sigmoid is one of half the number.
        squashed = gates[:, : 2 * size], gates[:, 3 * size :]
        for part in squashed:
            part *= 0.5
        np.tanh(gates, out=gates)
        for part in squashed:
            part *= 0.5
            part += 0.5
        i, f, g, o = (gates[:, gate * size : (gate + 1) * size] for gate in range(4))
        c = f * c + i * g
        h = np.multiply(o, np.tanh(c), out=y[:, t])
    return y, {"h": h.copy(), "c": c}


def gru(inputs: Inputs, record: GRU, weights: Mapping[str, Array]) -> Inputs:
    """`[B, T, d]` and the state `[B, H]` to `[B, T, H]` and the state after."""
    x, state = inputs
    size, h = record.size, state["h"]
    kernel, projected = weights["weight_hh"].T, x @ weights["weight_ih"].T
    if record.bias:
        projected += weights["bias"][0]
    y = np.empty((*x.shape[:2], size), projected.dtype)
    for t in range(x.shape[1]):
        recurrent = h @ kernel
        if record.bias:
            recurrent += weights["bias"][1]
        gates = sigmoid(projected[:, t, : 2 * size] + recurrent[:, : 2 * size])
        r, z = gates[:, :size], gates[:, size:]
        n = np.tanh(projected[:, t, 2 * size :] + r * recurrent[:, 2 * size :])
        h = np.add(n, z * (h - n), out=y[:, t])
    return y, {"h": h.copy()}


def sigmoid(x: Array) -> Array:
    """The logistic function."""
    # tanh cannot overflow where exp would.
    return np.asarray(0.5 * np.tanh(0.5 * x) + 0.5)
