"""Something that moves, of which only the place is seen."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete
from numpy.typing import NDArray

ANSWERS = 20


class Orbit(gym.Env[Any, Any]):
    """Say how something moves on a circle.

    Observations: cosine and sine of where it is, `[2]`. It starts anywhere and moves by one angle at each step, up to 1
    radian to either side, drawn anew for each episode. That takes 21 steps.

    Actions: a Dict of "direction", 1 where the angle grows and 0 where it shrinks, and "speed" `[1]`, by how much.

    Reward: from the second step on, 0 for the wrong direction, else 1 - 2 d, but at least 0, where the speed is off by
    d. The optimum is 20. The best that can be done without memory, 0.5 as the speed, gives 5 in the mean, and answers
    at random 25/6.
    """

    def __init__(self) -> None:
        self.observation_space = Box(-1.0, 1.0, (2,), np.float32)
        self.action_space = Dict(direction=Discrete(2), speed=Box(0.0, 1.0, (1,), np.float32))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        self._answered = -1
        self._angle = self.np_random.uniform(0.0, 2.0 * math.pi)
        self._velocity = self.np_random.uniform(-1.0, 1.0)
        return self._place(), {}

    def step(self, action: dict[str, Any]) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        self._answered += 1
        reward = self._rewarded(action) if self._answered else 0.0
        self._angle += self._velocity
        return self._place(), reward, self._answered == ANSWERS, False, {}

    def _rewarded(self, action: dict[str, Any]) -> float:
        if int(action["direction"]) != int(self._velocity > 0.0):
            return 0.0
        return max(0.0, 1.0 - 2.0 * abs(float(action["speed"][0]) - abs(self._velocity)))

    def _place(self) -> NDArray[np.float32]:
        return np.array([math.cos(self._angle), math.sin(self._angle)], np.float32)
