from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import OptimizerSettings, RLModuleConfig
from rlmodule_tf import TfBackend, TfRLModule

ACTING = ("forward_exploration", "forward_inference", "evaluate_train")


class Dropping(TfRLModule):
    """Every second number is dropped in training, everywhere that a layer may hide."""

    def setup(self) -> None:
        self.net = keras.Sequential([keras.layers.Dense(64), keras.layers.Dropout(0.5)])

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.net(batch["obs"])}

    def _forward_exploration(self, batch: Any) -> Any:
        return self._forward_train(batch)

    _forward_inference = _forward_exploration


class Functional(Dropping):
    def setup(self) -> None:
        given = keras.Input((4,))
        self.net = keras.Model(given, keras.layers.Dropout(0.5)(keras.layers.Dense(64)(given)))


class InALayer(Dropping):
    class Layer(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dense, self.drop = keras.layers.Dense(64), keras.layers.Dropout(0.5)

        def call(self, x: Any) -> Any:
            return self.drop(self.dense(x))

    def setup(self) -> None:
        self.net = self.Layer()


class InAModule(Dropping):
    def setup(self) -> None:
        self.inner = Dropping(self.config)

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.inner.net(batch["obs"])}


class Normalising(Dropping):
    def setup(self) -> None:
        self.net = keras.Sequential([keras.layers.Dense(4), keras.layers.BatchNormalization(momentum=0.5)])


def dropped(outputs: Any) -> float:
    """Which part of the numbers is zero."""
    return float(np.mean(outputs["action_dist_inputs"].numpy() == 0))


def statistics(module: Any) -> list[Any]:
    state = module.get_state()
    return [state["net.1.moving_mean"], state["net.1.moving_variance"]]


@pytest.mark.parametrize("of", [Dropping, Functional, InALayer, InAModule])
@pytest.mark.parametrize("compiled", [False, True])
def test_dropout_drops_in_training_only(config: RLModuleConfig, batch: Any, of: type[Dropping], compiled: bool):
    module = of(config)
    if compiled:
        module.compile()
    for _ in range(2):
        assert 0.3 < dropped(module.forward_train(batch)) < 0.7
        for forward in ACTING:
            assert dropped(getattr(module, forward)(batch)) < 0.1


def test_what_is_dropped_differs_from_call_to_call_in_a_graph_too(config: RLModuleConfig, batch: Any):
    module = Dropping(config)
    module.compile()
    one, other = (module.forward_train(batch)["action_dist_inputs"] for _ in range(2))
    assert not np.array_equal(one, other)
    for forward in ACTING:
        one, other = (getattr(module, forward)(batch)["action_dist_inputs"] for _ in range(2))
        np.testing.assert_array_equal(one, other)


def test_the_minibatches_of_an_update_are_in_training_mode(config: RLModuleConfig, update: Callable[..., Any]):
    def loss(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        out = outputs["action_dist_inputs"]
        return ops.mean(ops.square(out)), {"dropped": ops.mean(ops.cast(out == 0, "float32"))}

    assert 0.3 < float(update(Dropping(config), loss=loss)["dropped"]) < 0.7


def test_a_layer_that_is_told_its_mode_by_its_user_obeys(config: RLModuleConfig, batch: Any):
    class Told(Dropping):
        def _forward_exploration(self, batch: Any) -> Any:
            return {"action_dist_inputs": self.net(batch["obs"], training=True)}

        def _forward_train(self, batch: Any) -> Any:
            return {"action_dist_inputs": self.net(batch["obs"], training=False)}

    module = Told(config)
    assert dropped(module.forward_exploration(batch)) > 0.3
    assert dropped(module.forward_train(batch)) < 0.1


def test_acting_within_a_function_of_the_user_s_is_in_evaluation_mode(config: RLModuleConfig, batch: Any):
    module = Dropping(config)
    module.build_layers()
    both = tf.function(lambda columns: (dict(module.forward_train(columns)), dict(module.forward_inference(columns))))
    trained, acted = both(batch)
    assert dropped(trained) > 0.3
    assert dropped(acted) < 0.1


def test_statistics_move_in_training_only(
    backend: TfBackend, config: RLModuleConfig, batch: Any, update: Callable[..., Any]
):
    module = Normalising(config)
    before = statistics(module)
    for forward in ACTING:
        getattr(module, forward)(batch)
    np.testing.assert_array_equal(statistics(module), before)
    hidden = module.net.layers[0](batch["obs"]).numpy()
    module.forward_train(batch)
    for moved, old, seen in zip(statistics(module), before, (hidden.mean(axis=0), hidden.var(axis=0)), strict=True):
        np.testing.assert_allclose(moved, (old + seen) / 2, rtol=1e-4, atol=1e-6)
    before = statistics(module)
    update(module, optimizer=backend.make_optimizer(module, OptimizerSettings(lr=0.0)))
    assert not np.array_equal(statistics(module), before)


def test_inference_normalises_by_the_statistics_and_training_by_the_batch(config: RLModuleConfig, batch: Any):
    module = Normalising(config)
    assert module.forward_train(batch)["action_dist_inputs"].numpy().mean(axis=0) == pytest.approx(0, abs=1e-5)
    alone = {"obs": batch["obs"][:1]}
    whole = module.forward_inference(batch)["action_dist_inputs"]
    np.testing.assert_allclose(module.forward_inference(alone)["action_dist_inputs"], whole[:1], rtol=1e-4, atol=1e-6)


def test_the_global_policy_of_keras_counts_for_layers_and_not_for_variables_of_one_s_own(
    config: RLModuleConfig, batch: Any
):
    class Own(Dropping):
        def setup(self) -> None:
            self.net, self.scale = keras.layers.Dense(3), keras.Variable(np.full(3, 1 + 2**-12, np.float32))

        def _forward_train(self, batch: Any) -> Any:
            return {"action_dist_inputs": self.net(batch["obs"]), "scale": tf.identity(self.scale)}

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        module = Own(config)
        for forward in (module.forward_train, module.forward_inference):
            outputs = forward(batch)
            assert outputs["action_dist_inputs"].dtype == tf.bfloat16
            np.testing.assert_array_equal(outputs["scale"], np.full(3, 1 + 2**-12, np.float32))
        assert module.net.kernel.dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")
