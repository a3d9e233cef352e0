from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_algorithms.tasks.orbit import Orbit

ID = "rlmodule/Orbit-v0"


def answer(velocity: float) -> dict[str, Any]:
    return {"direction": int(velocity > 0), "speed": np.array([abs(velocity)], np.float32)}


def remembering() -> Callable[[Any], Any]:
    before: list[float] = []

    def act(obs: Any) -> Any:
        angle = math.atan2(obs[1], obs[0])
        before.append(angle)
        return answer(math.remainder(angle - before[-2], 2 * math.pi) if len(before) > 1 else 0.0)

    return act


def test_who_remembers_the_last_place_gets_20(returns: Any) -> None:
    assert returns(ID, remembering(), 50) == pytest.approx([20.0] * 50, abs=1e-3)


def test_answers_at_random_give_what_the_arithmetic_says(returns: Any, agrees: Any) -> None:
    space = gym.make(ID).action_space
    space.seed(0)
    assert agrees(returns(ID, lambda obs: space.sample(), 1000), 25 / 6)


def test_the_best_answer_without_memory_gives_5(returns: Any, agrees: Any) -> None:
    assert agrees(returns(ID, lambda obs: answer(0.5), 2000), 5.0)


def test_a_place_tells_nothing_of_the_velocity_and_two_tell_it() -> None:
    env = Orbit()
    first, _ = env.reset(seed=4)
    assert np.hypot(*first) == pytest.approx(1.0)
    second, reward, *_ = env.step(answer(0.3))
    assert reward == 0.0, "the first answer does not count"
    act = remembering()
    act(first)
    right = act(second)
    wrong = {**right, "direction": 1 - right["direction"]}
    off = {**right, "speed": right["speed"] + 0.2}
    assert [env.step(each)[1] for each in (right, wrong, off)] == pytest.approx([1.0, 0.0, 0.6], abs=1e-3)
