"""What a plan computes, by the formulas of its records: slow, in float64, and independent of every backend."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

import numpy as np

from rlmodule_core.numpy_backend.layers import apply_of
from rlmodule_core.plans import (
    Activation,
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
def apply_record(record: Plan, weights: Mapping[str, Array], x: Array) -> Array:
    """What one record computes of `x [..., d]`. Without a formula here, the numpy backend's layer does."""
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
    return np.concatenate(list(x), axis=-1)


_FORMULAS: dict[str, Any] = {
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "tanh": lambda x: 1 - 2 / (np.exp(2 * np.clip(x, -300, 300)) + 1),
    "elu": lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.maximum(x, 0) + np.log(1 + np.exp(-np.abs(x))),
}
