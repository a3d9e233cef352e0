from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv

from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_core import UnsupportedSpaceError, get_backend


def taken(scripted: Any, echo: Any, space: gym.Space[Any], action: Any) -> tuple[Any, Any]:
    """The action that the environment got and the one that was stored, when the module chose `action`."""
    single = scripted([(9, "terminated")])
    single.action_space = space
    env = SyncVectorEnv([lambda: single])
    runner = Runner(env, echo(env, action), rng=get_backend("numpy").rng(0), fragment_length=1, seed=0)
    stored = runner.sample().outputs["actions"][0, 0]
    return single.actions[0], stored


def test_a_gaussian_action_is_mapped_to_the_bounds_for_the_environment_and_stored_as_sampled(
    scripted: Any, echo: Any
) -> None:
    space = gym.spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([6.0, 1.0], np.float32))
    got, stored = taken(scripted, echo, space, np.array([0.5, -1.0], np.float32))
    assert got.tolist() == [4.0, 0.0]
    assert stored.tolist() == [0.5, -1.0]


def test_a_gaussian_action_beyond_the_bounds_is_clipped_for_the_environment_only(scripted: Any, echo: Any) -> None:
    space = gym.spaces.Box(-2.0, 6.0, (1,))
    got, stored = taken(scripted, echo, space, np.array([7.5], np.float32))
    assert got.tolist() == [6.0]
    assert got.dtype == np.float32
    assert stored.tolist() == [7.5]


def test_an_unbounded_action_passes_unchanged(scripted: Any, echo: Any) -> None:
    space = gym.spaces.Box(-np.inf, np.inf, (1,))
    got, stored = taken(scripted, echo, space, np.array([123.0], np.float32))
    assert (got.tolist(), stored.tolist()) == ([123.0], [123.0])


def test_discrete_actions_are_those_of_the_environment_start_included(scripted: Any, echo: Any) -> None:
    got, stored = taken(scripted, echo, gym.spaces.Discrete(3, start=5), np.int64(6))
    assert (int(got), int(stored)) == (6, 6)


def test_a_trained_module_samples_environment_values_of_a_discrete_space_with_a_start(
    scripted: Any, small_ppo: Any, build: Any
) -> None:
    class Started(scripted):
        action_space = gym.spaces.Discrete(3, start=5)

        def step(self, action: Any) -> Any:
            assert action in (5, 6, 7)
            return super().step(action)

    config = small_ppo.environment(Started, env_config={"script": [(5, "terminated")]})
    assert "policy_loss" in build(config).train()["learners"]["default_policy"]


def test_a_module_may_choose_actions_of_a_space_without_a_default_distribution(scripted: Any, echo: Any) -> None:
    got, stored = taken(scripted, echo, gym.spaces.MultiBinary(2), np.array([1, 0], np.int8))
    assert (got.tolist(), stored.tolist()) == ([1, 0], [1, 0])


def test_observations_that_are_no_arrays_are_refused_with_the_way_out(scripted: Any, echo: Any) -> None:
    single = scripted([(1, "terminated")])
    single.observation_space = gym.spaces.Dict({"a": gym.spaces.Tuple([gym.spaces.Discrete(2), gym.spaces.Text(3)])})
    env = SyncVectorEnv([lambda: single])
    with pytest.raises(UnsupportedSpaceError, match=r"got Text\(.*\(at obs\.a\.1\)\. .*TransformObservation"):
        Runner(env, echo(env), rng=get_backend("numpy").rng(0), fragment_length=1, seed=0)
