"""A cue to keep in mind."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

CUES, STEPS = 4, 20


class Recall(gym.Env[Any, Any]):
    """Answer at the last step with the cue of the first.

    Observations: 1 to 4, the cue, at the first of 20 steps; 5 at the last, which asks for it; 0 at the others.

    Actions: 4, the cues. Only the last one counts.

    Reward: 1 for the right answer, which is the optimum. Whoever does not remember gives one of 4 right answers.
    """

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Discrete(CUES + 2)
        self.action_space = gym.spaces.Discrete(CUES)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.int64, dict[str, Any]]:
        super().reset(seed=seed)
        self._left = STEPS
        self._cue = self.np_random.integers(CUES)
        return self._cue + 1, {}

    def step(self, action: int) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        self._left -= 1
        over = self._left == 0
        obs = np.int64(CUES + 1 if self._left == 1 else 0)
        return obs, float(over and action == self._cue), over, False, {}
