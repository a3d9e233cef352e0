"""A single environment of a vector environment that somebody else made."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_algorithms.sampling.env_values import flag_value, reward_value
from rlmodule_algorithms.sampling.observation_form import ObservationForm


class WatchedEnv(gym.Wrapper[Any, Any, Any, Any]):
    """Gives observations of its own and only what it may return: a SyncVectorEnv keeps references to them.

    Attributes:
        calling: we are in its `reset` or `step`, or it failed there.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.calling = False
        self._form = ObservationForm(env.observation_space)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.calling = True
        obs, info = self.env.reset(seed=seed, options=options)
        own = self._own(obs)
        self.calling = False
        return own, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.calling = True
        obs, reward, terminated, truncated, info = self.env.step(action)
        result = (
            self._own(obs),
            reward_value(reward),
            flag_value("terminated", terminated),
            flag_value("truncated", truncated),
            info,
        )
        self.calling = False
        return result

    def _own(self, obs: Any) -> Any:
        found = zip(self._form.arrays("an observation", obs, ()), self._form.leaves, strict=True)
        return self._form.as_given([np.array(array, leaf.dtype) for array, leaf in found])
