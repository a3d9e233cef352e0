"""The tensor functions of a backend, against numpy's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlmodule_core.testing.backend_exam import BackendExam
from rlmodule_core.testing.compare import Array, require, require_close, require_equal, require_same

_SHAPES: tuple[tuple[int, ...], ...] = ((3, 4), (2, 3, 4), (5,), ())


def _normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class OpsSuite(BackendExam):
    """Each function of `Ops`: values, shapes, dtypes and axes."""

    def _elementwise(self, name: str, expected: Any, *others: Any, positive: bool = False) -> None:
        function = getattr(self.backend.ops, name)
        for shape in _SHAPES:
            x = np.abs(_normal(*shape)) + np.float32(0.1) if positive else _normal(*shape)
            arrays = [_normal(*shape, seed=7) if other is None else other for other in others]
            given = [self.tensor(other) if isinstance(other, np.ndarray) else other for other in arrays]
            self._agree(function(self.tensor(x), *given), expected(x, *arrays), f"ops.{name} of shape {shape}")

    def _agree(self, tensor: Any, expected: Any, what: str) -> None:
        actual = self.array(tensor)
        require_close(actual, expected, what, tolerance=2e-6)
        require_equal(actual.dtype, np.asarray(expected).dtype, f"{what}: dtype")

    def test_tensors_are_of_the_tensor_type_and_name_their_dtype(self) -> None:
        ops = self.backend.ops
        for dtype in ("float32", "int64", "uint8", "bool"):
            tensor = self.tensor(np.ones(3, dtype))
            native = isinstance(tensor, ops.tensor_type)
            require(native, f"batch(): expected a {ops.tensor_type.__name__} (ops.tensor_type), got {type(tensor)}.")
            require_equal(ops.dtype_name(tensor), dtype, f"ops.dtype_name of a {dtype} tensor")
            require_equal(ops.dtype_name(tensor.dtype), dtype, f"ops.dtype_name of {tensor.dtype!r}")

    def test_full_and_zeros_like(self) -> None:
        ops = self.backend.ops
        for dtype in ("float32", "int64"):
            require_same(self.array(ops.full((2, 3), 7, dtype)), np.full((2, 3), 7, dtype), f"ops.full of {dtype}")
            require_same(self.array(ops.full((), 7, dtype)), np.full((), 7, dtype), f"ops.full of {dtype}, no axes")
            zeros = self.array(ops.zeros_like(self.tensor(np.ones((2, 3), dtype))))
            require_same(zeros, np.zeros((2, 3), dtype), f"ops.zeros_like of {dtype}")

    def test_constant_is_like_its_neighbour(self) -> None:
        for dtype in ("float32", "float64", "int64"):
            made = self.array(self.backend.ops.constant((1, -2, 7), self.tensor_of(dtype)))
            require_same(made, np.array([1, -2, 7], dtype), f"ops.constant like {dtype}")

    def tensor_of(self, dtype: str) -> Any:
        """A tensor of that dtype."""
        return self.backend.ops.cast(self.tensor(np.ones((2, 3), np.float32)), dtype)

    def test_cast_converts_values(self) -> None:
        x = np.array([-1.5, 0.0, 0.5, 2.0], np.float32)
        for dtype in ("float32", "float64", "int64", "bool"):
            cast = self.array(self.backend.ops.cast(self.tensor(x), dtype))
            require_same(cast, x.astype(dtype), f"ops.cast to {dtype}")

    def test_stop_gradient_keeps_values(self) -> None:
        x = _normal(3, 4)
        require_same(self.array(self.backend.ops.stop_gradient(self.tensor(x))), x, "ops.stop_gradient")

    def test_exp_log_and_square(self) -> None:
        self._elementwise("exp", np.exp)
        self._elementwise("square", np.square)
        self._elementwise("log", np.log, positive=True)

    def test_tanh_and_softplus_cannot_overflow(self) -> None:
        for scale in (1, 1e4):
            for shape in _SHAPES:
                x = _normal(*shape) * np.float32(scale)
                exact = x.astype(np.float64)
                self._agree(self.backend.ops.tanh(self.tensor(x)), np.tanh(x), f"ops.tanh of shape {shape}")
                expected = np.logaddexp(0, exact).astype(np.float32)
                self._agree(self.backend.ops.softplus(self.tensor(x)), expected, f"ops.softplus of shape {shape}")

    def test_minimum_maximum_and_clip_take_tensors_and_numbers(self) -> None:
        self._elementwise("minimum", np.minimum, None)
        self._elementwise("minimum", np.minimum, 0.25)
        self._elementwise("maximum", np.maximum, None)
        self._elementwise("maximum", np.maximum, 0.25)
        self._elementwise("clip", np.clip, -0.5, 0.25)
        low, high = np.full(4, -0.5, np.float32), np.linspace(0, 1, 4, dtype=np.float32)
        clipped = self.backend.ops.clip(self.tensor(_normal(3, 4)), self.tensor(low), self.tensor(high))
        self._agree(clipped, np.clip(_normal(3, 4), low, high), "ops.clip between tensors")

    def test_where_takes_tensors_and_numbers(self) -> None:
        x, y = _normal(3, 4), _normal(3, 4, seed=1)
        for first, second in ((x, y), (x, -1.0), (2.0, y)):
            given = [self.tensor(one) if isinstance(one, np.ndarray) else one for one in (first, second)]
            chosen = self.backend.ops.where(self.tensor(x > y), *given)
            self._agree(chosen, np.where(x > y, first, second).astype(np.float32), "ops.where")

    def test_sum_and_mean_reduce_the_axis(self) -> None:
        ops, x = self.backend.ops, _normal(2, 3, 4)
        for axis in (None, 0, 1, 2, -1, -2):
            self._agree(ops.sum(self.tensor(x), axis=axis), x.sum(axis=axis), f"ops.sum over {axis}")
            self._agree(ops.mean(self.tensor(x), axis=axis), x.mean(axis=axis), f"ops.mean over {axis}")

    def test_log_softmax_is_over_the_last_axis_and_cannot_overflow(self) -> None:
        for shape in ((3, 4), (2, 3, 4), (5,)):
            for scale in (1, 1e4):
                x = _normal(*shape) * np.float32(scale)
                wide = x.astype(np.float64) - x.max(axis=-1, keepdims=True)
                expected = wide - np.log(np.exp(wide).sum(axis=-1, keepdims=True))
                self._agree(
                    self.backend.ops.log_softmax(self.tensor(x)), expected.astype(np.float32), "ops.log_softmax"
                )

    def test_argmax_is_over_the_last_axis(self) -> None:
        for shape in ((3, 4), (4, 4), (2, 3, 4), (5,)):
            x = _normal(*shape)
            index = self.array(self.backend.ops.argmax(self.tensor(x)))
            require_same(index, np.asarray(x.argmax(axis=-1), np.int64), f"ops.argmax of shape {shape}")

    def test_gather_picks_one_entry_of_the_last_axis(self) -> None:
        for shape in ((3, 4), (4, 4), (2, 3, 4), (5,)):
            x, index = _normal(*shape), np.random.default_rng(3).integers(0, shape[-1], shape[:-1])
            expected = np.take_along_axis(x, index[..., None], axis=-1)[..., 0]
            self._agree(self.backend.ops.gather(self.tensor(x), self.tensor(index)), expected, "ops.gather")

    def test_select_keeps_the_rows_that_are_asked_for(self) -> None:
        mask = np.random.default_rng(3).random((3, 4)) < 0.5
        for x in (_normal(3, 4), _normal(3, 4, 2), _normal(3, 4, 2, 5)):
            selected = self.backend.ops.select(self.tensor(x), self.tensor(mask))
            require_same(self.array(selected), x[mask], f"ops.select of shape {x.shape}")
        first = self.backend.ops.select(self.tensor(_normal(3, 4)), self.tensor(mask[:, 0]))
        require_same(self.array(first), _normal(3, 4)[mask[:, 0]], "ops.select of rows")

    def test_reshape_keeps_the_order(self) -> None:
        x = _normal(2, 3, 4)
        for shape in ((6, 4), (24,), (4, 3, 2), (2, 3, 4, 1)):
            require_same(self.array(self.backend.ops.reshape(self.tensor(x), shape)), x.reshape(shape), "ops.reshape")

    def test_split_cuts_the_last_axis(self) -> None:
        for x in (_normal(3, 6), _normal(2, 3, 6)):
            pieces = self.backend.ops.split(self.tensor(x), (1, 2, 3))
            require_equal(len(pieces), 3, "ops.split into (1, 2, 3): number of pieces")
            for piece, expected in zip(pieces, (x[..., :1], x[..., 1:3], x[..., 3:]), strict=True):
                self._agree(piece, expected, "a piece of ops.split")

    def test_concat_joins_along_the_axis(self) -> None:
        arrays = [_normal(2, 3, 4, seed=seed) for seed in range(3)]
        for axis in (0, 1, -1):
            joined = self.backend.ops.concat([self.tensor(array) for array in arrays], axis)
            self._agree(joined, np.concatenate(arrays, axis), f"ops.concat along {axis}")
