"""A walk to a place that only an image shows."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

SIZE = 5
HERE = 4
_MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))


class FindTheSpot(gym.Env[Any, Any]):
    """Walk to the spot that an image shows, and say "here".

    Observations: a Dict of "image" `[5, 5, 1]` of uint8, black but for a white spot, and "position" `[2]`, the agent's
    row and column from -1 to 1. The image does not show the agent, nor the vector the spot: one without the other is
    worth nothing.

    Actions: 0 up, 1 down, 2 left, 3 right (not beyond the border), 4 "here", which ends the episode.

    Reward: 10 for "here" on the spot. The optimum is 10. Agent and spot begin anywhere, independent of each other, so
    that whoever does not see the image is right in 1 of 25 episodes at most.
    """

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Dict(
            {
                "image": gym.spaces.Box(0, 255, (SIZE, SIZE, 1), np.uint8),
                "position": gym.spaces.Box(-1.0, 1.0, (2,), np.float32),
            }
        )
        self.action_space = gym.spaces.Discrete(len(_MOVES) + 1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        super().reset(seed=seed)
        places = self.np_random.integers(SIZE, size=4).tolist()
        self._position, self._spot = (places[0], places[1]), (places[2], places[3])
        return self._observed(), {}

    def step(self, action: int) -> tuple[dict[str, NDArray[Any]], float, bool, bool, dict[str, Any]]:
        if action == HERE:
            return self._observed(), 10.0 * (self._position == self._spot), True, False, {}
        down, right = _MOVES[action]
        row, column = self._position
        self._position = min(max(row + down, 0), SIZE - 1), min(max(column + right, 0), SIZE - 1)
        return self._observed(), 0.0, False, False, {}

    def _observed(self) -> dict[str, NDArray[Any]]:
        image = np.zeros((SIZE, SIZE, 1), np.uint8)
        image[self._spot] = 255
        middle = (SIZE - 1) / 2
        return {"image": image, "position": np.array(self._position, np.float32) / np.float32(middle) - np.float32(1)}
