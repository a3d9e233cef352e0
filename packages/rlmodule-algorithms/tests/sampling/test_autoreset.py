from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from rlmodule_algorithms.sampling.environments import make_vector_env
from rlmodule_algorithms.sampling.rollout import Rollout
from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_algorithms.sampling.train_batch import actor_critic_batch, transitions
from rlmodule_core import get_backend

MODES = list(AutoresetMode)
SCRIPTS = ([(2, "terminated"), (3, "truncated")], [(4, "truncated"), (1, "terminated"), (2, "terminated")])


def runner(env: Any, echo: Any, length: int) -> Runner:
    return Runner(env, echo(env), rng=get_backend("numpy").rng(0), fragment_length=length, seed=0)


def sampled(scripted: Any, echo: Any, mode: AutoresetMode, length: int, *scripts: Any, **settings: Any) -> Rollout:
    factories = [lambda script=script: scripted(script, **settings) for script in scripts]
    env = SyncVectorEnv(factories, copy=False, autoreset_mode=mode)
    return runner(env, echo, length).sample()


def played(script: Any, count: int) -> list[tuple[float, float, float, bool, bool]]:
    """The first `count` transitions of a script: obs, reward, next obs, terminated, truncated."""
    result: list[tuple[float, float, float, bool, bool]] = []
    episode = 0
    while len(result) < count:
        length, end = script[episode % len(script)]
        for step in range(1, length + 1):
            obs, over = 10.0 * episode + step, step == length
            result.append((obs - 1, step, obs, over and end == "terminated", over and end == "truncated"))
        episode += 1
    return result[:count]


def counted(columns: dict[str, Any]) -> dict[str, Any]:
    """The rows that count, whether the others are marked or left out."""
    mask = columns.get("loss_mask", slice(None))
    return {name: column[mask] for name, column in columns.items()}


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("length", [1, 2, 5, 13])
def test_valid_rows_are_the_transitions_of_the_script(scripted: Any, echo: Any, mode: Any, length: int) -> None:
    rollout = sampled(scripted, echo, mode, length, *SCRIPTS)
    names = ("obs", "rewards", "new_obs", "terminateds", "truncateds")
    columns = counted(transitions(rollout))
    _, env_of_row = np.nonzero(rollout.valid)
    for b, script in enumerate(SCRIPTS):
        rows = np.flatnonzero(env_of_row == b)
        found = [tuple(columns[name][row].item() for name in names) for row in rows]
        assert found == played(script, int(rollout.valid[:, b].sum()))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_episode_returns_and_lengths_are_those_of_the_script_across_rollouts(
    scripted: Any, echo: Any, mode: AutoresetMode
) -> None:
    env = SyncVectorEnv([lambda: scripted([(2, "terminated"), (4, "truncated")])], autoreset_mode=mode)
    sampling = runner(env, echo, 3)
    rollouts = [sampling.sample() for _ in range(5)]
    returns = [value for rollout in rollouts for value in rollout.episode_returns]
    lengths = [value for rollout in rollouts for value in rollout.episode_lengths]
    assert returns[:4] == [3.0, 10.0, 3.0, 10.0]
    assert lengths[:4] == [2, 4, 2, 4]


def test_only_next_step_has_rows_that_do_not_count_and_they_follow_an_ending(scripted: Any, echo: Any) -> None:
    rollout = sampled(scripted, echo, AutoresetMode.NEXT_STEP, 8, *SCRIPTS)
    assert rollout.valid[:, 0].tolist() == [True, True, False, True, True, True, False, True]
    assert rollout.valid[:, 1].tolist() == [True, True, True, True, False, True, False, True]
    assert rollout.num_steps == 12
    assert len(counted(transitions(rollout))["obs"]) == 12
    for mode in (AutoresetMode.SAME_STEP, AutoresetMode.DISABLED):
        whole = sampled(scripted, echo, mode, 8, *SCRIPTS)
        assert whole.valid.all()
        assert len(counted(transitions(whole))["obs"]) == 16


