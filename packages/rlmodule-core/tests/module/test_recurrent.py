from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import Policy, RLModuleConfig, SpecCheckingError, StateError, TensorSpec, compute_actions
from rlmodule_core.numpy_backend import NumpyRLModule

CONFIG = RLModuleConfig(gym.spaces.Box(-9, 9, (2,)), gym.spaces.Discrete(3))


class Summing(NumpyRLModule):
    """Gives as inputs of the distribution (the sum of all that was seen, steps so far, 0)."""

    def get_initial_state(self) -> Mapping[str, Any]:
        return {"sum": np.zeros(2), "inner": {"steps": np.array(10)}}

    def input_specs_inference(self) -> Any:
        return {"obs": TensorSpec("b, t, d", d=2), "state_in": {"inner": {"steps": TensorSpec("b", dtype="int64")}}}

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        obs, state = batch["obs"], batch["state_in"]
        sums = state["sum"][:, None] + obs.cumsum(axis=1)
        steps = state["inner"]["steps"][:, None] + np.arange(1, obs.shape[1] + 1)
        inputs = np.stack([sums.sum(axis=-1), steps, 0 * steps], axis=-1).astype(np.float32)
        state_out = {"sum": sums[:, -1], "inner": {"steps": steps[:, -1]}}
        return {"action_dist_inputs": inputs, "nested": {"steps": steps}, "note": "as it is", "state_out": state_out}

    _forward_exploration = _forward_inference = _forward_train


def returning(**columns: Any) -> Summing:
    """A module whose forwards change some of what Summing returns; None leaves a column out."""

    class Changed(Summing):
        def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            output = {**super()._forward_inference(batch), **columns}
            return {key: value for key, value in output.items() if value is not None}

        _forward_exploration = _forward_inference

    return Changed(CONFIG)


OBS = np.random.default_rng(0).normal(size=(7, 4, 2)).astype(np.float32)
"""Seven steps of four environments."""


