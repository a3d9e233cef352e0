from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from own_layers import dense, in_turn, tanh

from rlmodule_algorithms import Algorithm, PPOConfig
from rlmodule_algorithms.masked import cleared
from rlmodule_core import ConfigError, NotANumberError, RLModule, SingleAgentRLModuleSpec, get_backend

ID = "default_policy"


class Split(gym.Env[Any, Any]):
    """One step: half of the reward for each part of the action that repeats its sign of the observation."""

    observation_space = gym.spaces.Dict(
        {"left": gym.spaces.Box(-1.0, 1.0, (1,)), "rest": gym.spaces.Tuple([gym.spaces.MultiBinary(1)])}
    )
    action_space = gym.spaces.Tuple([gym.spaces.Discrete(2), gym.spaces.Dict({"right": gym.spaces.MultiBinary(1)})])

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.left, self.right = self.np_random.integers(2, size=2).tolist()
        return self._observed(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        reward = 0.5 * (action[0] == self.left) + 0.5 * (action[1]["right"][0] == self.right)
        return self._observed(), float(reward), True, False, {}

    def _observed(self) -> Any:
        return {"left": np.array([2.0 * self.left - 1], np.float32), "rest": (np.array([self.right], np.int8),)}


class OwnNested(RLModule):
    """As a user would write it: joins what it finds in the nested observation."""

    def setup(self) -> None:
        here: Any = self.framework
        self.body = in_turn(here, dense(here, 2, 16), tanh(here))
        self.policy, self.value = dense(here, 16, 3), dense(here, 16, 1)

    def _latent(self, batch: Mapping[str, Any]) -> Any:
        ops, obs = self.backend.ops, batch["obs"]
        return self.body(ops.concat([obs["left"], ops.cast(obs["rest"]["0"], "float32")], 1))

    def _forward_train(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        latent = self._latent(batch)
        return {"action_dist_inputs": self.policy(latent), "vf_preds": self.value(latent)[..., 0]}

    def _forward_exploration(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"action_dist_inputs": self.policy(self._latent(batch))}

    _forward_inference = _forward_exploration


def configured(config: PPOConfig, env: Any) -> PPOConfig:
    config.environment(env).training(lr=0.02)
    return config.rl_module(rl_module_spec=SingleAgentRLModuleSpec(module_class=OwnNested))


def test_ppo_learns_nested_actions_from_nested_observations(small_ppo: PPOConfig, build: Any, tmp_path: Path) -> None:
    algorithm = build(configured(small_ppo, Split))
    for _ in range(15):
        algorithm.train()
    assert algorithm.evaluate(episodes=20)["episode_return_mean"] == 1.0
    obs = {"left": np.array([1.0], np.float32), "rest": (np.array([0], np.int8),)}
    action, _, _ = algorithm.compute_single_action(obs)
    assert Split.action_space.contains(action)
    assert (action[0], action[1]["right"].tolist()) == (1, [0])
    algorithm.save(tmp_path)
    loaded = Algorithm.from_checkpoint(tmp_path, config=algorithm.config)
    assert loaded.compute_single_action(obs)[0][0] == 1
    loaded.stop()


def test_the_ratio_of_nested_actions_before_the_first_step_is_one(small_ppo: PPOConfig, build: Any) -> None:
    config = configured(small_ppo, Split).training(minibatch_size=128, num_epochs=1)
    metrics = build(config).train()["learners"][ID]
    assert metrics["mean_kl_loss"] == pytest.approx(0.0, abs=1e-6)


def test_rows_that_only_reset_are_left_out_of_nested_columns(small_ppo: PPOConfig, build: Any) -> None:
    def make(env_config: Any) -> Any:
        return SyncVectorEnv([Split] * 4, autoreset_mode=AutoresetMode.NEXT_STEP)

    config = configured(small_ppo, make).evaluation(evaluation_interval=None)
    result = build(config).train()
    assert result["env_runners"]["num_env_steps_sampled_lifetime"] == 64
    assert np.isfinite(result["learners"][ID]["policy_loss"])


def test_nested_columns_are_cleared_leaf_by_leaf_where_rows_do_not_count() -> None:
    obs = {"a": np.array([1.0, np.nan]), "b": {"c": np.array([[np.inf], [np.inf]]), "d": np.array([3, 4])}}
    found = cleared({"obs": obs, "loss_mask": np.array([True, False])})["obs"]
    assert found["a"].tolist() == [1.0, 0.0]
    assert found["b"]["c"].tolist() == [[np.inf], [0.0]]
    assert found["b"]["d"].tolist() == [3, 4]


def test_a_leaf_with_other_rows_than_the_batch_is_named(small_ppo: PPOConfig, build: Any) -> None:
    learner = build(configured(small_ppo, Split)).learner
    columns = {name: np.zeros(4) for name in learner.required_columns()}
    obs = {"left": np.zeros((4, 1), np.float32), "rest": {"0": np.zeros((3, 1), np.int64)}}
    with pytest.raises(ConfigError, match=r"'obs\.left': 4, 'obs\.rest\.0': 3"):
        learner.update({ID: {**columns, "obs": obs}}, timestep=0)


def test_a_leaf_that_is_not_finite_is_named_by_its_path(small_ppo: PPOConfig, build: Any) -> None:
    class Sick(Split):
        def _observed(self) -> Any:
            return {**super()._observed(), "left": np.array([np.nan], np.float32)}

    with pytest.raises(NotANumberError, match=r"Environment 0 \(Sick\) gave an observation\.left that is not finite"):
        build(configured(small_ppo, Sick)).train()


def test_a_framework_gets_nested_tensors_by_key_of_a_tuple(framework: str) -> None:
    backend = get_backend(framework)
    batch = backend.batch(Split.observation_space, {"left": np.zeros((2, 1)), "rest": [np.zeros((2, 1), np.int8)]})
    leaves = batch["left"], batch["rest"]["0"]
    assert all(isinstance(leaf, backend.ops.tensor_type) for leaf in leaves)
    assert [backend.ops.dtype_name(leaf) for leaf in leaves] == ["float32", "int64"]
