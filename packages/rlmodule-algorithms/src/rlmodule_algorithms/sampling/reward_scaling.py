"""Bring rewards of any size near 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlmodule_algorithms.normalising.moments import Array, Moments
from rlmodule_algorithms.sampling.rollout import Rollout

_EPS = 1e-8
_CLIP = 10.0


class RewardScaling:
    """Divides rewards by the standard deviation that the discounted returns so far have had, and clips them at 10.

    Engstrom et al. 2020, https://arxiv.org/abs/2005.12729. The return of a step is what its episode has given up to
    then, where a reward counts less the longer it is ago. All rewards of a rollout are divided by one number, in which
    the rollout's own returns are counted.

    Args:
        num_envs: B.
        gamma: the discount.
    """

    def __init__(self, num_envs: int, gamma: float) -> None:
        self._gamma = gamma
        self._moments = Moments.of(np.zeros(0))
        self._running = np.zeros(num_envs)

    def restart(self) -> None:
        """Forget the episodes in progress: all environments begin new ones."""
        self._running = np.zeros_like(self._running)

    def scale(self, rollout: Rollout) -> None:
        """Scale the rewards of a rollout; rows that only reset an environment count for nothing."""
        self._moments = self._moments.merged(Moments.of(self._returns(rollout)))
        deviation = np.sqrt(self._moments.variance + _EPS)
        rollout.unscaled = rollout.rewards
        rollout.rewards = np.clip(rollout.rewards / deviation, -_CLIP, _CLIP).astype(np.float32)

    def _returns(self, rollout: Rollout) -> Array:
        rewards = np.where(rollout.valid, rollout.rewards, 0.0)
        goes_on = ~(rollout.terminateds | rollout.truncateds)
        returns = np.empty_like(rewards)
        for t in range(len(rewards)):
            returns[t] = self._gamma * self._running + rewards[t]
            self._running = returns[t] * goes_on[t]
        return returns[rollout.valid]

    def get_state(self) -> dict[str, float]:
        """What must be stored to go on exactly when all environments begin new episodes: JSON-able."""
        moments = self._moments
        return {"count": moments.count, "mean": float(moments.mean), "variance": float(moments.variance)}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` gave."""
        mean, variance = (np.asarray(float(state[name])) for name in ("mean", "variance"))
        self._moments = Moments(float(state["count"]), mean, variance)
