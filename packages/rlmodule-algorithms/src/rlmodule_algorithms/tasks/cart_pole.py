"""A pole to balance by what was seen before."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.envs.classic_control import CartPoleEnv
from gymnasium.spaces import Box
from numpy.typing import NDArray

_POSITIONS = [0, 2]


class CartPoleWithoutVelocities(CartPoleEnv):
    """Gymnasium's CartPole, of which only the positions are seen.

    Observations: the position of the cart and the angle of the pole, `[2]`. How fast they change must be remembered.

    Actions and reward: as CartPole-v1's. The optimum is 500.
    """

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__(render_mode=render_mode)
        whole: Any = self.observation_space
        self.observation_space = Box(whole.low[_POSITIONS], whole.high[_POSITIONS], dtype=np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        obs, info = super().reset(seed=seed, options=options)
        return obs[_POSITIONS], info

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        obs, reward, *ends, info = super().step(action)  # type: ignore[no-untyped-call]
        return obs[_POSITIONS], float(reward), *ends, info
