"""What users of TensorFlow build modules of: each is found, trained as one graph, saved and served."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_algorithms import Algorithm, PPOTfRLModule
from rlmodule_core import ConfigError, Policy, SingleAgentRLModuleSpec
from rlmodule_tf import TfRLModule

ID = "default_policy"
OBS = np.linspace(-1, 1, 200, dtype=np.float32).reshape(50, 4)


@pytest.fixture
def framework() -> str:
    return "tf2"


class Base(TfRLModule):
    """Logits and values from what a subclass computes."""

    def _both(self, obs: Any) -> tuple[Any, Any]:
        raise NotImplementedError

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        logits, values = self._both(batch["obs"])
        return {"action_dist_inputs": logits, "vf_preds": values[:, 0]}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self._both(batch["obs"])[0]}

    def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._forward_exploration(batch)


class Functional(Base):
    """One Keras model with two outputs."""

    def setup(self) -> None:
        obs = keras.Input((4,))
        latents = keras.layers.Dense(8, activation="tanh")(obs)
        self.net = keras.Model(obs, [keras.layers.Dense(2)(latents), keras.layers.Dense(1)(latents)])

    def _both(self, obs: Any) -> tuple[Any, Any]:
        logits, values = self.net(obs)
        return logits, values


class Noisy(keras.layers.Layer):
    """A layer of the user's own: a weight of its own, and layers inside."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.inner, self.drop = keras.layers.Dense(outputs), keras.layers.Dropout(0.2)

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        super().build(shape)

    def call(self, x: Any) -> Any:
        return self.inner(self.drop(x)) * self.scale


class OwnLayers(Base):
    """Layers of the user's own in a dict and a list."""

    def setup(self) -> None:
        self.heads = {"pi": [keras.layers.Dense(8, activation="tanh"), Noisy(2)], "vf": [Noisy(1)]}

    def _both(self, obs: Any) -> tuple[Any, Any]:
        first, second = self.heads["pi"]
        return second(first(obs)), self.heads["vf"][0](obs)


class Variables(Base):
    """No layers at all."""

    def setup(self) -> None:
        rng = np.random.default_rng(0)
        self.pi = tf.Variable(rng.normal(size=(4, 2)).astype(np.float32))
        self.vf = keras.Variable(rng.normal(size=(4, 1)).astype(np.float32))

    def _both(self, obs: Any) -> tuple[Any, Any]:
        return obs @ self.pi, obs @ self.vf


class Branching(Variables):
    """Python's `if` and loops over tensors, and a function that is a graph already."""

    def _both(self, obs: Any) -> tuple[Any, Any]:
        if tf.reduce_mean(obs) > 0.0:
            obs = 2.0 * obs
        for _ in tf.range(2):
            obs = self._halved(obs)
        return super()._both(obs)

    @tf.function
    def _halved(self, x: Any) -> Any:
        return x / 2.0


class InFront(PPOTfRLModule):
    """The standard module behind a layer of the user's own, with a loss of its own beside PPO's values."""

    def setup(self) -> None:
        super().setup()
        self.first = keras.layers.Dense(4)

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return super()._forward_train({**batch, "obs": self.first(batch["obs"])})

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return super()._forward_exploration({**batch, "obs": self.first(batch["obs"])})

    _forward_inference = _forward_exploration

    def compute_loss(self, outputs: Mapping[str, Any], batch: Mapping[str, Any], coeffs: Mapping[str, Any]) -> Any:
        error = tf.reduce_mean(tf.square(outputs["vf_preds"] - batch["value_targets"]))
        logp = self.get_train_action_dist_cls().from_logits(outputs["action_dist_inputs"]).logp(batch["actions"])
        return error - tf.reduce_mean(logp * batch["advantages"]), {"error": error}


@pytest.fixture
def algorithm(small_ppo: Any, build: Any) -> Any:
    def make(module_class: Any) -> Any:
        return build(small_ppo.copy().rl_module(rl_module_spec=SingleAgentRLModuleSpec(module_class=module_class)))

    return make


