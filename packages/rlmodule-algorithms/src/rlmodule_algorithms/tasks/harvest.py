"""A game on a grid of a few channels, such as MinAtar's."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

SIZE, FRUITS, REACH = 10, 20, 3
PADDLE, FRUIT, BOMB = range(3)
_EVERY = 2
"""Steps from one object to the next: a fruit, a bomb, a fruit ..."""


class Harvest(gym.Env[Any, Any]):
    """Catch falling fruits, and let the bombs between them fall past.

    Observations: `[10, 10, 3]` of 0 and 1: where the paddle is (in the last row), the fruits and the bombs.

    Actions: 0 left, 1 stay, 2 right (not beyond the border). Then everything falls by one row. Every second step
    a fruit or, in turn, a bomb begins in the first row.

    Reward: 1 for a fruit that falls onto the paddle. A bomb that does ends the episode, which otherwise ends with the
    last of 20 fruits. The optimum is 20: each fruit falls within 3 columns of the one before, 4 steps later, so at
    least two columns lie on the way when the bomb between them comes down. Random actions give about 0.9.
    """

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(0, 1, (SIZE, SIZE, 3), np.uint8)
        self.action_space = gym.spaces.Discrete(3)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        super().reset(seed=seed)
        self._grid = np.zeros((SIZE, SIZE, 3), np.uint8)
        self._steps, self._fallen = 0, 0
        self._fruit, self._paddle = self.np_random.integers(SIZE, size=2).tolist()
        self._grid[0, self._fruit, FRUIT] = self._grid[-1, self._paddle, PADDLE] = 1
        return self._grid.copy(), {}

    def step(self, action: int) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        self._grid[-1, self._paddle, PADDLE] = 0
        self._paddle = min(max(self._paddle + int(action) - 1, 0), SIZE - 1)
        self._grid[1:, :, FRUIT:] = self._grid[:-1, :, FRUIT:]
        self._grid[0] = 0
        self._begin_next()
        self._grid[-1, self._paddle, PADDLE] = 1
        self._fallen += int(self._grid[-1, :, FRUIT].any())
        _, fruit, bomb = self._grid[-1, self._paddle].tolist()
        return self._grid.copy(), float(fruit), bool(bomb) or self._fallen == FRUITS, False, {}

    def _begin_next(self) -> None:
        self._steps += 1
        if self._steps % _EVERY:
            return
        if self._steps // _EVERY % 2:
            self._grid[0, self.np_random.integers(SIZE), BOMB] = 1
        else:
            low, high = max(self._fruit - REACH, 0), min(self._fruit + REACH, SIZE - 1)
            self._fruit = int(self.np_random.integers(low, high, endpoint=True))
            self._grid[0, self._fruit, FRUIT] = 1
