"""Each record as a TensorFlow layer: lowering by type."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

import numpy as np
import tensorflow as tf

from rlmodule_core import plans
from rlmodule_tf.attention import attend
from rlmodule_tf.conv2d import conv2d
from rlmodule_tf.ops import OPS
from rlmodule_tf.recurrent import gru, lstm

Variables = dict[str, Any]
Apply = Callable[[Any], Any]


def make_layer(record: plans.Record, weights: plans.Weights) -> plans.PlainLayer:
    """A lowered record with variables of its own."""
    untrained = record.untrained_leaves()
    # A network may be lowered while a graph is traced, which must not own its variables.
    with tf.init_scope():
        variables = {
            leaf: tf.Variable(array, trainable=leaf not in untrained, name=leaf) for leaf, array in weights.items()
        }
    return plans.PlainLayer(record, variables, apply_of)


@singledispatch
def apply_of(record: plans.Plan, weights: Variables) -> Apply:
    """The function that applies a record with the given variables."""
    raise plans.no_layer("tf2", record)


@apply_of.register
def _(record: plans.Dense, weights: Variables) -> Apply:
    weight, bias = weights["weight"], weights.get("bias")

    def dense(x: Any) -> Any:
        # The gradient of a matmul of more axes would be one product for each of their rows.
        y = tf.matmul(x, weight, transpose_b=True) if x.shape.rank == 2 else tf.tensordot(x, weight, ((-1,), (1,)))
        return y if bias is None else y + bias

    return dense


@apply_of.register
def _(record: plans.LayerNorm, weights: Variables) -> Apply:
    axes = tuple(range(-record.axes, 0))

    def layer_norm(x: Any) -> Any:
        centred = x - tf.reduce_mean(x, axes, keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), axes, keepdims=True)
        return centred * tf.math.rsqrt(variance + record.eps) * weights["weight"] + weights["bias"]

    return layer_norm


@apply_of.register
def _(record: plans.Normalise, weights: Variables) -> Apply:
    def normalise(x: Any) -> Any:
        deviations = (x - weights["mean"]) / tf.sqrt(weights["variance"] + record.eps)
        return tf.clip_by_value(deviations, -record.clip, record.clip)

    return normalise


@apply_of.register
def _(record: plans.FreeParameter, weights: Variables) -> Apply:
    return lambda x: tf.concat([x, tf.zeros_like(x[..., :1]) + weights["value"]], -1)


@apply_of.register
def _(record: plans.OneHot, weights: Variables) -> Apply:
    values = np.arange(record.start, record.start + record.size)
    return lambda x: tf.cast(x[..., None] == tf.cast(values, x.dtype), tf.float32)


@apply_of.register
def _(record: plans.MultiOneHot, weights: Variables) -> Apply:
    values, entries = np.array(record.values), np.array(record.entries)
    return lambda x: tf.cast(tf.gather(x, entries, axis=-1) == tf.cast(values, x.dtype), tf.float32)


_ACTIVATIONS: dict[str, Apply] = {
    "relu": tf.nn.relu,
    "tanh": tf.tanh,
    "elu": tf.nn.elu,
    "silu": tf.nn.silu,
    "sigmoid": tf.sigmoid,
    "softplus": tf.math.softplus,
}

apply_of.register(plans.Activation, lambda record, weights: _ACTIVATIONS[record.name])
apply_of.register(plans.Cast, lambda record, weights: lambda x: tf.cast(x, tf.float32))
apply_of.register(plans.Scale, lambda record, weights: lambda x: tf.cast(x, tf.float32) / record.divisor)
apply_of.register(plans.Flatten, lambda record, weights: lambda x: OPS.reshape(x, record.output_dims(tuple(x.shape))))
apply_of.register(plans.Transpose, lambda record, weights: lambda x: tf.transpose(x, record.permutation(x.shape.rank)))
apply_of.register(plans.Concat, lambda record, weights: lambda tensors: tf.concat(tensors, record.axis))
apply_of.register(plans.Conv2D, lambda record, weights: lambda x: conv2d(x, record, weights))
apply_of.register(plans.LSTM, lambda record, weights: lambda inputs: lstm(inputs, record, weights))
apply_of.register(plans.GRU, lambda record, weights: lambda inputs: gru(inputs, record, weights))
apply_of.register(plans.Attend, lambda record, weights: lambda inputs: attend(inputs, record, weights["bias"]))
