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
    Dense,
    FreeParameter,
    LayerNorm,
    Network,
    OneHot,
    Plan,
    Record,
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
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return np.asarray((x - mean) * (variance + record.eps) ** -0.5 * weights["weight"] + weights["bias"])


@apply_record.register
def _(record: OneHot, weights: Mapping[str, Array], x: Array) -> Array:
    return np.asarray(np.eye(record.size)[np.asarray(x) - record.start])


@apply_record.register
def _(record: Cast, weights: Mapping[str, Array], x: Array) -> Array:
    return np.asarray(x, np.float64)


@apply_record.register
def _(record: FreeParameter, weights: Mapping[str, Array], x: Array) -> Array:
    return np.concatenate([x, np.ones((*x.shape[:-1], 1)) * weights["value"]], axis=-1)


_FORMULAS: dict[str, Any] = {
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "tanh": lambda x: 1 - 2 / (np.exp(2 * np.clip(x, -300, 300)) + 1),
    "elu": lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.maximum(x, 0) + np.log(1 + np.exp(-np.abs(x))),
}
