from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv
from hypothesis import given
from hypothesis import strategies as st

from rlmodule_algorithms.sampling.lockstep import LockstepVectorEnv

SCRIPTS = ([(2, "terminated"), (3, "truncated")], [(4, "truncated")])


@given(actions=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=12))
def test_it_steps_and_resets_as_gymnasiums_does(scripted: Any, actions: Any) -> None:
    factories = [lambda script=script: scripted(script) for script in SCRIPTS]
    ours, theirs = LockstepVectorEnv(factories), SyncVectorEnv(factories, autoreset_mode="Disabled")
    assert np.array_equal(ours.reset(seed=3)[0], theirs.reset(seed=3)[0])
    for pair in actions:
        results = [env.step(np.array(pair)) for env in (ours, theirs)]
        assert all(np.array_equal(found, expected) for found, expected in zip(*(r[:4] for r in results), strict=True))
        done = results[0][2] | results[0][3]
        if done.any():
            resets = [env.reset(options={"reset_mask": done.copy()})[0] for env in (ours, theirs)]
            assert np.array_equal(*resets)
    assert [env.actions for env in ours.envs] == [env.actions for env in theirs.envs]


@pytest.fixture
def options(scripted: Any) -> tuple[Any, list[Any]]:
    """A vector environment, and the options that its environments were reset with."""
    given_options: list[Any] = []

    class Noting(scripted):
        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            given_options.append((seed, options))
            return super().reset(seed=seed)

    return LockstepVectorEnv([lambda: Noting(SCRIPTS[0])] * 2), given_options


def test_every_reset_of_an_environment_gets_the_same_options(options: Any) -> None:
    env, found = options
    env.reset(seed=7)
    env.reset(options={"reset_mask": np.array([False, True])})
    assert found == [(7, None), (8, None), (None, None)]


def test_options_beside_the_mask_are_handed_on_and_the_callers_dict_is_left_alone(options: Any) -> None:
    env, found = options
    given_options = {"reset_mask": np.array([True, False]), "level": 3}
    env.reset(seed=[1, 2], options=given_options)
    assert found == [(1, {"level": 3})]
    assert given_options.keys() == {"reset_mask", "level"}
