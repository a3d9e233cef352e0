"""A question for each part of a composed action."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple

STEPS = 10


class Echo(gym.Env[Any, Any]):
    """Answer with what is asked, in every part of the action at once.

    Observations: a value of the action space, drawn anew for each step; an episode takes 10.

    Actions: by `actions`, "multi-discrete": 3, 4 and 5 choices; "tuple": 4 choices and a number; "dict": 3 choices and,
    one Dict deeper, two switches and a number. Numbers go from -1 to 1.

    Reward: the product of what the parts give: 1 for the same choice or switches, else 0; for a number at the distance
    d of the one asked for, 1 - 2 d, but at least 0. The optimum is 10. At random, 1 of 60, 4 or 12
    answers has the right choices and switches, and a number gives 11/48 in the mean; the best answer of someone blind,
    0, gives 1/4.

    Raises:
        ValueError: there are no such `actions`.
    """

    def __init__(self, actions: str) -> None:
        if actions not in _SPACES:
            raise ValueError(f"Echo's actions must be one of {', '.join(_SPACES)}, got {actions!r}.")
        self.observation_space: gym.Space[Any] = _SPACES[actions]()
        self.action_space: gym.Space[Any] = _SPACES[actions]()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._left = STEPS
        self._question = _drawn(self.observation_space, self.np_random)
        return self._question, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        reward = _likeness(self.action_space, action, self._question)
        self._left -= 1
        self._question = _drawn(self.observation_space, self.np_random)
        return self._question, reward, self._left == 0, False, {}


def _drawn(space: gym.Space[Any], rng: np.random.Generator) -> Any:
    """A value of the space, by the generator of the environment."""
    match space:
        case Dict():
            return {key: _drawn(part, rng) for key, part in space.spaces.items()}
        case Tuple():
            return tuple(_drawn(part, rng) for part in space.spaces)
        case Box():
            return rng.uniform(-1.0, 1.0, space.shape).astype(np.float32)
        case MultiDiscrete():
            return rng.integers(space.nvec)
        case MultiBinary():
            return rng.integers(2, size=space.shape, dtype=np.int8)
        case Discrete():
            return rng.integers(space.n)


def _likeness(space: gym.Space[Any], answer: Any, question: Any) -> float:
    """How much of the reward a part of the action leaves, from 0 to 1."""
    match space:
        case Dict():
            return math.prod(_likeness(part, answer[key], question[key]) for key, part in space.spaces.items())
        case Tuple():
            return math.prod(map(_likeness, space.spaces, answer, question))
        case Box():
            return float(np.prod(np.maximum(0.0, 1.0 - 2.0 * np.abs(answer - question))))
        case _:
            return float(np.array_equal(answer, question))


def _number() -> Box:
    return Box(-1.0, 1.0, (1,), np.float32)


_SPACES: dict[str, Callable[[], gym.Space[Any]]] = {
    "multi-discrete": lambda: MultiDiscrete([3, 4, 5]),
    "tuple": lambda: Tuple((Discrete(4), _number())),
    "dict": lambda: Dict({"choice": Discrete(3), "panel": Dict({"switches": MultiBinary(2), "number": _number()})}),
}
