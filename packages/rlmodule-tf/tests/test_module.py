from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import RLModuleConfig, SpecCheckingError
from rlmodule_tf import TfActorCriticRLModule, TfBackend, TfRLModule


class Linear(TfRLModule):
    """The smallest module that a user may write."""

    def setup(self) -> None:
        self.net = keras.layers.Dense(4)

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.net(batch["obs"])}

    _forward_exploration = _forward_inference = _forward_train


class UnluckyError(Exception):
    """Cannot be made from its text alone, as Keras would."""

    def __init__(self, reason: str, *, code: int) -> None:
        super().__init__(reason)
        self.code = code


def test_gradients_flow_under_a_tape_of_the_user_s_to_every_weight(
    backend: TfBackend, module: TfActorCriticRLModule, batch: Any
):
    weights = list(backend.named_weights(module).values())
    with tf.GradientTape() as tape:
        out = module.forward_train(batch)
        loss = tf.reduce_sum(tf.square(out["action_dist_inputs"])) + tf.reduce_sum(tf.square(out["vf_preds"]))
    assert all(np.any(gradient) for gradient in tape.gradient(loss, weights))


@pytest.mark.parametrize("forward", ["forward_exploration", "forward_inference", "evaluate_train"])
@pytest.mark.parametrize("own", [True, False])
def test_acting_computes_no_gradients(
    module: TfActorCriticRLModule, config: RLModuleConfig, batch: Any, forward: str, own: bool
):
    actor = Linear(config) if own else module
    factor = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        # The outputs may enter a later computation of gradients; they carry none of their own.
        loss = tf.reduce_sum(getattr(actor, forward)(batch)["action_dist_inputs"]) * factor
    weights = list(actor.backend.named_weights(actor).values())
    first, *others = tape.gradient(loss, [factor, *weights])
    assert first is not None
    assert others == [None] * len(weights)


def test_training_without_gradients_computes_none(backend: TfBackend, config: RLModuleConfig, batch: Any):
    module = Linear(config)
    module.build_layers()
    with tf.GradientTape(persistent=True) as tape:
        with backend.without_gradients():
            without = tf.reduce_sum(module.forward_train(batch)["action_dist_inputs"])
        behind = tf.reduce_sum(module.forward_train(batch)["action_dist_inputs"])
    kernel = module.net.kernel.value
    assert tape.gradient(without, kernel) is None
    assert tape.gradient(behind, kernel) is not None


def test_acting_gives_the_values_of_training(module: TfActorCriticRLModule, batch: Any):
    expected = module.forward_train(batch)["action_dist_inputs"]
    for forward in (module.forward_exploration, module.forward_inference):
        np.testing.assert_allclose(forward(batch)["action_dist_inputs"], expected, rtol=1e-5, atol=1e-6)


def test_a_batch_of_another_kind_is_refused(module: TfActorCriticRLModule, batch: Any):
    obs = batch["obs"]
    for bad in (obs.numpy(), tf.cast(obs, tf.float64), obs[:, :3], obs[0], tf.constant(1.0)):
        for forward in (module.forward_train, module.forward_inference):
            with pytest.raises(SpecCheckingError, match="obs"):
                forward({"obs": bad})


def test_an_empty_batch_has_empty_outputs(module: TfActorCriticRLModule):
    nothing = {"obs": tf.zeros((0, 4))}
    assert module.forward_inference(nothing)["action_dist_inputs"].shape == (0, 3)
    assert module.forward_train(nothing)["vf_preds"].shape == (0,)


def test_a_function_of_the_user_s_may_be_one_graph_around_the_module(config: RLModuleConfig, batch: Any):
    module, traces = Linear(config), []
    module.build_layers()

    @tf.function(input_signature=[{"obs": tf.TensorSpec((None, 4))}])
    def gradients(columns: Any) -> Any:
        traces.append(1)
        with tf.GradientTape(persistent=True) as tape:
            trained = tf.reduce_sum(module.forward_train(columns)["action_dist_inputs"])
            acted = tf.reduce_sum(module.forward_exploration(columns)["action_dist_inputs"])
        kernel = module.net.kernel.value
        return tape.gradient(trained, kernel), tf.constant(tape.gradient(acted, kernel) is None)

    for rows in (6, 2):
        obs = batch["obs"][:rows]
        found, acted_without = gradients({"obs": obs})
        np.testing.assert_allclose(found, np.tile(obs.numpy().sum(axis=0)[:, None], 4), rtol=1e-5)
        assert acted_without
    assert len(traces) == 1


def test_checks_run_when_the_user_s_function_is_traced(config: RLModuleConfig, batch: Any):
    class Silent(Linear):
        def _forward_inference(self, batch: Any) -> Any:
            return {"nothing": self.net(batch["obs"])}

    module = Silent(config)
    with pytest.raises(SpecCheckingError, match=r"forward_train \(input\): expected the key 'obs'"):
        tf.function(module.forward_train, autograph=False)({"image": batch["obs"]})
    with pytest.raises(SpecCheckingError, match=r"Silent\.forward_inference \(output\).*action_dist_inputs"):
        tf.function(module.forward_inference, autograph=False)(batch)


@pytest.mark.parametrize("forward", ["forward_train", "forward_exploration", "forward_inference"])
@pytest.mark.parametrize("error", [KeyError("mine"), UnluckyError("mine", code=7)], ids=["KeyError", "own"])
def test_an_error_of_the_forward_itself_is_raised_as_it_is(
    config: RLModuleConfig, batch: Any, forward: str, error: Exception
):
    class Failing(Linear):
        def _forward_train(self, batch: Any) -> Any:
            raise error

        _forward_exploration = _forward_inference = _forward_train

    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            getattr(Failing(config), forward)(batch)
        assert caught.value is error
        assert error.__context__ is None, "nothing of what was tried before stands above it"


def test_an_error_of_a_layer_is_told_as_keras_tells_it(config: RLModuleConfig):
    with pytest.raises(ValueError, match=r"layer 'dense\w*' is incompatible with the layer") as caught:
        Linear(config).forward_inference({"obs": tf.zeros((3, 5))})
    assert "Phase" not in str(caught.value)


_OTHER_KERAS = """
import keras, tensorflow as tf
from rlmodule_core import ConfigError, get_backend
from rlmodule_core.plans import Dense
from rlmodule_tf import TfRLModule

class Linear(TfRLModule):
    def setup(self):
        self.nets = [keras.layers.Dense(4)]
    def _forward_train(self, batch):
        return {"actions": self.nets[0](batch["obs"])}
    _forward_exploration = _forward_inference = _forward_train

print(get_backend("tf2").lower(Dense(4, 3))(tf.ones((2, 4))).shape)
try:
    Linear()
except ConfigError as error:
    print(error)
"""


def test_a_keras_that_computes_with_another_framework_is_refused_and_lowered_networks_need_none():
    pytest.importorskip("torch")
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    command = [sys.executable, "-c", _OTHER_KERAS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    shape, error = done.stdout.splitlines()
    assert shape == "(2, 3)"
    assert error == (
        "Keras computes with 'torch' in this process, but layers of a TfRLModule need 'tensorflow'. Set the "
        "environment variable KERAS_BACKEND=tensorflow before keras is imported."
    )
