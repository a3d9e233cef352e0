from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import NotANumberError, OptimizerSettings, RLModuleConfig
from rlmodule_tf import TfActorCriticRLModule, TfBackend, TfRLModule

Update = Callable[..., dict[str, Any]]
_RNG = np.random.default_rng(0)
_COLUMNS: dict[str, Any] = {
    "obs": _RNG.normal(size=(10, 4)).astype(np.float32),
    "targets": _RNG.normal(size=10).astype(np.float32),
    "nested": {"weights": _RNG.uniform(size=10).astype(np.float32)},
}


def _loss(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
    errors = ops.square(outputs["vf_preds"] - batch["targets"]) * batch["nested"]["weights"]
    value, spread = ops.mean(errors), ops.mean(ops.square(outputs["action_dist_inputs"]))
    return value + coeffs["spread"] * spread, {"value": value, "spread": spread}


def _of_the_loss(**changes: Any) -> dict[str, Any]:
    return {"loss": _loss, "columns": _COLUMNS, "coeffs": {"spread": 0.3}, "minibatch_size": 10, **changes}


@dataclass
class Scaled:
    """A loss that is an object, of which two may be equal, so that it cannot be hashed."""

    scale: float

    def __call__(self, ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        return self.scale * ops.mean(ops.square(outputs["vf_preds"])), {}


def test_metrics_are_means_over_minibatches_of_the_numbers_of_a_tape(
    backend: TfBackend, module: TfActorCriticRLModule, update: Update
):
    optimizer = backend.make_optimizer(module, OptimizerSettings(lr=0.0))
    permutation, weights = np.array([7, 2, 9, 0, 5, 1, 3]), list(backend.named_weights(module).values())
    metrics = update(module, optimizer=optimizer, permutation=permutation, **_of_the_loss(minibatch_size=3))
    expected: dict[str, list[float]] = {name: [] for name in metrics}
    for rows in ([7, 2, 9], [0, 5, 1], [3]):
        part = {name: tf.constant(_COLUMNS[name][rows]) for name in ("obs", "targets")}
        with tf.GradientTape() as tape:
            nested = {"weights": tf.constant(_COLUMNS["nested"]["weights"][rows])}
            given = {**part, "nested": nested}
            total, its = _loss(backend.ops, module.forward_train(given), given, {"spread": 0.3})
        norm = tf.linalg.global_norm(tape.gradient(total, weights))
        for name, value in {"total_loss": total, **its, "gradients_global_norm": norm}.items():
            expected[name].append(float(value))
    assert metrics.keys() == {"total_loss", "value", "spread", "gradients_global_norm"}
    for name, value in metrics.items():
        assert (value.shape, value.dtype) == ((), tf.float32)
        assert float(value) == pytest.approx(np.mean(expected[name]), rel=1e-5)


def test_totals_and_metrics_may_be_numbers_of_any_kind(module: TfActorCriticRLModule, update: Update):
    def loss(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        total = ops.cast(ops.mean(ops.square(outputs["vf_preds"])), "float64")
        return total, {"whole": tf.constant(2), "yes": True, "number": 3.0, "array": np.float64(0.5), "total": total}

    metrics = {name: float(value) for name, value in update(module, loss=loss, minibatch_size=10).items()}
    assert metrics["total"] == metrics["total_loss"] > 0
    assert {name: metrics[name] for name in ("whole", "yes", "number", "array")} == {
        "whole": 2.0,
        "yes": 1.0,
        "number": 3.0,
        "array": 0.5,
    }


def test_the_caller_s_columns_are_left_alone(module: TfActorCriticRLModule, update: Update):
    before = copy.deepcopy(_COLUMNS)
    update(module, **_of_the_loss(minibatch_size=4))
    np.testing.assert_array_equal(_COLUMNS["obs"], before["obs"])
    np.testing.assert_array_equal(_COLUMNS["nested"]["weights"], before["nested"]["weights"])


def test_no_rows_are_no_step(backend: TfBackend, module: TfActorCriticRLModule, update: Update):
    optimizer = backend.make_optimizer(module, OptimizerSettings())
    for columns in (_COLUMNS, {}, {"obs": np.zeros((0, 4), np.float32)}):
        assert update(module, optimizer=optimizer, permutation=np.arange(0), columns=columns) == {}
    assert not any(array.any() for array in optimizer.get_state().values())


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
def test_sizes_and_rows_are_whole_numbers_of_any_kind(module: TfActorCriticRLModule, update: Update, kind: type):
    arguments = _of_the_loss(minibatch_size=kind(4), permutation=np.arange(10, dtype=kind))
    assert np.isfinite(update(module, **arguments)["total_loss"])


def test_a_loss_need_not_be_hashable(backend: TfBackend, module: TfActorCriticRLModule, update: Update):
    optimizer, one = backend.make_optimizer(module, OptimizerSettings(lr=0.0)), Scaled(1.0)
    losses = [float(update(module, optimizer=optimizer, loss=loss)["total_loss"]) for loss in (one, one, Scaled(2.0))]
    assert losses == pytest.approx([losses[0], losses[0], 2 * losses[0]])
    assert optimizer.graphs.traces == 2


def _poisoned(column: str, value: float = np.nan) -> dict[str, Any]:
    columns = copy.deepcopy(_COLUMNS)
    target = columns["nested"] if column == "weights" else columns
    target[column][3] = value
    return columns


def _assert_refused(backend: TfBackend, module: Any, update: Update, expected: str, **changes: Any) -> None:
    before = module.get_state()
    optimizer = backend.make_optimizer(module, OptimizerSettings(lr=0.01))
    with pytest.raises(NotANumberError, match=expected):
        update(module, optimizer=optimizer, **_of_the_loss(**changes))
    for name, array in module.get_state().items():
        np.testing.assert_array_equal(array, before[name])
    assert not any(array.any() for array in optimizer.get_state().values())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_bad_column_is_named_before_the_step_however_deep_it_lies(
    backend: TfBackend, module: TfActorCriticRLModule, update: Update, value: float
):
    for column in ("obs", "targets", "weights"):
        expected = rf"batch column '.*{column}' is not finite, first at index \[3"
        _assert_refused(backend, module, update, expected, columns=_poisoned(column, value))


def test_a_bad_gradient_is_named(backend: TfBackend, module: TfActorCriticRLModule, update: Update):
    def loss(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        # The slope of a square root at zero is infinite.
        return ops.sum(tf.sqrt(tf.abs(outputs["vf_preds"] - ops.stop_gradient(outputs["vf_preds"])))), {}

    _assert_refused(backend, module, update, r"gradient of '(encoder\.critic|vf)", loss=loss)


def test_a_norm_that_overflows_is_no_step_either(backend: TfBackend, module: TfActorCriticRLModule, update: Update):
    def loss(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        return 1e25 * ops.mean(outputs["vf_preds"]), {}

    _assert_refused(backend, module, update, "global gradient norm overflowed.*scale the loss down", loss=loss)


def test_bad_weights_show_in_the_outputs(backend: TfBackend, module: TfActorCriticRLModule, update: Update):
    state = module.get_state()
    state["vf.0.bias"][:] = np.nan
    module.set_state(state)
    _assert_refused(backend, module, update, "output 'vf_preds' is not finite")


@pytest.mark.parametrize("steps", [1, 2])
def test_good_steps_before_a_bad_one_are_kept_and_training_can_go_on(
    backend: TfBackend, module: TfActorCriticRLModule, update: Update, steps: int
):
    twin, rows = copy.deepcopy(module), 3 // steps
    optimizer = backend.make_optimizer(module, OptimizerSettings(lr=0.01))
    arguments = {"optimizer": optimizer, "permutation": np.arange(4)}
    with pytest.raises(NotANumberError, match=r"'targets' is not finite, first at index \[\d\]\."):
        update(module, **arguments, **_of_the_loss(columns=_poisoned("targets"), minibatch_size=rows))
    assert float(optimizer.get_state()["vf.0.bias.step"]) == 3 // rows
    update(twin, permutation=np.arange(3), **_of_the_loss(minibatch_size=rows))
    for name, array in twin.get_state().items():
        np.testing.assert_array_equal(module.get_state()[name], array)
    assert np.isfinite(update(module, **arguments, **_of_the_loss(minibatch_size=rows))["total_loss"])
    assert optimizer.graphs.traces == 1


def test_a_bad_step_is_refused_without_a_graph_too(backend: TfBackend, config: RLModuleConfig, update: Update):
    class Own(TfRLModule):
        def setup(self) -> None:
            self.net = keras.layers.Dense(4)

        def _forward_train(self, batch: Any) -> Any:
            out = self.net(batch["obs"])
            return {"vf_preds": out[:, 0], "action_dist_inputs": out * float(out.numpy().size > 0)}

        _forward_exploration = _forward_inference = _forward_train

    with pytest.warns(RuntimeWarning, match="The update of Own runs without a graph"):
        _assert_refused(
            backend, Own(config), update, "'targets' is not finite", columns=_poisoned("targets"), minibatch_size=4
        )
