from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_core import ConfigError, Policy, RLModuleConfig, SpecCheckingError, StateError
from rlmodule_core.numpy_backend import NumpyRLModule


def test_one_observation_gives_one_action_of_the_space(discrete_module: Any, gaussian_module: Any):
    for module in (discrete_module, gaussian_module):
        for explore in (True, False):
            action, state, extras = Policy(module, seed=0).compute_single_action(np.ones(4), explore=explore)
            assert module.config.action_space.contains(action)
            assert state == {}
            assert ("action_logp" in extras) is explore
            assert extras["action_dist_inputs"].ndim == 1


def test_inference_takes_the_likeliest_action(discrete_module: Any, obs: np.ndarray):
    actions, _, extras = Policy(discrete_module).compute_actions(obs)
    np.testing.assert_array_equal(actions, 2 + extras["action_dist_inputs"].argmax(axis=1))
    assert set(actions.tolist()) <= {2, 3, 4}


def test_single_actions_equal_those_of_the_batch(gaussian_module: Any, obs: np.ndarray):
    policy = Policy(gaussian_module)
    batch, _, extras = policy.compute_actions(obs)
    for row in range(3):
        action, _, extra = policy.compute_single_action(obs[row])
        np.testing.assert_allclose(action, batch[row], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(extra["actions"], extras["actions"][row], rtol=1e-5, atol=1e-6)


def test_gaussian_actions_are_mapped_to_the_bounds_and_kept_as_sampled_in_extras(gaussian_module: Any, obs: np.ndarray):
    actions, _, extras = Policy(gaussian_module, seed=1).compute_actions(obs, explore=True)
    expected = np.clip(-2.0 + (extras["actions"] + 1.0) * 4.0, -2.0, 6.0)
    np.testing.assert_allclose(actions, expected, rtol=1e-5, atol=1e-5)
    assert actions.dtype == np.float32


def test_float64_observations_are_taken(discrete_module: Any, obs: np.ndarray):
    policy = Policy(discrete_module)
    np.testing.assert_array_equal(policy.compute_actions(obs.astype(np.float64))[0], policy.compute_actions(obs)[0])


def test_a_seed_decides_the_exploration(gaussian_module: Any, obs: np.ndarray):
    def draw(seed: int | None) -> np.ndarray:
        return Policy(gaussian_module, seed=seed).compute_actions(obs, explore=True)[0]

    np.testing.assert_array_equal(draw(3), draw(3))
    assert not np.array_equal(draw(3), draw(4))
    assert not np.array_equal(draw(None), draw(None))


def test_an_input_dict_may_hold_more_columns(returning: Any):
    config = RLModuleConfig(gym.spaces.Box(-1, 1, (2,)), gym.spaces.Discrete(3))
    module = returning(config)
    module._forward_inference = lambda batch: {"actions": batch["obs"][:, 0].astype(np.int64) + batch["bonus"]}
    columns = {"obs": np.ones((3, 2)), "bonus": np.array([0, 1, 0], np.int32)}
    actions, state, extras = Policy(module).compute_actions_from_input_dict(columns)
    assert actions.tolist() == extras["actions"].tolist() == [1, 2, 1]
    assert state == {}


@pytest.mark.parametrize("fixture", ["discrete_module", "gaussian_module"])
def test_log_likelihoods_are_those_of_the_exploration(request: Any, fixture: str, obs: np.ndarray):
    policy = Policy(request.getfixturevalue(fixture), seed=0)
    _, _, extras = policy.compute_actions(obs, explore=True)
    logp = policy.compute_log_likelihoods(extras["actions"], obs.astype(np.float64))
    np.testing.assert_allclose(logp, extras["action_logp"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("fixture", "actions"),
    [
        *(("discrete_module", wrong) for wrong in (2, [2] * 3, [[2]] * 16, ["a"] * 16)),
        *(("gaussian_module", np.zeros(shape)) for shape in ((16,), (3, 2), (16, 1), (16, 3))),
    ],
)
def test_log_likelihoods_need_one_action_for_each_observation(
    request: Any, fixture: str, actions: Any, obs: np.ndarray
):
    shape = "(16,)" if fixture == "discrete_module" else "(16, 2)"
    with pytest.raises(SpecCheckingError, match=re.escape(f"actions of shape {shape}, got ") + "|as numbers, got <U1"):
        Policy(request.getfixturevalue(fixture)).compute_log_likelihoods(actions, obs)


@pytest.mark.parametrize("action", [1, 5, -1, 2.5, np.nan])
def test_log_likelihoods_are_of_actions_of_the_space(discrete_module: Any, action: float, obs: np.ndarray):
    actions = np.where(np.arange(16) == 3, action, 2)
    with pytest.raises(SpecCheckingError, match="are whole numbers from 2 to 4, got"):
        Policy(discrete_module).compute_log_likelihoods(actions, obs)


def test_log_likelihoods_need_a_distribution(returning: Any):
    config = RLModuleConfig(gym.spaces.Box(-1, 1, (2,)), gym.spaces.Discrete(3))
    policy = Policy(returning(config, actions=np.zeros(3)))
    with pytest.raises(SpecCheckingError, match="log-likelihoods need 'action_dist_inputs'"):
        policy.compute_log_likelihoods(np.zeros(3), np.zeros((3, 2)))
    narrow = Policy(returning(config, action_dist_inputs=np.zeros((3, 2), np.float32)))
    with pytest.raises(SpecCheckingError, match=r"must return 'action_dist_inputs' of shape \(B, 3\)"):
        narrow.compute_log_likelihoods(np.zeros(3), np.zeros((3, 2)))


@pytest.mark.parametrize("shape", [(1, 4), (3,), ()])
def test_a_single_observation_of_another_shape_is_refused(discrete_module: Any, shape: tuple[int, ...]):
    with pytest.raises(SpecCheckingError) as caught:
        Policy(discrete_module).compute_single_action(np.zeros(shape))
    assert str(shape) in str(caught.value)
    assert "compute_actions()" in str(caught.value)


def test_a_single_observation_may_be_a_dict():
    class First(NumpyRLModule):
        def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
            assert batch["obs"]["b"]["c"].shape == (1, 2)
            return {"actions": batch["obs"]["a"]}

        _forward_exploration = _forward_inference = _forward_train

    space = gym.spaces.Dict(a=gym.spaces.Discrete(9), b=gym.spaces.Dict(c=gym.spaces.Box(0, 1, (2,))))
    policy, obs = Policy(First(RLModuleConfig(space, gym.spaces.Discrete(9)))), {"a": 4, "b": {"c": [0.25, 0.5]}}
    assert policy.compute_single_action(obs)[0] == 4
    for wrong, text in (({"a": 4}, r" with the keys \['a', 'b'\]"), ({**obs, "a": [4]}, r"\.a of shape \(\), got")):
        with pytest.raises(SpecCheckingError, match=rf"expected obs{text}.*call compute_actions\(\)"):
            policy.compute_single_action(wrong)


def test_a_single_observation_that_is_no_array_is_refused(returning: Any):
    space = gym.spaces.Text(5)
    policy = Policy(returning(RLModuleConfig(space, gym.spaces.Discrete(3)), actions=np.zeros(1, np.int64)))
    with pytest.raises(SpecCheckingError, match=r"expected obs as arrays, of which the space Text.* has none"):
        policy.compute_single_action("abc")


def test_what_is_no_array_and_no_dict_is_refused(discrete_module: Any):
    policy, ragged = Policy(discrete_module), [[1.0], [1.0, 2.0]]
    for call, text in (
        (lambda: policy.compute_single_action(ragged), "lists that differ in length. For a batch"),
        (lambda: policy.compute_actions(ragged), "or lists of one length: "),
        (
            lambda: policy.compute_actions_from_input_dict(None),
            "a dict of columns such as {'obs': ...}, got a None",
        ),
    ):
        with pytest.raises(SpecCheckingError, match=re.escape(text)):
            call()
    for state in ([np.zeros(3)], np.zeros(3)):
        with pytest.raises(StateError, match="A recurrent state is a dict"):
            policy.compute_single_action(np.zeros(4), state)


def test_a_batch_of_another_shape_is_refused(discrete_module: Any):
    with pytest.raises(SpecCheckingError, match="obs"):
        Policy(discrete_module).compute_actions(np.zeros((3, 5)))


def test_a_module_without_spaces_cannot_be_served(returning: Any):
    for config in (None, RLModuleConfig(gym.spaces.Discrete(3))):
        with pytest.raises(ConfigError, match="knows its spaces"):
            Policy(returning(config))


def test_a_module_may_choose_actions_of_a_space_without_a_default_distribution(returning: Any):
    space = gym.spaces.Box(0, 9, (2, 2), np.int64)
    module = returning(RLModuleConfig(gym.spaces.Discrete(3), space), actions=np.full((1, 2, 2), 12))
    action, _, _ = Policy(module).compute_single_action(1)
    assert action.tolist() == [[9, 9], [9, 9]]


def test_a_checkpoint_is_served_as_the_module_was(gaussian_module: Any, obs: np.ndarray, tmp_path: Path):
    gaussian_module.save_to_checkpoint(tmp_path)
    served = Policy.from_checkpoint(tmp_path, framework="numpy", seed=5)
    for explore in (True, False):
        expected = Policy(gaussian_module, seed=5).compute_actions(obs, explore=explore)[0]
        served.rng = served.module.backend.rng(5)
        np.testing.assert_array_equal(served.compute_actions(obs, explore=explore)[0], expected)


@pytest.mark.parametrize("explore", [True, False])
def test_actions_that_the_module_chose_itself_are_not_mapped_to_the_bounds(returning: Any, explore: bool):
    config = RLModuleConfig(gym.spaces.Box(-1, 1, (2,)), gym.spaces.Box(0.0, 10.0, (1,)))
    policy = Policy(returning(config, actions=np.array([[2.0], [12.0]], np.float32)))
    actions, _, _ = policy.compute_actions(np.zeros((2, 2)), explore=explore)
    np.testing.assert_array_equal(actions, [[2.0], [10.0]])


def test_integers_are_taken_for_an_observation_space_of_floats(discrete_module: Any):
    policy = Policy(discrete_module)
    assert policy.compute_single_action([0, 1, 0, 1])[0] == policy.compute_single_action(np.array([0.0, 1, 0, 1]))[0]


def test_actions_take_the_dtype_of_the_action_space(returning: Any):
    space = gym.spaces.Discrete(3)
    space.dtype = np.dtype(np.int32)
    policy = Policy(returning(RLModuleConfig(gym.spaces.Box(-1, 1, (2,)), space), actions=np.array([1, 2])))
    assert policy.compute_actions(np.zeros((2, 2)))[0].dtype == np.int32
