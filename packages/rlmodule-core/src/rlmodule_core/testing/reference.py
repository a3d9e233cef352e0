"""What a plan computes, by the formulas of its records: slow, in float64, and independent of every backend."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import numpy as np

from rlmodule_core.numpy_backend.layers import apply_of
from rlmodule_core.plans import (
    GRU,
    LSTM,
    Activation,
    Attend,
    Cast,
    Composite,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    FreeParameter,
    LayerNorm,
    MultiOneHot,
    Network,
    Normalise,
    OneHot,
    Plan,
    Record,
    Scale,
    Transpose,
    escape_key,
    join_name,
)
from rlmodule_core.testing.compare import Array


def reference(plan: Plan, weights: Mapping[str, Array], name: str = "") -> Network:
    """The function that a plan stands for, over float64 arrays.

    Args:
        plan: a record or a composite.
        weights: by canonical name; the function sees what is written into these arrays later.
        name: the canonical name of this node.
    """
    if isinstance(plan, Composite):
        composite = plan
        children = {
            key: reference(child, weights, join_name(name, escape_key(key))) for key, child in plan.children().items()
        }
        return lambda inputs: composite.route(children, inputs)
    own = {leaf: weights[join_name(name, leaf)] for leaf in plan.weight_shapes()} if isinstance(plan, Record) else {}
    return lambda inputs: apply_record(plan, own, inputs)


@singledispatch
def apply_record(record: Plan, weights: Mapping[str, Array], x: Any) -> Any:
    """What one record computes of `x [..., d]`, or of several tensors. Without a formula, the numpy backend's does."""
    return apply_of(record, dict(weights))(x)


@apply_record.register
def _(record: Dense, weights: Mapping[str, Array], x: Array) -> Array:
    y: Array = np.einsum("...i,oi->...o", x, weights["weight"])
    return y + weights["bias"] if record.bias else y


@apply_record.register
def _(record: Activation, weights: Mapping[str, Array], x: Array) -> Array:
    return np.asarray(_FORMULAS[record.name](x))


@apply_record.register
def _(record: LayerNorm, weights: Mapping[str, Array], x: Array) -> Array:
    axes = tuple(range(x.ndim - record.axes, x.ndim))
    mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    return np.asarray((x - mean) * (variance + record.eps) ** -0.5 * weights["weight"] + weights["bias"])


@apply_record.register
def _(record: Normalise, weights: Mapping[str, Array], x: Array) -> Array:
    deviations = (x - weights["mean"]) * (weights["variance"] + record.eps) ** -0.5
    return np.where(np.abs(deviations) > record.clip, np.sign(deviations) * record.clip, deviations)


@apply_record.register
def _(record: OneHot, weights: Mapping[str, Array], x: Array) -> Array:
    return np.asarray(np.eye(record.size)[np.asarray(x) - record.start])


@apply_record.register
def _(record: Cast, weights: Mapping[str, Array], x: Array) -> Array:
    return np.asarray(x, np.float64)


@apply_record.register
def _(record: FreeParameter, weights: Mapping[str, Array], x: Array) -> Array:
    return np.concatenate([x, np.ones((*x.shape[:-1], 1)) * weights["value"]], axis=-1)


@apply_record.register
def _(record: Conv2D, weights: Mapping[str, Array], x: Array) -> Array:
    above, below, left, right = record.padding
    padded = np.pad(x, [*[(0, 0)] * (x.ndim - 3), (above, below), (left, right), (0, 0)])
    y = np.zeros((*x.shape[:-3], *record.output_dims(x.shape[-3:])))
    # Pixel by pixel, with no shape changed on the way.
    for row, column in np.ndindex(*y.shape[-3:-1]):
        first, side = row * record.stride[0], column * record.stride[1]
        patch = padded[..., first : first + record.kernel[0], side : side + record.kernel[1], :]
        y[..., row, column, :] = np.einsum("...hwi,oihw->...o", patch, weights["weight"])
    return y + weights["bias"] if record.bias else y