def test_a_reset_row_at_the_start_of_the_next_rollout_does_not_count_either(scripted: Any, echo: Any) -> None:
    env = SyncVectorEnv([lambda: scripted([(2, "terminated")])], autoreset_mode=AutoresetMode.NEXT_STEP)
    sampling = runner(env, echo, 2)
    assert sampling.sample().valid[:, 0].tolist() == [True, True]
    assert sampling.sample().valid[:, 0].tolist() == [False, True]


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.DISABLED], ids=lambda mode: mode.name)
def test_the_last_observation_of_every_episode_is_kept(scripted: Any, echo: Any, mode: AutoresetMode) -> None:
    rollout = sampled(scripted, echo, mode, 8, *SCRIPTS)
    assert rollout.last_steps == [(1, 0), (3, 1), (4, 0), (4, 1), (6, 0), (6, 1)]
    assert [obs.tolist() for obs in rollout.last_obs] == [[2.0], [4.0], [13.0], [11.0], [22.0], [22.0]]


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.DISABLED], ids=lambda mode: mode.name)
def test_they_are_those_of_the_environments_that_ended(scripted: Any, echo: Any, mode: AutoresetMode) -> None:
    scripts = ([(2, "truncated")], [(1, "truncated"), (9, "truncated")], [(2, "terminated")])
    rollout = sampled(scripted, echo, mode, 2, *scripts)
    assert rollout.last_steps == [(0, 1), (1, 0), (1, 2)]
    assert [obs.tolist() for obs in rollout.last_obs] == [[1.0], [2.0], [2.0]]
    assert rollout.obs[2, :, 0].tolist() == [10.0, 11.0, 10.0]


def test_next_step_has_them_in_its_rows(scripted: Any, echo: Any) -> None:
    rollout = sampled(scripted, echo, AutoresetMode.NEXT_STEP, 8, *SCRIPTS)
    assert rollout.last_steps == []
    assert rollout.obs[[2, 6], 0, 0].tolist() == [2.0, 13.0]


@pytest.mark.parametrize(("mode", "length"), list(zip(MODES, (6, 5, 5), strict=True)), ids=[m.name for m in MODES])
def test_advantages_are_the_same_numbers_in_every_mode(scripted: Any, echo: Any, mode: Any, length: int) -> None:
    rollout = sampled(scripted, echo, mode, length, [(2, "terminated"), (3, "truncated")])
    env = SyncVectorEnv([lambda: scripted([])])
    columns, _ = actor_critic_batch(rollout, echo(env), gamma=0.5, lambda_=0.5)
    columns = counted(columns)
    advantages = columns["value_targets"] - columns["obs"][:, 0]
    # Values are the observations 0 1 | 10 11 12, then 13 where the second episode is cut; rewards 1 2 | 1 2 3.
    expected = np.array([1.5 + 0.25 * 1, 2 - 1, -3.5 + 0.25 * -3.625, -3 + 0.25 * -2.5, 3 + 6.5 - 12])
    assert advantages.tolist() == expected.tolist()
    np.testing.assert_allclose(columns["advantages"], (expected - expected.mean()) / expected.std(), rtol=1e-5)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED], ids=lambda mode: mode.name)
def test_an_environment_that_reuses_its_observation_array_gives_the_same_rollout(
    scripted: Any, echo: Any, mode: AutoresetMode
) -> None:
    fresh, reused = (sampled(scripted, echo, mode, 8, *SCRIPTS, reuse=reuse) for reuse in (False, True))
    assert np.array_equal(fresh.obs, reused.obs)
    assert np.array_equal(fresh.last_obs, reused.last_obs)


def test_so_it_does_in_the_vector_environment_that_we_make(scripted: Any, echo: Any) -> None:
    env = make_vector_env(scripted, {"script": SCRIPTS[1], "reuse": True}, 2)
    rollout = runner(env, echo, 8).sample()
    assert [obs.tolist() for obs in rollout.last_obs[:4]] == [[4.0], [4.0], [11.0], [11.0]]
    assert rollout.obs[:5, 0, 0].tolist() == [0, 1, 2, 3, 10]


def test_a_native_vector_environment_counts_one_reward_per_step_that_counts(echo: Any) -> None:
    env: Any = gym.make_vec("CartPole-v1", num_envs=3, vectorization_mode="vector_entry_point")
    rollout = runner(env, echo, 60).sample()
    done = rollout.terminateds | rollout.truncateds
    assert rollout.episode_returns == [float(length) for length in rollout.episode_lengths]
    assert np.array_equal(~rollout.valid[1:], done[:-1])
    assert rollout.rewards[rollout.valid].tolist() == [1.0] * rollout.num_steps


def test_what_a_vector_environment_gives_for_a_reset_counts_nowhere(scripted: Any, echo: Any) -> None:
    class Careless(SyncVectorEnv):
        def step(self, actions: Any) -> Any:
            resetting = self._autoreset_envs.copy()
            obs, rewards, *others = super().step(actions)
            return obs, np.where(resetting, 99.0, rewards), *others

    env = Careless([lambda: scripted([(2, "terminated")])], autoreset_mode=AutoresetMode.NEXT_STEP)
    rollout = runner(env, echo, 6).sample()
    assert rollout.rewards[:, 0].tolist() == [1, 2, 99, 1, 2, 99]
    assert rollout.episode_returns == [3.0, 3.0]
    columns, _ = actor_critic_batch(rollout, echo(env), gamma=1.0, lambda_=1.0)
    assert counted(columns)["value_targets"].tolist() == [3.0, 2.0, 3.0, 2.0]
