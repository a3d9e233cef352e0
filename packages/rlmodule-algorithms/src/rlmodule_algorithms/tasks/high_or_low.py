"""A game in which most actions are illegal, others at every step."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

ACTIONS, LEGAL, STEPS = 50, 5, 20


class HighOrLow(gym.Env[Any, Any]):
    """Take the highest or the lowest of the legal actions, as the observation says.

    Observations: a Dict of "action_mask" `[50]`, where 5 actions are legal, drawn anew for each step, and
    "observations" `[1]`, a number from -1 to 1.

    Actions: 50. An illegal one ends the episode, which otherwise takes 20 steps.

    Reward: 1 for the highest legal action where the number is positive, and for the lowest where it is not. The optimum
    is 20. Legal actions at random give 4, and whoever does not see the number 10 at most.
    """

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Dict(
            {
                "action_mask": gym.spaces.MultiBinary(ACTIONS),
                "observations": gym.spaces.Box(-1.0, 1.0, (1,), np.float32),
            }
        )
        self.action_space = gym.spaces.Discrete(ACTIONS)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        super().reset(seed=seed)
        self._left = STEPS
        return self._next_question(), {}

    def step(self, action: int) -> tuple[dict[str, NDArray[Any]], float, bool, bool, dict[str, Any]]:
        self._left -= 1
        reward, legal = float(action == self._right), bool(self._mask[action])
        return self._next_question(), reward, not legal or self._left == 0, False, {}

    def _next_question(self) -> dict[str, NDArray[Any]]:
        self._mask = np.zeros(ACTIONS, np.int8)
        self._mask[self.np_random.choice(ACTIONS, LEGAL, replace=False, shuffle=False)] = 1
        number = self.np_random.uniform(-1.0, 1.0, size=1).astype(np.float32)
        legal = self._mask.nonzero()[0]
        self._right = int(legal[-1] if number[0] > 0 else legal[0])
        return {"action_mask": self._mask, "observations": number}