@pytest.mark.parametrize("explore", [True, False])
def test_the_state_that_is_passed_on_makes_single_actions_one_sequence(explore: bool):
    policy, state = Policy(Summing(CONFIG), seed=0), None
    for t in range(7):
        action, state, extras = policy.compute_single_action(OBS[t, 0], state, explore)
        assert extras["action_dist_inputs"].shape == (3,)
        np.testing.assert_allclose(extras["action_dist_inputs"][0], OBS[: t + 1, 0].sum(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(state["sum"], OBS[: t + 1, 0].sum(axis=0), rtol=1e-4, atol=1e-5)
        assert state["inner"]["steps"] == 10 + t + 1
        assert CONFIG.action_space.contains(action)
        assert explore or action == 1


def test_every_row_of_a_batch_has_a_state_of_its_own():
    policy = Policy(Summing(CONFIG))
    _, first, _ = policy.compute_actions(OBS[0])
    _, second, extras = policy.compute_actions(OBS[1], first)
    np.testing.assert_allclose(second["sum"], OBS[0] + OBS[1], rtol=1e-5)
    assert second["inner"]["steps"].tolist() == [12] * 4
    assert "state_out" not in extras
    np.testing.assert_allclose(extras["action_dist_inputs"][:, 0], (OBS[0] + OBS[1]).sum(axis=1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("given", [np.zeros(1), np.zeros(4), [np.zeros(4)], None])
def test_an_initial_state_that_is_no_dict_is_named(given: Any):
    module = type("Bare", (Summing,), {"get_initial_state": lambda self: given})(CONFIG)
    with pytest.raises(SpecCheckingError, match=r"Bare\.get_initial_state\(\) must return a dict of arrays"):
        module.is_stateful()


def test_the_initial_state_and_none_are_the_same():
    policy = Policy(Summing(CONFIG))
    given = policy.compute_single_action(OBS[0, 0], policy.module.get_initial_state())
    start = policy.compute_single_action(OBS[0, 0])
    np.testing.assert_array_equal(given[1]["sum"], start[1]["sum"])
    np.testing.assert_array_equal(given[2]["action_dist_inputs"], start[2]["action_dist_inputs"])


def test_every_output_loses_the_time_axis_and_other_values_pass():
    output = compute_actions(Summing(CONFIG), {"obs": OBS[0]}, explore=True)
    assert {key: np.shape(value) for key, value in output.items() if key not in ("nested", "state_out")} == {
        "action_dist_inputs": (4, 3),
        "actions": (4,),
        "action_logp": (4,),
        "action_prob": (4,),
        "note": (),
    }
    assert output["note"] == "as it is"
    assert output["nested"]["steps"].tolist() == [11] * 4


def test_every_column_gets_the_time_axis():
    module, seen = Summing(CONFIG), {}

    def forward(batch: Any) -> Any:
        seen.update(batch)
        return Summing._forward_inference(module, batch)

    module._forward_inference = forward
    columns = {"obs": OBS[0], "prev_rewards": np.arange(4.0), "nested": {"x": np.zeros((4, 5))}}
    compute_actions(module, columns, explore=False)
    assert (seen["obs"].shape, seen["prev_rewards"].shape) == ((4, 1, 2), (4, 1))
    assert seen["nested"]["x"].shape == (4, 1, 5)


def test_log_likelihoods_follow_from_the_state():
    policy = Policy(Summing(CONFIG), seed=1)
    _, state, _ = policy.compute_actions(OBS[0], explore=True)
    _, _, extras = policy.compute_actions(OBS[1], state, explore=True)
    logp = policy.compute_log_likelihoods(extras["actions"], OBS[1], state)
    np.testing.assert_allclose(logp, extras["action_logp"], rtol=1e-5)
    assert not np.allclose(policy.compute_log_likelihoods(extras["actions"], OBS[1]), logp)


def test_a_returned_state_does_not_change_with_the_observations():
    class Remembering(Summing):
        def get_initial_state(self) -> Mapping[str, Any]:
            return {"last": np.zeros(2)}

        def _forward_inference(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"actions": np.zeros((len(batch["obs"]), 1), np.int64), "state_out": {"last": batch["obs"][:, 0]}}

        input_specs_inference = NumpyRLModule.input_specs_inference

    obs = OBS[0].copy()
    _, state, _ = Policy(Remembering(CONFIG)).compute_actions(obs)
    obs[...] = 7
    np.testing.assert_array_equal(state["last"], OBS[0])


@pytest.mark.parametrize(
    "state",
    [
        {"sum": np.zeros((3, 2)), "inner": {"steps": np.zeros(4, np.int64)}},
        {"sum": np.zeros((4, 2))},
        {"sum": np.zeros((4, 2)), "inner": {"steps": np.zeros(4, np.int64), "more": np.zeros(4)}},
        {"sum": np.zeros((4, 2)), "inner": np.zeros(4)},
    ],
)
def test_a_state_of_another_form_is_refused(state: Any):
    with pytest.raises(StateError, match=r"state_in of Summing.*'sum': \(4, 2\), \('inner', 'steps'\): \(4,\)}, got"):
        Policy(Summing(CONFIG)).compute_actions(OBS[0], state)


def test_a_state_for_a_stateless_module_is_refused(discrete_module: Any):
    with pytest.raises(StateError, match=r"carries no recurrent state.*\['h'\]"):
        Policy(discrete_module).compute_single_action(np.zeros(4), {"h": np.zeros(3)})


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"state_out": None}, "must return the one after the step as 'state_out'"),
        ({"state_out": {"sum": np.zeros((4, 2))}}, "state_out of Changed must be a batch"),
        ({"state_out": np.zeros(4)}, "got a numpy.ndarray of shape"),
        ({"action_dist_inputs": np.zeros((4, 3), np.float32)}, r"'action_dist_inputs' of shape \(4, 1, \.\.\.\), got"),
        ({"nested": {"x": np.zeros((4, 2, 1))}}, r"'nested\.x' of shape \(4, 1"),
        ({"action_dist": object()}, "Return its parameters as 'action_dist_inputs'"),
    ],
)
@pytest.mark.parametrize("explore", [True, False])
def test_what_is_no_sequence_with_its_state_is_named(columns: Any, text: str, explore: bool):
    with pytest.raises(SpecCheckingError, match=text):
        Policy(returning(**columns)).compute_actions(OBS[0], explore=explore)


def test_a_column_without_rows_is_named():
    with pytest.raises(SpecCheckingError, match=r"'bonus\.x' must have a batch axis"):
        compute_actions(Summing(CONFIG), {"obs": OBS[0], "bonus": {"x": 3}}, explore=False)