@apply_record.register
def _(record: Flatten, weights: Mapping[str, Array], x: Array) -> Array:
    kept = x.ndim - record.axes
    return np.array([np.ravel(x[index]) for index in np.ndindex(x.shape[:kept])]).reshape(*x.shape[:kept], -1)


@apply_record.register
def _(record: Transpose, weights: Mapping[str, Array], x: Array) -> Array:
    letters = "hwcdefg"[: len(record.order)]
    return np.asarray(np.einsum(f"...{letters}->...{''.join(letters[axis] for axis in record.order)}", x))


@apply_record.register
def _(record: Scale, weights: Mapping[str, Array], x: Array) -> Array:
    return np.asarray(x, np.float64) / record.divisor


@apply_record.register
def _(record: MultiOneHot, weights: Mapping[str, Array], x: Array) -> Array:
    entries = zip(record.sizes, record.starts, strict=True)
    return np.concatenate([np.eye(size)[x[..., i] - start] for i, (size, start) in enumerate(entries)], axis=-1)


@apply_record.register
def _(record: Concat, weights: Mapping[str, Array], x: Array) -> Array:
    return np.concatenate(list(x), axis=record.axis)


@apply_record.register
def _(record: LSTM, weights: Mapping[str, Array], x: Any) -> Any:
    inputs, state = x
    h, c, outputs = state["h"], state["c"], []
    for step in np.moveaxis(inputs, 1, 0):
        i, f, g, o = np.split(
            _recurrent_sum(weights, "weight_ih", step) + _recurrent_sum(weights, "weight_hh", h), 4, -1
        )
        if record.bias:
            i, f, g, o = (gate + part for gate, part in zip((i, f, g, o), np.split(weights["bias"], 4), strict=True))
        c = _logistic(f) * c + _logistic(i) * _FORMULAS["tanh"](g)
        h = _logistic(o) * _FORMULAS["tanh"](c)
        outputs.append(h)
    return np.stack(outputs, axis=1), {"h": h, "c": c}


@apply_record.register
def _(record: GRU, weights: Mapping[str, Array], x: Any) -> Any:
    inputs, state = x
    h, outputs = state["h"], []
    first, second = weights["bias"] if record.bias else np.zeros((2, 3 * record.size))
    for step in np.moveaxis(inputs, 1, 0):
        new = np.split(_recurrent_sum(weights, "weight_ih", step) + first, 3, -1)
        old = np.split(_recurrent_sum(weights, "weight_hh", h) + second, 3, -1)
        r, z = _logistic(new[0] + old[0]), _logistic(new[1] + old[1])
        h = (1 - z) * _FORMULAS["tanh"](new[2] + r * old[2]) + z * h
        outputs.append(h)
    return np.stack(outputs, axis=1), {"h": h}


@apply_record.register
def _(record: Attend, weights: Mapping[str, Array], x: Any) -> Any:
    queries, keys, values, filled = x
    found = np.zeros(queries.shape)
    # Step by step and head by head: a step sees those steps alone that are within its reach.
    for row, t, head in np.ndindex(*queries.shape[:2], record.heads):
        own = slice(head * record.head_size, (head + 1) * record.head_size)
        now = record.window + t
        seen = np.arange(max(t, record.window - int(filled[row])), now + 1)
        scores = keys[row, seen, own] @ queries[row, t, own] / record.head_size**0.5
        likely = np.exp(scores + weights["bias"][head, now - seen])
        found[row, t, own] = likely @ values[row, seen, own] / likely.sum()
    return found


def _recurrent_sum(weights: Mapping[str, Array], leaf: str, x: Array) -> Array:
    return np.asarray(np.einsum("...i,oi->...o", x, weights[leaf]))


def _logistic(x: Array) -> Array:
    return np.asarray(_FORMULAS["sigmoid"](x))


_FORMULAS: dict[str, Any] = {
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "tanh": lambda x: 1 - 2 / (np.exp(2 * np.clip(x, -300, 300)) + 1),
    "elu": lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.maximum(x, 0) + np.log(1 + np.exp(-np.abs(x))),
}
