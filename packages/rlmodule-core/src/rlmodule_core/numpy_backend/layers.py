"""Each record as a numpy layer: lowering by type, forward only."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlmodule_core.numpy_backend.attention import attend
from rlmodule_core.numpy_backend.conv2d import conv2d
from rlmodule_core.numpy_backend.recurrent import gru, lstm, sigmoid
from rlmodule_core.plans import (
    GRU,
    LSTM,
    Activation,
    Attend,
    Cast,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    FreeParameter,
    LayerNorm,
    MultiOneHot,
    Normalise,
    OneHot,
    PlainLayer,
    Plan,
    Record,
    Scale,
    Transpose,
    no_layer,
)

Array = NDArray[Any]


def make_layer(record: Record, weights: dict[str, Array]) -> PlainLayer:
    """A lowered record over these arrays."""
    return PlainLayer(record, weights, apply_of)


@singledispatch
def apply_of(record: Plan, weights: dict[str, Array]) -> Callable[[Any], Any]:
    """The function that applies a record with the given arrays, which may be overwritten in place later."""
    raise no_layer("numpy", record)


@apply_of.register
def _(record: Dense, weights: dict[str, Array]) -> Callable[[Array], Array]:
    transposed = weights["weight"].T
    if not record.bias:
        return lambda x: x @ transposed
    bias = weights["bias"]

    def dense(x: Array) -> Array:
        y: Array = x @ transposed
        y += bias
        return y

    return dense


@apply_of.register
def _(record: Activation, weights: dict[str, Array]) -> Callable[[Array], Array]:
    return _ACTIVATIONS[record.name]


@apply_of.register
def _(record: LayerNorm, weights: dict[str, Array]) -> Callable[[Array], Array]:
    weight, bias, eps = weights["weight"], weights["bias"], np.float32(record.eps)
    axes = tuple(range(-record.axes, 0))

    def layer_norm(x: Array) -> Array:
        centred = x - x.mean(axis=axes, keepdims=True)
        variance = np.square(centred).mean(axis=axes, keepdims=True)
        normalised: Array = centred / np.sqrt(variance + eps) * weight + bias
        return normalised

    return layer_norm


@apply_of.register
def _(record: Normalise, weights: dict[str, Array]) -> Callable[[Array], Array]:
    mean, variance = weights["mean"], weights["variance"]
    eps, low, high = np.float32(record.eps), np.float32(-record.clip), np.float32(record.clip)

    def normalise(x: Array) -> Array:
        y: Array = x - mean
        y /= np.sqrt(variance + eps)
        # Not np.clip, which takes as long as all the rest on one row.
        np.maximum(y, low, out=y)
        return np.minimum(y, high, out=y)

    return normalise


@apply_of.register
def _(record: OneHot, weights: dict[str, Array]) -> Callable[[Array], Array]:
    values = np.arange(record.start, record.start + record.size)
    return lambda x: (np.asarray(x)[..., None] == values).astype(np.float32)


@apply_of.register
def _(record: Cast, weights: dict[str, Array]) -> Callable[[Array], Array]:
    return lambda x: x.astype(np.float32, copy=False)


@apply_of.register
def _(record: FreeParameter, weights: dict[str, Array]) -> Callable[[Array], Array]:
    value = weights["value"]
    return lambda x: np.concatenate([x, np.broadcast_to(value, (*x.shape[:-1], record.size))], axis=-1)


@apply_of.register
def _(record: Conv2D, weights: dict[str, Array]) -> Callable[[Array], Array]:
    return lambda x: conv2d(x, record, weights)


@apply_of.register
def _(record: Flatten, weights: dict[str, Array]) -> Callable[[Array], Array]:
    return lambda x: x.reshape(record.output_dims(x.shape))


@apply_of.register
def _(record: Transpose, weights: dict[str, Array]) -> Callable[[Array], Array]:
    return lambda x: x.transpose(record.permutation(x.ndim))


@apply_of.register
def _(record: Scale, weights: dict[str, Array]) -> Callable[[Array], Array]:
    divisor = np.float32(record.divisor)

    def scale(x: Array) -> Array:
        y: Array = x.astype(np.float32)
        y /= divisor
        return y

    return scale


@apply_of.register
def _(record: MultiOneHot, weights: dict[str, Array]) -> Callable[[Array], Array]:
    values, entries = np.array(record.values), np.array(record.entries)
    return lambda x: (np.asarray(x)[..., entries] == values).astype(np.float32)


@apply_of.register
def _(record: Concat, weights: dict[str, Array]) -> Callable[[Any], Array]:
    axis = record.axis
    return lambda tensors: np.concatenate(tensors, axis=axis)


@apply_of.register
def _(record: LSTM, weights: dict[str, Array]) -> Callable[[Any], Any]:
    return lambda inputs: lstm(inputs, record, weights)


@apply_of.register
def _(record: GRU, weights: dict[str, Array]) -> Callable[[Any], Any]:
    return lambda inputs: gru(inputs, record, weights)


@apply_of.register
def _(record: Attend, weights: dict[str, Array]) -> Callable[[Any], Any]:
    return lambda inputs: attend(inputs, record, weights["bias"])


_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: np.maximum(x, 0.0),
    "tanh": np.tanh,
    "elu": lambda x: np.where(x > 0.0, x, np.expm1(np.minimum(x, 0.0))),
    "silu": lambda x: x * sigmoid(x),
    "sigmoid": sigmoid,
    "softplus": lambda x: np.logaddexp(x, 0.0),
}
