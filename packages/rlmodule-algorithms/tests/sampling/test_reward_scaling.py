"""Rewards are divided by the deviation of the discounted returns; what is reported stays true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_algorithms import Algorithm, PPOConfig
from rlmodule_algorithms.sampling.reward_scaling import RewardScaling
from rlmodule_algorithms.sampling.rollout import Rollout
from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_core import ConfigError


class Oracle:
    """One environment after the other, one step after the other, with every return kept in a list."""

    def __init__(self, envs: int, gamma: float) -> None:
        self.gamma, self.running = gamma, [0.0] * envs
        self.returns: list[float] = []

    def scale(self, rollout: Rollout) -> Any:
        steps, envs = rollout.rewards.shape
        for b in range(envs):
            for t in range(steps):
                if not rollout.valid[t, b]:
                    continue
                self.running[b] = self.gamma * self.running[b] + float(rollout.rewards[t, b])
                self.returns.append(self.running[b])
                if rollout.terminateds[t, b] or rollout.truncateds[t, b]:
                    self.running[b] = 0.0
        return np.clip(rollout.rewards / np.sqrt(np.var(self.returns) + 1e-8), -10.0, 10.0)


def drawn(rng: np.random.Generator, steps: int, envs: int, resetting: Any) -> Rollout:
    """A rollout as NEXT_STEP gives it: behind an episode's end comes a row that only resets."""
    rollout = Rollout.empty(steps, envs, np.zeros((steps + 1, envs, 1), np.float32))
    rollout.rewards[...] = rng.normal(2.0, 5.0, (steps, envs)) * rng.choice([1.0, 20.0], (steps, envs), p=[0.95, 0.05])
    for t in range(steps):
        rollout.valid[t] = ~resetting
        rollout.terminateds[t] = (rng.random(envs) < 0.2) & ~resetting
        rollout.truncateds[t] = (rng.random(envs) < 0.1) & ~resetting
        resetting[...] = rollout.terminateds[t] | rollout.truncateds[t]
    return rollout


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 12), st.sampled_from([0.0, 0.9, 1.0]))
@settings(max_examples=40)
def test_rollouts_are_scaled_as_the_oracle_says(seed: int, envs: int, steps: int, gamma: float) -> None:
    rng, resetting = np.random.default_rng(seed), np.zeros(envs, np.bool_)
    scaling, oracle = RewardScaling(envs, gamma), Oracle(envs, gamma)
    for _ in range(3):
        rollout = drawn(rng, steps, envs, resetting)
        if len(oracle.returns) + rollout.valid.sum() < 2:
            continue
        expected = oracle.scale(rollout)
        scaling.scale(rollout)
        counted = rollout.valid
        np.testing.assert_allclose(rollout.rewards[counted], expected[counted], rtol=1e-5)
        assert rollout.rewards.dtype == np.float32


def test_rewards_that_never_vary_stay_within_the_clip() -> None:
    rollout = Rollout.empty(4, 1, np.zeros((5, 1, 1), np.float32))
    rollout.rewards[...], rollout.valid[...] = 3.0, True
    RewardScaling(1, 0.0).scale(rollout)
    assert rollout.rewards.tolist() == [[10.0]] * 4


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_in_every_autoreset_mode_an_end_ends_the_running_return(scripted: Any, echo: Any, mode: AutoresetMode) -> None:
    script = [(3, "terminated"), (2, "truncated"), (4, "terminated")]
    env = SyncVectorEnv([lambda: scripted(script)] * 2, autoreset_mode=mode)
    module = echo(env)
    scaling, oracle = RewardScaling(2, 0.5), Oracle(2, 0.5)
    plain_env = SyncVectorEnv([lambda: scripted(script)] * 2, autoreset_mode=mode)
    rng = module.backend.rng(0)
    runner = Runner(env, module, rng=rng, fragment_length=5, seed=0, reward_scaling=scaling)
    plain = Runner(plain_env, module, rng=rng, fragment_length=5, seed=0)
    for _ in range(4):
        scaled, true = runner.sample(), plain.sample()
        expected = oracle.scale(true)
        np.testing.assert_allclose(scaled.rewards[true.valid], expected[true.valid], rtol=1e-5)
        assert scaled.episode_returns == true.episode_returns
        assert true.episode_returns
    runner.close()
    plain.close()


def test_a_restart_forgets_the_episodes_in_progress_but_not_the_statistics(scripted: Any, echo: Any) -> None:
    env = SyncVectorEnv([lambda: scripted([(100, "terminated")])], autoreset_mode=AutoresetMode.DISABLED)
    module, scaling, oracle = echo(env), RewardScaling(1, 0.9), Oracle(1, 0.9)
    runner = Runner(env, module, rng=module.backend.rng(0), fragment_length=4, seed=0, reward_scaling=scaling)
    rewards = np.arange(1.0, 5.0, dtype=np.float32)[:, None]
    for _ in range(2):
        found = runner.sample()
        true = Rollout.empty(4, 1, found.obs)
        true.rewards[...], true.valid[...] = rewards, True
        np.testing.assert_allclose(found.rewards, oracle.scale(true), rtol=1e-5)
        runner.restart(1)
        oracle.running = [0.0]
    runner.close()


@pytest.fixture
def scaled(small_ppo: PPOConfig) -> PPOConfig:
    return small_ppo.environment("Pendulum-v1").env_runners(normalize_rewards=True)


def test_learning_sees_scaled_rewards_and_the_metrics_true_ones(scaled: PPOConfig, build: Any) -> None:
    seen: list[Any] = []
    config = scaled.training(train_batch_size=1024).callbacks(
        on_sample_end=lambda algorithm, rollout: seen.append(rollout)
    )
    returns = build(config).train()["env_runners"]["episode_return_mean"]
    assert returns < -500.0
    assert np.abs(seen[0].rewards).max() <= 1.0, "true rewards go down to -16"
    assert build(config.env_runners(normalize_rewards=False)).train()["env_runners"]["episode_return_mean"] == returns
    assert np.abs(seen[1].rewards).max() > 5.0


def test_a_resumed_algorithm_scales_on_exactly(scaled: PPOConfig, build: Any, tmp_path: Path) -> None:
    algorithm = build(scaled.checkpointing(exact_resume=True))
    for _ in range(2):
        algorithm.train()
    algorithm.save(tmp_path)
    resumed = Algorithm.from_checkpoint(tmp_path)
    for _ in range(3):
        algorithm.train()
        resumed.train()
    resumed.stop()
    assert resumed.get_state() == algorithm.get_state()
    assert resumed.get_state().reward_scaling["count"] == 5 * 128
    for name, array in algorithm.get_module().get_state().items():
        np.testing.assert_array_equal(resumed.get_module().get_state()[name], array)


def test_the_statistics_are_data_and_absent_where_nothing_is_scaled(scaled: PPOConfig, build: Any) -> None:
    algorithm = build(scaled)
    algorithm.train()
    state = algorithm.get_state().reward_scaling
    other = RewardScaling(4, 0.99)
    other.set_state(json.loads(json.dumps(state)))
    assert other.get_state() == state
    assert build(scaled.env_runners(normalize_rewards=False)).get_state().reward_scaling is None


def test_the_option_is_true_or_false(scaled: PPOConfig) -> None:
    with pytest.raises(ConfigError, match="'normalize_rewards' must be one of True, False, got 'yes'"):
        scaled.env_runners(normalize_rewards="yes").build()