@pytest.mark.parametrize("module_class", [Functional, OwnLayers, Variables, Branching, InFront])
def test_it_is_trained_as_one_graph_saved_and_served(algorithm: Any, tmp_path: Path, module_class: Any) -> None:
    # A graph that could not be traced would be a warning, which is an error here.
    trained = algorithm(module_class)
    module = trained.get_module()
    before, untrained = module.get_state(), module.backend.untrained_weights(module)
    for _ in range(2):
        metrics = trained.train()["learners"][ID]
    assert trained.learner.optimizers[ID].graphs.traces == 1
    assert np.isfinite(list(metrics.values())).all()
    after = module.get_state()
    assert [name for name in after if (before[name] == after[name]).all() and name not in untrained] == []
    served = Policy.from_checkpoint(trained.save(tmp_path))
    assert type(served.module) is module_class
    expected = Policy(module).compute_actions(OBS)[2]["action_dist_inputs"]
    np.testing.assert_array_equal(served.compute_actions(OBS)[2]["action_dist_inputs"], expected)
    resumed = Algorithm.from_checkpoint(tmp_path, config=trained.config)
    assert np.isfinite(resumed.train()["learners"][ID]["total_loss"])
    resumed.stop()


def test_layers_that_are_not_to_be_trained_stay_as_they_are(algorithm: Any) -> None:
    class Frozen(Functional):
        def setup(self) -> None:
            super().setup()
            self.net.layers[1].trainable = False

    trained = algorithm(Frozen)
    module = trained.get_module()
    before = module.get_state()
    trained.train()
    kept = {name for name, array in module.get_state().items() if np.array_equal(array, before[name])}
    assert kept == module.backend.untrained_weights(module) == {"net.1.kernel", "net.1.bias"}


def test_a_layer_that_no_attribute_leads_to_is_named(algorithm: Any) -> None:
    class Hiding(Functional):
        def setup(self) -> None:
            super().setup()
            hidden = keras.layers.Dense(4, name="somewhere")
            self.first = lambda obs: hidden(obs)

        def _both(self, obs: Any) -> tuple[Any, Any]:
            return super()._both(self.first(obs))

    with pytest.raises(ConfigError, match="Hiding computes with weights that none of its attributes lead to") as error:
        algorithm(Hiding).train()
    assert "kernel" in str(error.value)


def test_what_no_graph_can_hold_is_trained_without_one_and_said_once(algorithm: Any) -> None:
    class Peeking(Variables):
        def _both(self, obs: Any) -> tuple[Any, Any]:
            assert np.isfinite(obs.numpy()).all()
            return super()._both(obs)

    peeking, plain = algorithm(Peeking), algorithm(Variables)
    with pytest.warns(RuntimeWarning, match="runs without a graph from here on") as warned:
        peeking.train()
    assert {str(warning.message).partition(" runs")[0] for warning in warned} == {"Peeking", "The update of Peeking"}
    # Another warning would be an error.
    peeking.train()
    for _ in range(2):
        plain.train()
    for name, array in plain.get_module().get_state().items():
        np.testing.assert_allclose(peeking.get_module().get_state()[name], array, rtol=1e-4, atol=1e-5)


def test_an_actor_that_changes_a_python_value_says_so_by_invalidate(algorithm: Any) -> None:
    class Warm(Variables):
        temperature = 1.0

        def _both(self, obs: Any) -> tuple[Any, Any]:
            logits, values = super()._both(obs)
            return logits / self.temperature, values

    trained = algorithm(Warm)
    before = trained.compute_single_action(OBS[0])[2]["action_dist_inputs"]
    trained.get_module().temperature = 2.0
    trained.get_module().invalidate()
    np.testing.assert_allclose(2.0 * trained.compute_single_action(OBS[0])[2]["action_dist_inputs"], before, rtol=1e-6)
