from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from rlmodule_core import Ops
from rlmodule_core.numpy_backend import NumpyBackend, NumpyOps, NumpyRng
from rlmodule_core.testing import BackendSuite


class Backend(BackendSuite):
    backend_name = "numpy"


AssertFails = Callable[[type[Any], Mapping[str, str]], None]
LIMITS = "minimum_maximum_and_clip_take_tensors_and_numbers"
ELEMENTWISE, FULL, REDUCE = "exp_log_and_square", "full_and_zeros_like", "sum_and_mean_reduce_the_axis"
CONSTANT = "constant_is_like_its_neighbour"
SQUASHING = "tanh_and_softplus_cannot_overflow"
RESHAPE = "reshape_keeps_the_order"
GATHER, CONCAT = "gather_picks_one_entry_of_the_last_axis", "concat_joins_along_the_axis"
FIRST = "first_weights_follow_from_the_seed_as_the_plan_says"
FOLLOW = "draws_follow_their_distributions"
NESTED = "nested_batches_go_there_and_back_and_tensors_pass_through"
BATCH = "a_batch_has_the_dtypes_that_networks_take"
SPLIT, SOFTMAX = "split_cuts_the_last_axis", "log_softmax_is_over_the_last_axis_and_cannot_overflow"
NAMES, COPIES = "weights_have_canonical_names_and_shapes", "weights_come_back_as_they_were_set"
DTYPES, UNSEEDED = "tensors_are_of_the_tensor_type_and_name_their_dtype", "without_a_seed_or_a_generator_draws_differ"


