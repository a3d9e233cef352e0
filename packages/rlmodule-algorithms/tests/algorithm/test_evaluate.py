from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_algorithms import PPOConfig, evaluate_policy
from rlmodule_core import ConfigError, Policy


@pytest.mark.parametrize("act_with", ["numpy", "module"])
def test_evaluating_twice_gives_the_same_and_leaves_training_as_it_was(
    small_ppo: PPOConfig, build: Any, act_with: str
) -> None:
    plain, interrupted = (build(small_ppo.env_runners(act_with=act_with)) for _ in range(2))
    for _ in range(2):
        plain.train()
        interrupted.train()
        assert interrupted.evaluate() == interrupted.evaluate()
    expected, found = (algorithm.get_module().get_state() for algorithm in (plain, interrupted))
    assert all(np.array_equal(expected[name], found[name]) for name in expected)


def test_episodes_are_played_greedily_from_consecutive_seeds(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo)
    found = algorithm.evaluate(episodes=11, seed=100)
    returns = []
    for episode in range(11):
        env = gym.make("CartPole-v1")
        obs, done, total = env.reset(seed=100 + episode)[0], False, 0.0
        while not done:
            obs, reward, terminated, truncated, _ = env.step(algorithm.compute_single_action(obs)[0])
            total, done = total + float(reward), terminated or truncated
        returns.append(total)
    assert found["episode_returns"] == returns
    assert found["episode_lengths"] == returns
    assert found["episode_return_mean"] == np.mean(returns)


def test_the_interval_and_the_duration_are_kept(small_ppo: PPOConfig, build: Any) -> None:
    algorithm = build(small_ppo.evaluation(evaluation_interval=2, evaluation_duration=5))
    results = [algorithm.train() for _ in range(4)]
    assert ["evaluation" in result for result in results] == [False, True, False, True]
    assert len(results[1]["evaluation"]["episode_returns"]) == 5


def test_exploring_evaluation_samples(small_ppo: PPOConfig, build: Any) -> None:
    policy = Policy(build(small_ppo).get_module(), seed=1)
    runs = [
        evaluate_policy(policy, lambda: gym.make("CartPole-v1"), episodes=3, seed=0, explore=True) for _ in range(2)
    ]
    assert runs[0] != runs[1]


def test_environments_are_closed_also_when_one_fails(scripted: Any, small_ppo: PPOConfig, build: Any) -> None:
    made: list[Any] = []

    class Failing(scripted):
        def step(self, action: Any) -> Any:
            raise RuntimeError("the simulator crashed")

    def make() -> Any:
        made.append(Failing([(1, "terminated")]))
        return made[-1]

    algorithm = build(small_ppo.environment(scripted, env_config={"script": [(1, "terminated")]}))
    with pytest.raises(RuntimeError, match="crashed"):
        evaluate_policy(Policy(algorithm.get_module()), make, episodes=3, seed=0)
    assert [env.closed for env in made] == [True, True, True]


def test_less_than_one_episode_is_refused(small_ppo: PPOConfig, build: Any) -> None:
    with pytest.raises(ConfigError, match="at least 1 episode, got 0"):
        build(small_ppo).evaluate(episodes=0)
