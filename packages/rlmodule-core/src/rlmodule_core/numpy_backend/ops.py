"""The tensor functions, in numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from rlmodule_core.backend.ops import Rng, Tensor


class NumpyRng:
    """A numpy generator (PCG64) as the numpy backend's source of randomness."""

    def __init__(self, seed: int | None) -> None:
        self.generator = np.random.default_rng(seed)

    def get_state(self) -> Mapping[str, Any]:
        return dict(self.generator.bit_generator.state)

    def set_state(self, state: Mapping[str, Any]) -> None:
        self.generator.bit_generator.state = dict(state)


_SYSTEM_SEEDED = NumpyRng(None)


class NumpyOps:
    """See `rlmodule_core.Ops` for what each function means."""

    tensor_type = np.ndarray

    def dtype_name(self, tensor_or_dtype: Any) -> str:
        dtype = tensor_or_dtype.dtype if isinstance(tensor_or_dtype, np.ndarray) else tensor_or_dtype
        return np.dtype(dtype).name

    def full(self, shape: Sequence[int], value: float, dtype: str) -> Tensor:
        return np.full(tuple(shape), value, dtype)

    def constant(self, values: Sequence[float], like: Tensor) -> Tensor:
        return np.array(values, like.dtype)

    def cast(self, x: Tensor, dtype: str) -> Tensor:
        return x.astype(dtype, copy=False)

    def stop_gradient(self, x: Tensor) -> Tensor:
        return x

    def exp(self, x: Tensor) -> Tensor:
        return np.exp(x)

    def log(self, x: Tensor) -> Tensor:
        return np.log(x)

    def square(self, x: Tensor) -> Tensor:
        return np.square(x)

    def tanh(self, x: Tensor) -> Tensor:
        return np.tanh(x)

    def softplus(self, x: Tensor) -> Tensor:
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    def minimum(self, x: Tensor, y: Tensor | float) -> Tensor:
        return np.minimum(x, y)

    def maximum(self, x: Tensor, y: Tensor | float) -> Tensor:
        return np.maximum(x, y)

    def clip(self, x: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
        return np.minimum(np.maximum(x, low), high)

    def where(self, condition: Tensor, x: Tensor | float, y: Tensor | float) -> Tensor:
        return np.where(condition, x, y)

    def zeros_like(self, x: Tensor) -> Tensor:
        return np.zeros_like(x)

    def sum(self, x: Tensor, axis: int | None = None) -> Tensor:
        return np.sum(x, axis=axis)

    def mean(self, x: Tensor, axis: int | None = None) -> Tensor:
        return np.mean(x, axis=axis)

    def log_softmax(self, x: Tensor) -> Tensor:
        shifted = x - x.max(axis=-1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))

    def argmax(self, x: Tensor) -> Tensor:
        return x.argmax(axis=-1)

    def gather(self, x: Tensor, index: Tensor) -> Tensor:
        if x.ndim == 2:
            # The same, at a third of the cost for a few rows.
            return x[np.arange(len(x)), np.asarray(index).astype(np.int64, copy=False)]
        return np.take_along_axis(x, np.asarray(index)[..., None].astype(np.int64, copy=False), axis=-1)[..., 0]

    def select(self, x: Tensor, mask: Tensor) -> Tensor:
        return x[mask]

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        return x.reshape(tuple(shape))

    def split(self, x: Tensor, sizes: Sequence[int]) -> Sequence[Tensor]:
        # Slices: np.split takes three times as long for the few parts of a row.
        ends = list(accumulate(sizes))
        return [x[..., end - size : end] for size, end in zip(sizes, ends, strict=True)]

    def concat(self, tensors: Sequence[Tensor], axis: int) -> Tensor:
        return np.concatenate(tensors, axis=axis)

    def random_normal(self, rng: Rng | None, like: Tensor) -> Tensor:
        return _generator(rng).standard_normal(like.shape, np.float32).astype(like.dtype, copy=False)

    def random_uniform(self, rng: Rng | None, like: Tensor) -> Tensor:
        return _generator(rng).random(like.shape, np.float32).astype(like.dtype, copy=False)

    def random_categorical(self, rng: Rng | None, logits: Tensor) -> Tensor:
        # The smallest of exponential clocks with rates exp(logits) rings first: Gumbel's trick without two logarithms.
        clocks = _generator(rng).standard_exponential(logits.shape)
        return (logits - np.log(clocks)).argmax(axis=-1)


def _generator(rng: Rng | None) -> np.random.Generator:
    source = _SYSTEM_SEEDED if rng is None else rng
    if not isinstance(source, NumpyRng):
        raise TypeError(f"The numpy backend draws from get_backend('numpy').rng(seed), got {type(source).__name__}.")
    return source.generator
