"""What holds for each of the tasks."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence
from hypothesis import given, settings
from hypothesis import strategies as st

from rlmodule_algorithms.tasks import TASKS

EVERY = pytest.mark.parametrize("env_id", TASKS)


def transitions(env: Any, seed: int, actions: list[Any]) -> list[Any]:
    found: list[Any] = [env.reset(seed=seed)]
    for action in actions:
        found.append(env.step(action))
        assert env.observation_space.contains(found[-1][0])
        if found[-1][2] or found[-1][3]:
            found.append(env.reset())
    return found


def sampled(env: Any, seed: int, steps: int) -> list[Any]:
    env.action_space.seed(seed)
    return [env.action_space.sample() for _ in range(steps)]


def test_every_id_is_registered_once() -> None:
    registered = [env_id for env_id in gym.registry if env_id.startswith("rlmodule/")]
    assert sorted(registered) == sorted(TASKS)


@EVERY
def test_the_check_of_gymnasium_passes(env_id: str) -> None:
    check_env(gym.make(env_id).unwrapped, skip_render_check=True)


@EVERY
@settings(max_examples=5)
@given(seed=st.integers(0, 2**31))
def test_a_seed_gives_the_same_episodes_again_whatever_was_sampled_from_the_spaces(env_id: str, seed: int) -> None:
    env, other = gym.make(env_id), gym.make(env_id)
    actions = sampled(env, seed, 40)
    found = transitions(env, seed, actions)
    other.observation_space.sample()
    assert data_equivalence(transitions(other, seed, actions), found)
    assert not data_equivalence(transitions(other, seed + 1, actions), found)


@EVERY
def test_an_observation_stays_as_it_was_given(env_id: str) -> None:
    env = gym.make(env_id)
    actions = sampled(env, 0, 30)
    found = transitions(env, 0, actions)
    again = gym.make(env_id)
    first, _ = again.reset(seed=0)
    for action in actions[:3]:
        if any(again.step(action)[2:4]):
            break
    assert data_equivalence(first, found[0][0])


@pytest.mark.parametrize(
    "line",
    [
        "import gymnasium, rlmodule_algorithms; gymnasium.make('rlmodule/Harvest-v0')",
        "from rlmodule_algorithms import PPOConfig; import gymnasium; gymnasium.make('rlmodule/EchoTuple-v0')",
        "from rlmodule_algorithms import compute_gae; import gymnasium; gymnasium.make('rlmodule/HighOrLow-v0')",
        "from rlmodule_algorithms.sampling.environments import make_env; make_env('rlmodule/FindTheSpot-v0')",
    ],
)
def test_the_ids_are_registered_with_whatever_is_imported_first(line: str) -> None:
    code = f"import sys; {line}; print(len([name for name in sys.modules if '.tasks.' in name and 'rlmodule' in name]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # The registration and the task that was made: the others are not imported.
    assert done.stdout.strip() == "2"
