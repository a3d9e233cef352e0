from __future__ import annotations

from collections.abc import Iterator

import gymnasium as gym
import pytest


@pytest.fixture
def untargeted() -> Iterator[str]:
    """The id of an environment without a reward threshold, for which there is no preset."""
    env_id = "Untargeted-v0"
    gym.register(env_id, "gymnasium.envs.classic_control.pendulum:PendulumEnv", max_episode_steps=20)
    yield env_id
    del gym.registry[env_id]
