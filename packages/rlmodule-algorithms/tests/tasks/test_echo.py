from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_algorithms.tasks.echo import Echo

# Choices are right in one of so many cases; with a number, see the docstring.
CASES = pytest.mark.parametrize(
    ("name", "choices", "number"), [("MultiDiscrete", 60, False), ("Tuple", 4, True), ("Dict", 3 * 2 * 2, True)]
)


def env_id(name: str) -> str:
    return f"rlmodule/Echo{name}-v0"


def blind(actions: Any) -> Any:
    """The answer of someone who sees nothing: the middle of a number."""
    match actions:
        case dict():
            return {key: blind(part) for key, part in actions.items()}
        case tuple():
            return tuple(map(blind, actions))
        case _:
            return np.zeros_like(actions)


@CASES
def test_to_repeat_the_question_gives_10(name: str, choices: int, number: bool, returns: Any) -> None:
    assert returns(env_id(name), lambda obs: obs, 20).tolist() == [10.0] * 20


@CASES
def test_random_answers_give_what_the_arithmetic_says(
    name: str, choices: int, number: bool, returns: Any, agrees: Any
) -> None:
    space = gym.make(env_id(name)).action_space
    space.seed(0)
    expected = 10 / choices * (11 / 48 if number else 1)
    assert agrees(returns(env_id(name), lambda obs: space.sample(), 2000), expected)


@CASES
def test_the_best_blind_answer_gives_what_the_arithmetic_says(
    name: str, choices: int, number: bool, returns: Any, agrees: Any
) -> None:
    expected = 10 / choices * (1 / 4 if number else 1)
    assert agrees(returns(env_id(name), blind, 2000), expected)


def test_no_part_of_the_action_may_be_wrong() -> None:
    env = Echo("dict")

    def reward(**wrong: Any) -> float:
        obs, _ = env.reset(seed=3)
        panel = {**obs["panel"], **{key: value for key, value in wrong.items() if key != "choice"}}
        return env.step({"choice": wrong.get("choice", obs["choice"]), "panel": panel})[1]

    question, _ = env.reset(seed=3)
    number = question["panel"]["number"]
    assert reward() == 1.0
    assert reward(choice=(question["choice"] + 1) % 3) == 0.0
    assert reward(switches=np.array([1, 0], np.int8) ^ question["panel"]["switches"]) == 0.0
    assert reward(number=number - 0.125) == pytest.approx(0.75)
    assert reward(number=number - 0.5) == 0.0


def test_other_actions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must be one of multi-discrete, tuple, dict, got 'graph'"):
        Echo("graph")
