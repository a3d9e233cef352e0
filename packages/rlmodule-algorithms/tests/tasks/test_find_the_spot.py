from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_algorithms.tasks.find_the_spot import FindTheSpot

ID = "rlmodule/FindTheSpot-v0"
UP, DOWN, LEFT, RIGHT, HERE = range(5)


def places(obs: Any) -> tuple[list[int], list[int]]:
    """Where the agent and the spot are, read from the observation alone."""
    agent = np.rint((obs["position"] + 1) * 2).astype(int).tolist()
    return agent, np.argwhere(obs["image"][..., 0] == 255)[0].tolist()


def straight(obs: Any) -> int:
    (row, column), (goal_row, goal_column) = places(obs)
    if row != goal_row:
        return DOWN if row < goal_row else UP
    if column != goal_column:
        return RIGHT if column < goal_column else LEFT
    return HERE


def test_who_reads_both_parts_is_always_right(returns: Any) -> None:
    assert returns(ID, straight, 100).tolist() == [10.0] * 100


def test_random_actions_are_right_as_often_as_they_end_in_time_and_by_chance(returns: Any, agrees: Any) -> None:
    rng = np.random.default_rng(0)
    # Moves keep the agent uniformly distributed, so "here" is right in 1 of 25 cases wherever it is said.
    assert agrees(returns(ID, lambda obs: rng.integers(5), 4000), 10 * (1 - 0.8**20) / 25)


def test_without_the_image_one_in_twenty_five_is_right(returns: Any, agrees: Any) -> None:
    def to_the_middle(obs: Any) -> int:
        return straight({**obs, "image": np.pad([[[255]]], ((2, 2), (2, 2), (0, 0)))})

    assert agrees(returns(ID, to_the_middle, 4000), 10 / 25)


def test_saying_nothing_is_cut_after_20_steps() -> None:
    env = gym.make(ID)
    env.reset(seed=0)
    ends = [env.step(UP)[2:4] for _ in range(20)]
    assert ends == [(False, False)] * 19 + [(False, True)]


@given(seed=st.integers(0, 1000), moves=st.lists(st.integers(UP, RIGHT), max_size=15))
def test_the_vector_follows_the_moves_within_the_grid_and_the_image_stays(seed: int, moves: list[int]) -> None:
    env = FindTheSpot()
    first, _ = env.reset(seed=seed)
    (row, column), spot = places(first)
    obs: Any = first
    for move in moves:
        obs, reward, terminated, *_ = env.step(move)
        assert (reward, terminated) == (0.0, False)
        row = max(row - 1, 0) if move == UP else min(row + 1, 4) if move == DOWN else row
        column = max(column - 1, 0) if move == LEFT else min(column + 1, 4) if move == RIGHT else column
    assert places(obs) == ([row, column], spot)
    assert np.count_nonzero(obs["image"]) == 1
