"""Single environments that step together, one after the other in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector.utils import iterate
from numpy.typing import NDArray

from rlmodule_algorithms.sampling.env_values import flag_value, reward_value
from rlmodule_algorithms.sampling.observation_form import ObservationForm

Array = NDArray[Any]


class LockstepVectorEnv(gym.vector.SyncVectorEnv):  # not generic in Gymnasium 1.1
    """Gymnasium's SyncVectorEnv for a caller that resets, and that asks which environment failed.

    Observations are written into one array `[B, ...]`, or one for each leaf of a nested space, which the next call
    writes again, as the caller copies them anyway. The infos of single environments are dropped.

    Attributes:
        calling: the number of the environment in whose `reset` or `step` we are; None between two calls.
    """

    def __init__(self, factories: Sequence[Callable[[], gym.Env[Any, Any]]]) -> None:
        # SAME_STEP would overwrite the observation that an episode ended with where an environment writes all of
        # them into one array, and NEXT_STEP spends a row on every reset.
        super().__init__(factories, copy=False, autoreset_mode=gym.vector.AutoresetMode.DISABLED)
        self.calling: int | None = None
        self._form = ObservationForm(self.single_observation_space)
        self._stored = self._form.arrays("observations", self._observations, (self.num_envs,))

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Reset all environments, or those that `options["reset_mask"]` `[B]` selects.

        The single environments get the other options: None, as at the first reset, where the mask is the only one.
        """
        others = {} if options is None else dict(options)
        mask = others.pop("reset_mask", np.ones(self.num_envs, np.bool_))
        seeds = seed if isinstance(seed, list) else [None if seed is None else seed + i for i in range(self.num_envs)]
        for i in np.flatnonzero(mask).tolist():
            self.calling = i
            obs, _ = self.envs[i].reset(seed=seeds[i], options=others if others else None)
            self._store(i, obs)
        self.calling = None
        return self._observations, {}

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Step every environment with its action; one that has ended must have been reset."""
        for i, (env, action) in enumerate(zip(self.envs, iterate(self.action_space, actions), strict=True)):
            self.calling = i
            obs, reward, terminated, truncated, _ = env.step(action)
            self._rewards[i] = reward_value(reward)
            self._terminations[i] = flag_value("terminated", terminated)
            self._truncations[i] = flag_value("truncated", truncated)
            self._store(i, obs)
        self.calling = None
        return self._observations, self._rewards.copy(), self._terminations.copy(), self._truncations.copy(), {}

    def _store(self, i: int, obs: Any) -> None:
        for stored, array in zip(self._stored, self._form.arrays("an observation", obs, ()), strict=True):
            stored[i] = array
