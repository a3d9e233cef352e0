from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_algorithms.tasks.harvest import BOMB, FRUIT, PADDLE, Harvest

ID = "rlmodule/Harvest-v0"


def planned(obs: Any) -> int:
    """The first step of a best way of the paddle through what is to be seen."""
    worth = obs[:-1, :, FRUIT] - 100.0 * obs[:-1, :, BOMB]
    best = np.zeros(10)
    # The first row comes down last.
    for row in worth:
        best = row + reachable(best).max(axis=0)
    return int(reachable(best)[:, obs[-1, :, PADDLE].argmax()].argmax())


def reachable(best: Any) -> Any:
    """`[3, 10]`: what is best after a step to the left, none, and one to the right, from each column."""
    return np.stack([np.r_[best[0], best[:-1]], best, np.r_[best[1:], best[-1]]])


def test_who_plans_ahead_catches_every_fruit_and_no_bomb(returns: Any) -> None:
    assert returns(ID, planned, 40).tolist() == [20.0] * 40


def test_random_actions_catch_about_one_fruit(returns: Any, agrees: Any) -> None:
    rng = np.random.default_rng(0)
    assert agrees(returns(ID, lambda obs: rng.integers(3), 2000), 0.88)


@given(seed=st.integers(0, 1000), actions=st.lists(st.integers(0, 2), max_size=40))
def test_everything_falls_by_a_row_and_the_paddle_alone_decides(seed: int, actions: list[int]) -> None:
    env = Harvest()
    obs, _ = env.reset(seed=seed)
    for action in actions:
        paddle = int(np.clip(obs[-1, :, PADDLE].argmax() + action - 1, 0, 9))
        landing = obs[-2, paddle]
        following, reward, terminated, truncated, _ = env.step(action)
        assert following[:, :, PADDLE].sum() == 1
        assert following[-1, paddle, PADDLE] == 1
        assert (following[1:, :, FRUIT:] == obs[:-1, :, FRUIT:]).all()
        assert (reward, terminated, truncated) == (landing[FRUIT], bool(landing[BOMB]), False)
        if terminated:
            break
        obs = following


def test_fruits_begin_every_fourth_step_within_reach_of_the_one_before_with_a_bomb_between() -> None:
    env = Harvest()
    for seed in range(20):
        obs, _ = env.reset(seed=seed)
        begun = [obs[0]]
        over = False
        while not over:
            obs, _, over, *_ = env.step(planned(obs))
            begun.append(obs[0])
        rows = np.array(begun)
        assert rows[:, :, FRUIT].sum(axis=1).tolist() == [int(step % 4 == 0) for step in range(len(rows))]
        assert rows[:, :, BOMB].sum(axis=1).tolist() == [int(step % 4 == 2) for step in range(len(rows))]
        columns = rows[::4, :, FRUIT].argmax(axis=1)
        assert np.abs(np.diff(columns)).max() <= 3