def _overflowing(self: Any, x: Any) -> Any:
    with np.errstate(all="ignore"):
        return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def _overflowing_softplus(self: Any, x: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.log(1 + np.exp(x))


def _rounded(self: Any, network: Any) -> Any:
    return {name: array.astype(np.float16).astype(np.float32) for name, array in _GET_WEIGHTS(self, network).items()}


_GET_WEIGHTS, _GATHER = NumpyBackend.get_weights, NumpyOps.gather
_NORMAL, _UNIFORM = NumpyOps.random_normal, NumpyOps.random_uniform

WRONG_OPS: list[tuple[str, Any, dict[str, str]]] = [
    ("tensor_type", list, {DTYPES: "batch(): expected a list (ops.tensor_type), got <class 'numpy.ndarray'>"}),
    ("dtype_name", lambda self, x: str(type(x)), {DTYPES: "ops.dtype_name of a float32 tensor: expected float32"}),
    ("full", lambda self, shape, value, dtype: np.full(shape, value), {FULL: "ops.full of float32: dtype"}),
    ("zeros_like", lambda self, x: np.ones_like(x), {FULL: "ops.zeros_like of float32"}),
    (
        "constant",
        lambda self, values, like: np.array(values, np.float32),
        {CONSTANT: "ops.constant like float64: dtype: expected float64"},
    ),
    ("cast", lambda self, x, dtype: x, {"cast_converts_values": "ops.cast to float64: dtype", CONSTANT: ""}),
    ("stop_gradient", lambda self, x: 0 * x, {"stop_gradient_keeps_values": "ops.stop_gradient"}),
    ("exp", lambda self, x: np.exp2(x), {ELEMENTWISE: "ops.exp of shape (3, 4)"}),
    ("log", lambda self, x: np.log1p(x), {ELEMENTWISE: "ops.log of shape (3, 4)"}),
    ("square", lambda self, x: x.astype(np.float64) ** 2, {ELEMENTWISE: "ops.square of shape (3, 4): dtype"}),
    ("tanh", lambda self, x: 1 - 2 / (np.exp2(2 * x) + 1), {SQUASHING: "ops.tanh of shape (3, 4)"}),
    ("softplus", _overflowing_softplus, {SQUASHING: "ops.softplus of shape (3, 4)"}),
    ("minimum", lambda self, x, y: np.maximum(x, y), {LIMITS: "ops.minimum of shape (3, 4)"}),
    ("maximum", lambda self, x, y: x, {LIMITS: "ops.maximum of shape (3, 4)"}),
    ("clip", lambda self, x, low, high: np.minimum(x, high), {LIMITS: "ops.clip of shape (3, 4)"}),
    ("where", lambda self, c, x, y: np.where(c, y, x), {"where_takes_tensors_and_numbers": "ops.where"}),
    ("sum", lambda self, x, axis=None: np.sum(x, axis, keepdims=True), {REDUCE: "ops.sum over None: shape"}),
    ("mean", lambda self, x, axis=None: np.sum(x, axis), {REDUCE: "ops.mean over None"}),
    ("log_softmax", _overflowing, {SOFTMAX: "ops.log_softmax"}),
    ("log_softmax", lambda self, x: x - np.log(np.exp(x - x.max()).sum()) - x.max(), {SOFTMAX: "ops.log_softmax"}),
    ("argmax", lambda self, x: x.argmax(axis=0), {"argmax_is_over_the_last_axis": "ops.argmax of shape (3, 4): shape"}),
    ("reshape", lambda self, x, shape: x.reshape(shape, order="F"), {RESHAPE: "ops.reshape"}),
    ("gather", lambda self, x, index: _GATHER(self, np.roll(x, 1, axis=-1), index), {GATHER: "ops.gather"}),
    ("select", lambda self, x, mask: x[~mask], {"select_keeps_the_rows_that_are_asked_for": "ops.select of shape"}),
    ("split", lambda self, x, sizes: np.split(x, len(sizes), axis=-1), {SPLIT: "a piece of ops.split: shape"}),
    ("concat", lambda self, tensors, axis: np.concatenate(tensors), {CONCAT: "ops.concat along 1: shape"}),
    ("random_normal", lambda self, rng, like: 2 * _NORMAL(self, rng, like), {FOLLOW: "variance of ops.random_normal"}),
    (
        "random_normal",
        lambda self, rng, like: _NORMAL(self, rng, like[:, :1]) + like,
        {FOLLOW: "the correlation in ops.random_normal"},
    ),
    (
        "random_normal",
        lambda self, rng, like: _NORMAL(self, rng, like).astype(np.float64),
        {"draws_have_their_shapes_and_dtypes": "expected ('float32', (5, 2)), got ('float64', (5, 2))"},
    ),
    ("random_uniform", lambda self, rng, x: 1 - _UNIFORM(self, rng, x) / 2, {FOLLOW: "mean of ops.random_uniform"}),
    ("random_uniform", lambda self, rng, x: 2 * _UNIFORM(self, rng, x) - 0.5, {FOLLOW: "from 0 to below 1"}),
    (
        "random_uniform",
        lambda self, rng, x: _UNIFORM(self, rng, x[:, :1]) + x,
        {FOLLOW: "the correlation in ops.random_uniform"},
    ),
    (
        "random_uniform",
        lambda self, rng, x: _UNIFORM(self, rng, x).astype(np.float64),
        {"draws_have_their_shapes_and_dtypes": "expected ('float32', (5, 2)), got ('float64', (5, 2))"},
    ),
    (
        "random_categorical",
        lambda self, rng, x: _NORMAL(self, rng, x).argmax(axis=-1),
        {FOLLOW: "the frequencies of ops.random_categorical"},
    ),
]

WRONG_METHODS: list[tuple[str, Callable[..., Any], dict[str, str]]] = [
    ("rng", lambda self, seed: NumpyRng(0 if seed is None else seed), {UNSEEDED: "rng(None): expected other draws"}),
    ("plan_of", lambda self, network: None, {"a_lowered_network_carries_its_plan": "plan_of(lower(plan)): expected"}),
    ("batch", lambda self, space, value, *, like=None: value, {BATCH: "a batch of float64: dtype: expected float32"}),
    ("to_numpy", lambda self, value: {} if isinstance(value, dict) else value, {NESTED: "to_numpy() of a mapping"}),
    (
        "get_weights",
        lambda self, network: dict(sorted(_GET_WEIGHTS(self, network).items())),
        {NAMES: "names and shapes of first weights: expected [('0.weight', (4, 4)), ", FIRST: "the order of names"},
    ),
    (
        "get_weights",
        _rounded,
        {
            COPIES: "weights after set_weights, '0.weight'",
            FIRST: "",
            "weights_are_copied_in_and_out": "",
            "weights_that_do_not_fit_are_all_named_and_change_nothing": "",
        },
    ),
]

FAKES = {BackendSuite: [expected for *_, expected in (*WRONG_OPS, *WRONG_METHODS)]}


def test_every_tensor_function_has_a_wrong_one():
    assert {name for name in vars(Ops) if not name.startswith("_")} == {name for name, *_ in WRONG_OPS}


@pytest.mark.parametrize(("name", "wrong", "expected"), WRONG_OPS)
def test_a_wrong_tensor_function_fails(
    assert_fails: AssertFails, monkeypatch: pytest.MonkeyPatch, name: str, wrong: Any, expected: dict[str, str]
):
    monkeypatch.setattr(NumpyOps, name, wrong)
    assert_fails(Backend, expected)


@pytest.mark.parametrize(("name", "wrong", "expected"), WRONG_METHODS)
def test_a_wrong_method_fails(
    assert_fails: AssertFails, monkeypatch: pytest.MonkeyPatch, name: str, wrong: Any, expected: dict[str, str]
):
    monkeypatch.setattr(NumpyBackend, name, wrong)
    assert_fails(Backend, expected)
