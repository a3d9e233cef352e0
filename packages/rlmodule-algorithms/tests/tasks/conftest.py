from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

Returns = Callable[..., np.ndarray[Any, Any]]


@pytest.fixture(scope="session")
def returns() -> Returns:
    """The returns in a task, by its id, of episodes with the seeds 0, 1, 2 ... whose actions a function chooses."""

    def play(env_id: str, act: Callable[[Any], Any], episodes: int) -> np.ndarray[Any, Any]:
        env = gym.make(env_id)
        return np.array([_play(env, act, seed) for seed in range(episodes)])

    return play


def _play(env: gym.Env[Any, Any], act: Callable[[Any], Any], seed: int) -> float:
    obs, _ = env.reset(seed=seed)
    total, over = 0.0, False
    while not over:
        obs, reward, terminated, truncated, _ = env.step(act(obs))
        total += float(reward)
        over = terminated or truncated
    return total


@pytest.fixture(scope="session")
def agrees() -> Callable[[np.ndarray[Any, Any], float], bool]:
    """Whether the mean of a sample is the expected one within four standard errors."""

    def within(sample: np.ndarray[Any, Any], expected: float) -> bool:
        error = sample.std() / np.sqrt(len(sample))
        # A wide sample would agree with anything.
        return bool(error < 0.1 * abs(expected) and abs(sample.mean() - expected) < 4 * error)

    return within
