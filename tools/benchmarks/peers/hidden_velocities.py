"""CartPole of which only the positions are seen: a task that needs memory, and how all libraries train on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np
from peers.standard import STANDARD, Standard


@dataclass(frozen=True)
class Recurrent:
    """PPO with a tanh layer and an LSTM behind it, for actor and critic each.

    Attributes:
        setting: of PPO.
        cell_size: of each LSTM.
        hidden: the width of the layer before it.
    """

    setting: Standard
    cell_size: int = 64
    hidden: int = 64


RECURRENT = Recurrent(replace(STANDARD, lr=1e-3, gamma=0.98, value_coeff=0.02, entropy_coeff=0.0))


class HiddenVelocities(gym.ObservationWrapper):  # type: ignore[type-arg]
    """Leaves the cart's and the pole's velocity out of the observations."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.observation_space = gym.spaces.Box(-5.0, 5.0, (2,), np.float32)

    def observation(self, observation: Any) -> Any:
        return observation[::2]


def hidden_velocities() -> gym.Env[Any, Any]:
    """One environment."""
    return HiddenVelocities(gym.make("CartPole-v1"))
