"""Advantages computed by hand, for every autoreset mode of every kind of vector environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from rlmodule_algorithms.sampling.closing import close_quietly
from rlmodule_algorithms.sampling.environments import make_vector_env
from rlmodule_algorithms.sampling.rollout import Rollout
from rlmodule_algorithms.sampling.runner import Runner
from rlmodule_algorithms.sampling.train_batch import actor_critic_batch, transitions
from rlmodule_core import get_backend

SCRIPT = [(2, "truncated"), (2, "terminated"), (3, "truncated")]


class Native(gym.vector.VectorEnv[Any, Any, Any]):
    """Plays SCRIPT in all its environments at once, in buffers that it writes again and again."""

    def __init__(self, num_envs: int, mode: AutoresetMode) -> None:
        self.num_envs = num_envs
        self.metadata = {"autoreset_mode": mode}
        self.mode = mode
        self.single_observation_space = gym.spaces.Box(-np.inf, np.inf, (1,))
        self.single_action_space = gym.spaces.Discrete(2)
        self.observation_space = gym.vector.utils.batch_space(self.single_observation_space, num_envs)
        self.action_space = gym.vector.utils.batch_space(self.single_action_space, num_envs)
        self.episode, self.played = np.full(num_envs, -1), np.zeros(num_envs, np.int64)
        self.obs, self.rewards = np.zeros((num_envs, 1), np.float32), np.zeros(num_envs)
        self.final_obs = self.obs.copy()
        self.terminateds, self.truncateds = np.zeros((2, num_envs), bool)

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        self._begin(np.ones(self.num_envs, bool) if options is None else options["reset_mask"])
        return self.obs, {}

    def step(self, actions: Any) -> Any:
        over = self.terminateds | self.truncateds
        resetting = over if self.mode is AutoresetMode.NEXT_STEP else np.zeros(self.num_envs, bool)
        assert self.mode is not AutoresetMode.DISABLED or not over.any()
        self.played += 1
        lengths, ends = (np.array([SCRIPT[e % 3][i] for e in self.episode]) for i in (0, 1))
        self.terminateds[:] = (self.played == lengths) & (ends == "terminated") & ~resetting
        self.truncateds[:] = (self.played == lengths) & (ends == "truncated") & ~resetting
        self._begin(resetting)
        self.rewards[:] = self.played
        self._observe()
        infos: dict[str, Any] = {}
        ended = self.terminateds | self.truncateds
        if self.mode is AutoresetMode.SAME_STEP and ended.any():
            self.final_obs[:] = self.obs
            infos = {"final_obs": self.final_obs, "_final_obs": ended}
            flags = self.terminateds.copy(), self.truncateds.copy()
            self._begin(ended)
            self.terminateds[:], self.truncateds[:] = flags
        return self.obs, self.rewards, self.terminateds, self.truncateds, infos

    def _begin(self, which: Any) -> None:
        self.episode[which] += 1
        self.played[which] = 0
        self.terminateds[which] = self.truncateds[which] = False
        self._observe()

    def _observe(self) -> None:
        self.obs[:, 0] = 10 * self.episode + self.played


@pytest.fixture(scope="module")
def native_id() -> Iterator[str]:
    gym.register("NativeScript-v0", vector_entry_point=Native)
    yield "NativeScript-v0"
    del gym.registry["NativeScript-v0"]


class Doubled(gym.vector.VectorWrapper[Any, Any, Any, Any, Any]):
    """A wrapper around all of them, which changes nothing."""


Maker = Callable[[AutoresetMode], Any]
KINDS = ["sync", "async", "wrapped", "registered", "class", "ours"]
CASES = [(kind, mode) for kind in KINDS for mode in AutoresetMode if kind != "ours" or mode is AutoresetMode.DISABLED]


def made(kind: str, mode: AutoresetMode, scripted: Any, native_id: str) -> Any:
    factories = [lambda: scripted(SCRIPT, reuse=kind == "sync")] * 2
    sources: dict[str, Any] = {
        "sync": lambda env_config: SyncVectorEnv(factories, autoreset_mode=mode, copy=False),
        "async": lambda env_config: AsyncVectorEnv(factories, autoreset_mode=mode, copy=False),
        "wrapped": lambda env_config: Doubled(SyncVectorEnv(factories, autoreset_mode=mode)),
        "registered": native_id,
        "class": Native,
        "ours": lambda env_config: scripted(SCRIPT, reuse=True),
    }
    config = {"mode": mode} if kind in ("registered", "class") else None
    return make_vector_env(sources[kind], config, 2)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize(("kind", "mode"), CASES, ids=[f"{kind}-{mode.name}" for kind, mode in CASES])
def test_advantages_are_the_numbers_computed_by_hand(
    scripted: Any, echo: Any, native_id: str, kind: str, mode: AutoresetMode
) -> None:
    env = made(kind, mode, scripted, native_id)
    steps = 7 if mode is AutoresetMode.NEXT_STEP else 5
    runner = Runner(env, echo(env), rng=get_backend("numpy").rng(0), fragment_length=steps, seed=0)
    rollout = runner.sample()
    # Values are the observations. Obs 0 1 (2, cut) | 10 11 (12, terminal) | 20, then 21; rewards 1 2 | 1 2 | 1.
    # With gamma 0.5: 1 + 1 - 0 | 2 + 1 - 1 || 1 + 5.5 - 10 | 2 + 0 - 11 || 1 + 10.5 - 20, and 0.25 of the next one's.
    by_hand = [1.5 + 0.25 * 2.0, 2.0, -3.5 + 0.25 * -9.0, -9.0, -8.5]
    columns, _ = actor_critic_batch(rollout, echo(env), gamma=0.5, lambda_=0.5)
    advantages = (columns["value_targets"] - columns["obs"][:, 0]).reshape(5, 2)
    assert advantages.T.tolist() == [by_hand, by_hand]
    assert_transitions(rollout)
    # The third episode goes on across the rollouts, and is cut at its third step.
    later = runner.sample()
    assert later.episode_lengths[:2] == [3, 3]
    assert later.episode_returns[:2] == [6.0, 6.0]
    assert later.obs[0, :, 0].tolist() == [21.0, 21.0]
    close_quietly(env)


def assert_transitions(rollout: Rollout) -> None:
    rows = {name: column.reshape(5, 2)[:, 0].tolist() for name, column in transitions(rollout).items()}
    assert rows["obs"] == [0, 1, 10, 11, 20]
    assert rows["new_obs"] == [1, 2, 11, 12, 21]
    assert rows["rewards"] == [1, 2, 1, 2, 1]
    assert rows["terminateds"] == [False, False, False, True, False]
    assert rows["truncateds"] == [False, True, False, False, False]
    ends = [float(obs[0]) for obs in rollout.last_obs]
    assert ends in ([], [2.0, 2.0, 12.0, 12.0])
    assert rollout.episode_returns == [3.0] * 4
    assert rollout.episode_lengths == [2] * 4
