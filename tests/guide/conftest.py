from __future__ import annotations

import pytest

from rlmodule_algorithms import PPOConfig


@pytest.fixture
def config() -> PPOConfig:
    """PPO on CartPole with iterations of a split second."""
    return (
        PPOConfig()
        .environment("CartPole-v1")
        .env_runners(num_envs_per_env_runner=2)
        .training(train_batch_size=64, minibatch_size=32, num_epochs=1)
        .debugging(seed=0)
    )
