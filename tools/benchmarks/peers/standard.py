"""The setting that all libraries train with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym


@dataclass(frozen=True)
class Standard:
    """PPO on CartPole-v1, small: two tanh networks of 64-64, Adam, unclipped squared value error."""

    env_id: str = "CartPole-v1"
    num_envs: int = 8
    steps: int = 128
    epochs: int = 4
    minibatch: int = 256
    hidden: tuple[int, ...] = (64, 64)
    lr: float = 2.5e-4
    adam_eps: float = 1e-5
    gamma: float = 0.99
    lambda_: float = 0.95
    clip: float = 0.2
    value_coeff: float = 0.5
    entropy_coeff: float = 0.01
    grad_norm: float = 0.5

    @property
    def rows(self) -> int:
        """Of one iteration."""
        return self.num_envs * self.steps


STANDARD = Standard()


def plain_env() -> gym.Env[Any, Any]:
    """One environment of the standard setting."""
    return gym.make(STANDARD.env_id)
