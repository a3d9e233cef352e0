"""The tensor functions, in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rlmodule_core import NumpyRng, Rng


class TfOps:
    """See `rlmodule_core.Ops` for what each function means."""

    tensor_type = tf.Tensor

    exp = staticmethod(tf.exp)
    log = staticmethod(tf.math.log)
    square = staticmethod(tf.square)
    tanh = staticmethod(tf.tanh)
    softplus = staticmethod(tf.math.softplus)
    minimum = staticmethod(tf.minimum)
    maximum = staticmethod(tf.maximum)
    zeros_like = staticmethod(tf.zeros_like)
    stop_gradient = staticmethod(tf.stop_gradient)
    select = staticmethod(tf.boolean_mask)
    cast = staticmethod(tf.cast)
    concat = staticmethod(tf.concat)
    sum = staticmethod(tf.reduce_sum)
    mean = staticmethod(tf.reduce_mean)
    log_softmax = staticmethod(tf.nn.log_softmax)

    def dtype_name(self, tensor_or_dtype: Any) -> str:
        return str(tf.as_dtype(getattr(tensor_or_dtype, "dtype", tensor_or_dtype)).name)

    def full(self, shape: Sequence[int], value: float, dtype: str) -> Any:
        return tf.fill(tuple(shape), tf.cast(value, dtype))

    def constant(self, values: Sequence[float], like: Any) -> Any:
        return tf.constant(list(values), like.dtype)

    def clip(self, x: Any, low: Any, high: Any) -> Any:
        return tf.minimum(tf.maximum(x, low), high)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        dtype = x.dtype if isinstance(x, tf.Tensor) else y.dtype
        return tf.where(condition, tf.cast(x, dtype), tf.cast(y, dtype))

    def reshape(self, x: Any, shape: Sequence[int | None]) -> Any:
        # Sizes that are not known while a graph is traced are None: one is what is left over, several stay as they are.
        sizes = tf.shape(x) if list(shape).count(None) > 1 else [-1] * len(shape)
        return tf.reshape(x, [sizes[axis] if size is None else size for axis, size in enumerate(shape)])

    def argmax(self, x: Any) -> Any:
        return tf.argmax(x, -1)

    def gather(self, x: Any, index: Any) -> Any:
        return tf.gather(x, index, axis=-1, batch_dims=index.shape.rank)

    def split(self, x: Any, sizes: Sequence[int]) -> Sequence[Any]:
        return list(tf.split(x, list(sizes), -1))

    def random_normal(self, rng: Rng | None, like: Any) -> Any:
        return _drawn(lambda shape: _generator(rng).standard_normal(shape, np.float32), like)

    def random_uniform(self, rng: Rng | None, like: Any) -> Any:
        return _drawn(lambda shape: _generator(rng).random(shape, np.float32), like)

    def random_categorical(self, rng: Rng | None, logits: Any) -> Any:
        # The smallest of exponential clocks with rates exp(logits) rings first: Gumbel's trick without two logarithms.
        likelihoods = tf.stop_gradient(tf.cast(logits, tf.float64))
        clocks = _drawn(lambda shape: _generator(rng).standard_exponential(shape), likelihoods)
        return tf.argmax(likelihoods - tf.math.log(clocks), -1)


def _drawn(draw: Callable[[Sequence[int]], Any], like: Any) -> Any:
    """Numbers of the shape and dtype of `like`, drawn by numpy: whenever a graph runs, too."""
    if tf.executing_eagerly():
        return tf.cast(draw(tuple(like.shape)), like.dtype)
    drawn = tf.numpy_function(lambda shape: draw(shape).astype(like.dtype.as_numpy_dtype), [tf.shape(like)], like.dtype)
    return tf.ensure_shape(drawn, like.shape)


def _generator(rng: Rng | None) -> np.random.Generator:
    source = _SYSTEM_SEEDED if rng is None else rng
    if not isinstance(source, NumpyRng):
        raise TypeError(f"The TensorFlow backend draws from get_backend('tf2').rng(seed), got {type(source).__name__}.")
    return source.generator


_SYSTEM_SEEDED = NumpyRng(None)
OPS = TfOps()
