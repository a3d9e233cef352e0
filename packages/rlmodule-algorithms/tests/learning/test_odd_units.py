"""A pole is balanced in odd units with both normalisations, and with neither of them alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_algorithms import PPOConfig, evaluate_policy
from rlmodule_core import Policy

pytestmark = pytest.mark.learning

FRESH = 1_000_000
"""First seed of the final episodes, which no evaluation in training has seen."""


class OddUnits(gym.Wrapper[Any, Any, Any, Any]):
    """CartPole, where all measurements lie around 5,000 and a step is worth 10,000."""

    def __init__(self) -> None:
        super().__init__(gym.make("CartPole-v1"))
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (4,))

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        obs, info = self.env.reset(**options)
        return self._measured(obs), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        return self._measured(obs), 1e4 * float(reward), terminated, truncated, info

    def _measured(self, obs: Any) -> Any:
        return (5e3 + 1e3 * obs).astype(np.float32)


def steps_balanced(*, observations: bool, rewards: bool, seed: int, directory: Path) -> float:
    """How long greedy episodes of the best policy last, served by numpy."""
    config = (
        PPOConfig()
        .environment(OddUnits)
        .env_runners(num_envs_per_env_runner=8, normalize_rewards=rewards)
        .training(
            lr=1e-3,
            train_batch_size=2048,
            minibatch_size=256,
            num_epochs=6,
            use_kl_loss=False,
            model={"fcnet_hiddens": [64, 64], "normalize_observations": observations},
        )
        .evaluation(evaluation_interval=5, evaluation_duration=20)
        .debugging(seed=seed)
    )
    algorithm = config.build()
    try:
        algorithm.train_until(episode_return_mean=4.95e6, max_env_steps=150_000, checkpoint_dir=directory)
    finally:
        algorithm.stop()
    policy = Policy.from_checkpoint(directory, framework="numpy")
    found: Any = evaluate_policy(policy, OddUnits, episodes=20, seed=FRESH)
    mean: float = found["episode_return_mean"] / 1e4
    print(f"observations {observations}, rewards {rewards}, seed {seed}: {mean:.1f} steps")
    return mean


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_with_both_it_is_balanced(seed: int, tmp_path: Path) -> None:
    assert steps_balanced(observations=True, rewards=True, seed=seed, directory=tmp_path) >= 475.0


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("observations", "rewards"), [(False, True), (True, False)])
def test_with_one_of_them_it_is_not(observations: bool, rewards: bool, seed: int, tmp_path: Path) -> None:
    assert steps_balanced(observations=observations, rewards=rewards, seed=seed, directory=tmp_path) < 300.0
