"""An environment that costs nothing: what is measured beside it is the library."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

EPISODE = 200
_KEPT = 64


class DrawnEnv(gym.Env[Any, Any]):
    """Gives the same few observations again and again, drawn once from their space; episodes take 200 steps.

    Actions are held to their space's shape and otherwise ignored; every step pays the sum of a drawn number and 1.
    """

    def __init__(self, observation_space: gym.Space[Any], action_space: gym.Space[Any]) -> None:
        self.observation_space, self.action_space = observation_space, action_space
        self._observations = [_drawn(observation_space, seed) for seed in range(_KEPT)]
        self._rewards = np.random.default_rng(0).normal(1.0, 1.0, _KEPT).tolist()
        self._step = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._step = 0
        return self._observations[0], {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._step += 1
        place = self._step % _KEPT
        return self._observations[place], self._rewards[place], False, self._step == EPISODE, {}


class DrawnMasksEnv(DrawnEnv):
    """The same with masked Discrete actions: observations are a Dict with an "action_mask"."""

    def __init__(self, observation_space: gym.spaces.Dict, action_space: gym.Space[Any]) -> None:
        super().__init__(observation_space, action_space)
        for observation in self._observations:
            # At least one action must be legal.
            observation["action_mask"][0] = 1


class MaskMethodEnv(gym.ObservationWrapper[Any, Any, Any]):
    """The mask by a method in place of a key of the observation, as sb3-contrib asks for it."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.observation_space = env.observation_space["observations"]  # type: ignore[index]
        self._mask = np.ones(0, np.bool_)

    def observation(self, observation: Any) -> Any:
        self._mask = observation["action_mask"].astype(np.bool_)
        return observation["observations"]

    def action_masks(self) -> Any:
        """The legal actions of the last observation, `[A]`."""
        return self._mask


def _drawn(space: gym.Space[Any], seed: int) -> Any:
    space.seed(seed)
    return space.sample()
