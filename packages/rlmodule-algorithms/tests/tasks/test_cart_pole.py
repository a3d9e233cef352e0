from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

ID = "rlmodule/CartPoleWithoutVelocities-v0"


def balance(position: float, angle: float, slide: float, turn: float) -> int:
    return int(angle + 0.5 * turn + 0.1 * position + 0.1 * slide > 0)


@given(seed=st.integers(0, 1000))
def test_it_is_cart_pole_but_for_the_velocities(seed: int) -> None:
    env, whole = gym.make(ID), gym.make("CartPole-v1")
    assert (env.action_space, env.spec.max_episode_steps) == (whole.action_space, whole.spec.max_episode_steps)
    (obs, _), (expected, _) = env.reset(seed=seed), whole.reset(seed=seed)
    rng, over = np.random.default_rng(seed), False
    while not over:
        assert obs.tolist() == expected[::2].tolist()
        action = int(rng.integers(2))
        obs, *found, _ = env.step(action)
        expected, *wanted, _ = whole.step(action)
        assert found == wanted
        over = found[1] or found[2]


def test_who_remembers_the_last_positions_balances_to_the_end(returns: Any) -> None:
    before: list[Any] = []

    def act(obs: Any) -> int:
        # A step takes a fiftieth of a second; another episode begins with a jump, which is no speed.
        speeds = 50.0 * (obs - before[-1]) if before and abs(obs - before[-1]).max() < 0.1 else np.zeros(2)
        before.append(obs)
        return balance(obs[0], obs[1], *speeds)

    assert returns(ID, act, 20).min() == 500.0


def test_who_sees_the_positions_alone_does_not(returns: Any) -> None:
    assert returns(ID, lambda obs: balance(*obs, 0.0, 0.0), 50).mean() < 100.0
