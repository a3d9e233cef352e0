from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rlmodule_algorithms import Algorithm, PPOConfig


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


@pytest.fixture
def build() -> Iterator[Callable[[Any], Algorithm]]:
    """Builds algorithms, and closes their environments afterwards."""
    built: list[Algorithm] = []

    def make(config: Any) -> Algorithm:
        built.append(config.build())
        return built[-1]

    yield make
    for algorithm in built:
        algorithm.stop()
