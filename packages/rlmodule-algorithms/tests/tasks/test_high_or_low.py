from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_algorithms.tasks.high_or_low import HighOrLow

ID = "rlmodule/HighOrLow-v0"


def right(obs: Any) -> int:
    legal = np.flatnonzero(obs["action_mask"])
    return int(legal.max() if obs["observations"][0] > 0 else legal.min())


def test_who_sees_mask_and_number_gets_20(returns: Any) -> None:
    assert returns(ID, right, 50).tolist() == [20.0] * 50


def test_legal_actions_at_random_give_4(returns: Any, agrees: Any) -> None:
    rng = np.random.default_rng(0)
    assert agrees(returns(ID, lambda obs: rng.choice(np.flatnonzero(obs["action_mask"])), 500), 20 / 5)


def test_without_the_number_half_is_right(returns: Any, agrees: Any) -> None:
    assert agrees(returns(ID, lambda obs: int(np.flatnonzero(obs["action_mask"]).max()), 300), 10.0)


def test_without_the_mask_an_episode_is_soon_over(returns: Any, agrees: Any) -> None:
    rng = np.random.default_rng(0)
    # One in 50 actions is right, and 5 in 50 let the episode go on.
    expected = sum((5 / 50) ** step / 50 for step in range(20))
    assert agrees(returns(ID, lambda obs: rng.integers(50), 20_000), expected)


@given(seed=st.integers(0, 1000), action=st.integers(0, 49))
def test_illegal_actions_end_the_episode_and_legal_ones_go_on(seed: int, action: int) -> None:
    env = HighOrLow()
    obs, _ = env.reset(seed=seed)
    assert obs["action_mask"].sum() == 5
    following, reward, terminated, truncated, _ = env.step(action)
    assert terminated == (obs["action_mask"][action] == 0)
    assert reward == float(action == right(obs))
    assert not truncated
    assert (following["action_mask"].tolist(), *following["observations"]) != (
        obs["action_mask"].tolist(),
        *obs["observations"],
    )
