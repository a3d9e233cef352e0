from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rlmodule_core.numpy_backend import NumpyBackend, NumpyOps, NumpyRng
from rlmodule_core.testing import BackendSuite


class Backend(BackendSuite):
    backend_name = "numpy"


LIMITS = "minimum_maximum_and_clip_take_tensors_and_numbers"
ELEMENTWISE = "exp_log_and_square"
FOLLOW = "draws_follow_their_distributions"
NESTED = "nested_batches_go_there_and_back_and_tensors_pass_through"
BATCH = "a_batch_has_the_dtypes_that_networks_take"
SPLIT, SOFTMAX = "split_cuts_the_last_axis", "log_softmax_is_over_the_last_axis_and_cannot_overflow"
NAMES, COPIES = "weights_have_canonical_names_and_shapes", "weights_come_back_as_they_were_set"
DTYPES, UNSEEDED = "tensors_are_of_the_tensor_type_and_name_their_dtype", "without_a_seed_or_a_generator_draws_differ"


def _overflowing(self: Any, x: Any) -> Any:
    with np.errstate(all="ignore"):
        return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def _rounded(self: Any, network: Any) -> Any:
    return {name: array.astype(np.float16).astype(np.float32) for name, array in _GET_WEIGHTS(self, network).items()}


_GET_WEIGHTS, _NORMAL = NumpyBackend.get_weights, NumpyOps.random_normal

WRONG_OPS: list[tuple[str, Callable[..., Any], set[str]]] = [
    ("dtype_name", lambda self, x: str(type(x)), {DTYPES}),
    ("full", lambda self, shape, value, dtype: np.full(shape, value), {"full_and_zeros_like"}),
    ("zeros_like", lambda self, x: np.ones_like(x), {"full_and_zeros_like"}),
    ("cast", lambda self, x, dtype: x, {"cast_converts_values"}),
    ("stop_gradient", lambda self, x: 0 * x, {"stop_gradient_keeps_values"}),
    ("exp", lambda self, x: np.exp2(x), {ELEMENTWISE}),
    ("log", lambda self, x: np.log1p(x), {ELEMENTWISE}),
    ("square", lambda self, x: x.astype(np.float64) ** 2, {ELEMENTWISE}),
    ("minimum", lambda self, x, y: np.maximum(x, y), {LIMITS}),
    ("maximum", lambda self, x, y: x, {LIMITS}),
    ("clip", lambda self, x, low, high: np.minimum(x, high), {LIMITS}),
    ("where", lambda self, condition, x, y: np.where(condition, y, x), {"where_takes_tensors_and_numbers"}),
    ("sum", lambda self, x, axis=None: np.sum(x, axis, keepdims=True), {"sum_and_mean_reduce_the_axis"}),
    ("log_softmax", _overflowing, {SOFTMAX}),
    ("log_softmax", lambda self, x: x - np.log(np.exp(x - x.max()).sum()) - x.max(), {SOFTMAX}),
    ("split", lambda self, x, sizes: np.split(x, len(sizes), axis=-1), {SPLIT}),
    ("concat", lambda self, tensors, axis: np.concatenate(tensors), {"concat_joins_along_the_axis"}),
    ("random_normal", lambda self, rng, like: 2 * _NORMAL(self, rng, like), {FOLLOW}),
    ("random_normal", lambda self, rng, like: _NORMAL(self, rng, like[:, :1]) + like, {FOLLOW}),
    (
        "random_normal",
        lambda self, rng, like: _NORMAL(self, rng, like).astype(np.float64),
        {"draws_have_their_shapes_and_dtypes"},
    ),
    ("random_categorical", lambda self, rng, x: _NORMAL(self, rng, x).argmax(axis=-1), {FOLLOW}),
]

WRONG_METHODS: list[tuple[str, Callable[..., Any], set[str]]] = [
    ("rng", lambda self, seed: NumpyRng(0 if seed is None else seed), {UNSEEDED}),
    ("plan_of", lambda self, network: None, {"a_lowered_network_carries_its_plan"}),
    ("batch", lambda self, space, value, *, like=None: value, {BATCH}),
    ("to_numpy", lambda self, value: {} if isinstance(value, dict) else value, {NESTED}),
    (
        "get_weights",
        lambda self, network: dict(sorted(_GET_WEIGHTS(self, network).items())),
        {NAMES, "first_weights_follow_from_the_seed_as_the_plan_says"},
    ),
    (
        "get_weights",
        _rounded,
        {
            COPIES,
            "first_weights_follow_from_the_seed_as_the_plan_says",
            "set_weights_writes_into_the_existing_arrays",
            "weights_are_copied_in_and_out",
            "weights_that_do_not_fit_are_all_named_and_change_nothing",
        },
    ),
]


@pytest.mark.parametrize(("name", "wrong", "expected"), WRONG_OPS)
def test_a_wrong_tensor_function_fails(failing: Any, monkeypatch: Any, name: Any, wrong: Any, expected: Any):
    monkeypatch.setattr(NumpyOps, name, wrong)
    assert failing(Backend) == expected


@pytest.mark.parametrize(("name", "wrong", "expected"), WRONG_METHODS)
def test_a_wrong_method_fails(failing: Any, monkeypatch: Any, name: Any, wrong: Any, expected: Any):
    monkeypatch.setattr(NumpyBackend, name, wrong)
    assert failing(Backend) == expected
