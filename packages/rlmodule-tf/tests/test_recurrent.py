from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import keras
import numpy as np
import pytest
import tensorflow as tf

from rlmodule_core import OptimizerSettings, Policy, RLModuleConfig, TensorSpec, compute_actions
from rlmodule_tf import TfBackend, TfRLModule

STEPS, ROWS = 6, 3
OBS = np.random.default_rng(0).normal(size=(STEPS, ROWS, 1)).astype(np.float32)


class Averaging(TfRLModule):
    """An exponential average as its user would write it: h <- rate * h + (1 - rate) * obs."""

    def setup(self) -> None:
        self.rate = tf.Variable(0.8)

    def get_initial_state(self) -> Mapping[str, Any]:
        return {"h": np.zeros(1)}

    def input_specs_exploration(self) -> Any:
        h = TensorSpec("b, h", h=1, framework="tf2", dtype="float32")
        return {"obs": TensorSpec("b, t, d", d=1, framework="tf2"), "state_in": {"h": h}}

    input_specs_inference = input_specs_exploration

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        h, means = batch["state_in"]["h"], []
        for t in range(batch["obs"].shape[1]):
            h = self.rate * h + (1 - self.rate) * batch["obs"][:, t]
            means.append(h)
        mean = tf.stack(means, axis=1)
        return {"action_dist_inputs": tf.concat([mean, tf.zeros_like(mean)], -1), "state_out": {"h": h}}

    _forward_exploration = _forward_inference = _forward_train


class Remembering(TfRLModule):
    """An LSTM of Keras over observations of several kinds."""

    def setup(self) -> None:
        self.lstm = keras.layers.LSTM(5, return_sequences=True, return_state=True)
        self.head = keras.layers.Dense(2)

    def get_initial_state(self) -> Mapping[str, Any]:
        return {"h": np.zeros(5, np.float32), "c": np.zeros(5, np.float32)}

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        obs, state = batch["obs"], batch["state_in"]
        image = tf.cast(obs["image"], tf.float32)[..., 0] / 255.0
        y, h, c = self.lstm(tf.concat([obs["numbers"], image], -1), initial_state=[state["h"], state["c"]])
        return {"action_dist_inputs": self.head(y), "state_out": {"h": h, "c": c}}

    _forward_exploration = _forward_inference = _forward_train


def oracle() -> np.ndarray:
    """The averages `[STEPS, ROWS]` in closed form: (1 - rate) * sum over the past of rate ** age * obs."""
    ages = np.arange(STEPS)[:, None] - np.arange(STEPS)
    return np.where(ages >= 0, 0.2 * 0.8 ** np.maximum(ages, 0), 0.0) @ OBS[..., 0].astype(np.float64)


@pytest.fixture
def averaging() -> Averaging:
    return Averaging(RLModuleConfig(gym.spaces.Box(-9, 9, (1,)), gym.spaces.Box(-np.inf, np.inf, (1,))))


@pytest.fixture
def remembering() -> Remembering:
    spaces = {"numbers": gym.spaces.Box(-1, 1, (4,)), "image": gym.spaces.Box(0, 255, (3, 1), np.uint8)}
    return Remembering(RLModuleConfig(gym.spaces.Dict(spaces), gym.spaces.Discrete(2)))


def test_a_session_acts_by_the_averages_in_closed_form(averaging: Averaging):
    session = Policy(averaging).session(ROWS)
    for t in range(STEPS):
        np.testing.assert_allclose(session.act(OBS[t])[:, 0], oracle()[t], rtol=1e-5, atol=1e-6)
    session.reset([False, True, False])
    kept = 0.8 * oracle()[-1] + 0.2 * OBS[0, :, 0]
    kept[1] = 0.2 * OBS[0, 1, 0]
    np.testing.assert_allclose(session.act(OBS[0])[:, 0], kept, rtol=1e-5, atol=1e-6)
    assert averaging._graphs is not None
    assert averaging._graphs.traces == 1


@pytest.mark.parametrize("explore", [True, False])
def test_single_steps_equal_the_whole_sequence(averaging: Averaging, explore: bool):
    whole = averaging.forward_train({"obs": tf.constant(OBS.swapaxes(0, 1)), "state_in": {"h": tf.zeros((ROWS, 1))}})
    columns: dict[str, Any] = {}
    for t in range(STEPS):
        output = compute_actions(averaging, {"obs": OBS[t], **columns}, explore=explore, rng=averaging.backend.rng(0))
        np.testing.assert_allclose(output["action_dist_inputs"], whole["action_dist_inputs"][:, t], rtol=1e-5)
        assert output["actions"].shape == (ROWS, 1)
        assert ("action_logp" in output) is explore
        columns = {"state_in": output["state_out"]}
    np.testing.assert_allclose(output["state_out"]["h"], whole["state_out"]["h"], rtol=1e-5)


def test_states_in_and_out_of_a_policy_are_numpy(averaging: Averaging):
    policy, state = Policy(averaging, seed=0), None
    for t in range(STEPS):
        action, state, extras = policy.compute_single_action(OBS[t, 0], state)
        assert (type(state["h"]), state["h"].dtype, state["h"].shape) == (np.ndarray, np.float32, (1,))
        np.testing.assert_allclose(action, [oracle()[t, 0]], rtol=1e-5, atol=1e-6)
        assert extras.keys() == {"action_dist_inputs", "actions"}


def test_a_recurrent_layer_of_keras_is_built_from_nested_spaces_and_a_state(remembering: Remembering):
    shapes = {name: array.shape for name, array in remembering.get_state().items()}
    assert shapes["lstm.lstm_cell.kernel"] == (7, 20)
    assert shapes["head.kernel"] == (5, 2)
    obs = {"numbers": np.zeros((ROWS, 4)), "image": np.zeros((ROWS, 3, 1), np.uint8)}
    output = compute_actions(remembering, {"obs": obs}, explore=True, rng=remembering.backend.rng(0))
    assert output["actions"].shape == (ROWS,)
    assert {leaf: part.shape for leaf, part in output["state_out"].items()} == {"h": (ROWS, 5), "c": (ROWS, 5)}


def test_sequences_of_another_length_are_another_graph(
    backend: TfBackend, remembering: Remembering, update: Callable[..., Any]
):
    optimizer = backend.make_optimizer(remembering, OptimizerSettings(lr=0.01))
    before = remembering.get_state()

    def loss(ops: Any, outputs: Any, batch: Any, coeffs: Any) -> Any:
        return ops.mean(ops.square(outputs["action_dist_inputs"])), {}

    for steps, traces in ((3, 1), (2, 2), (3, 2)):
        obs = {"numbers": np.ones((10, steps, 4), np.float32), "image": np.ones((10, steps, 3, 1), np.uint8)}
        state = {leaf: np.ones((10, 5), np.float32) for leaf in "hc"}
        update(remembering, optimizer=optimizer, columns={"obs": obs, "state_in": state}, loss=loss)
        assert optimizer.graphs.traces == traces
    trained = before.keys() - backend.untrained_weights(remembering)
    assert all(not np.array_equal(remembering.get_state()[name], before[name]) for name in trained)
