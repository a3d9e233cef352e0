"""Greedy evaluation in environments of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_algorithms.config.validation import require_count
from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling.closing import close_all
from rlmodule_algorithms.sampling.env_faults import env_fault
from rlmodule_algorithms.sampling.env_values import Array, flag_value, illegal_rows, reward_value
from rlmodule_algorithms.sampling.observation_form import ObservationForm
from rlmodule_algorithms.sampling.rollout_faults import bad_value
from rlmodule_core import ConfigError, Policy, RLModuleError
from rlmodule_core.spaces import row_of, show_leaf

Env = gym.Env[Any, Any]

_SIDE_BY_SIDE = 8


def evaluate_policy(
    policy: Policy,
    make_env: Callable[[], Env],
    *,
    episodes: int,
    seed: int,
    explore: bool = False,
    max_episode_steps: int = 100_000,
) -> dict[str, Any]:
    """Play whole episodes; episode i starts from `reset(seed=seed + i)`, however many run side by side.

    Args:
        policy: what acts.
        make_env: makes one environment.
        episodes: how many to play.
        seed: of the first episode.
        explore: draw from the exploration distribution, instead of acting greedily.
        max_episode_steps: an episode that is longer is an error; it might never end.

    Returns:
        `episode_return_mean`, `episode_returns` and `episode_lengths`, in the order of the seeds.

    Raises:
        ConfigError: `episodes`, `seed` or `max_episode_steps` is no such number, or an episode does not end.
        UnsupportedSpaceError: the module's observations are not arrays.
        EnvError: an environment cannot be made, raised or returned something odd.
        NotANumberError: an observation or reward is not finite.
    """
    require_count("episodes", episodes)
    require_count("seed", seed, least=0)
    require_count("max_episode_steps", max_episode_steps)
    envs: list[Env] = []
    with ExitStack() as closing:
        closing.callback(close_all, envs)
        while len(envs) < min(_SIDE_BY_SIDE, episodes):
            _add(envs, make_env)
        # Gymnasium takes no numpy integer as a seed.
        numbered = ((number, int(seed) + number) for number in range(episodes))
        played = _play(policy, envs, numbered, explore=explore, limit=max_episode_steps)
    returns = [episode.total for episode in played]
    return {
        "episode_return_mean": float(np.mean(returns)),
        "episode_returns": returns,
        "episode_lengths": [episode.length for episode in played],
    }


def _play(
    policy: Policy, envs: Sequence[Env], waiting: Iterator[tuple[int, int]], *, explore: bool, limit: int
) -> list[_Episode]:
    """The finished episodes of the (number, seed) that wait, by number."""
    config = policy.module.config
    space = None if config is None else config.observation_space
    form = ObservationForm(envs[0].observation_space if space is None else space)
    playing = [_Episode(env, number, seed=seed, form=form) for env, (number, seed) in zip(envs, waiting, strict=False)]
    session = policy.session(len(playing), explore=explore)
    leaves = [np.stack(rows) for rows in zip(*(episode.obs for episode in playing), strict=True)]
    rewards = np.zeros(len(playing))
    finished: list[_Episode] = []
    while not all(episode.over for episode in playing):
        # Where no episode waits any more, the last observation but one stays, and its action is not used.
        actions = session.act(form.nested([leaf.copy() for leaf in leaves]), rewards)
        begun = np.zeros(len(playing), np.bool_)
        for row, episode in enumerate(playing):
            if episode.over:
                continue
            rewards[row] = episode.step(row_of(actions, row), limit=limit)
            if episode.over:
                finished.append(episode)
                playing[row] = episode.follower(waiting)
                begun[row] = not playing[row].over
            if not playing[row].over:
                _store(leaves, row, playing[row].obs)
        if begun.any():
            session.reset(begun)
    return sorted(finished, key=lambda episode: episode.number)


def _store(leaves: Sequence[Array], row: int, obs: Sequence[Array]) -> None:
    for leaf, array in zip(leaves, obs, strict=True):
        leaf[row] = array


class _Episode:
    """An episode that is played: its first observation is there, leaf by leaf; its return and length grow."""

    obs: list[Array]

    def __init__(self, env: Env, number: int, *, seed: int, form: ObservationForm) -> None:
        self.env, self.number = env, number
        self.total, self.length, self.over = 0.0, 0, False
        self._form = form
        when = f"before episode {number} of the evaluation"
        try:
            obs, _ = env.reset(seed=seed)
            self._observe(obs)
        except Exception as error:
            raise env_fault(env, "reset()", error, when=when) from error
        self._require_legal(when)

    def step(self, action: Any, *, limit: int) -> float:
        """Go on by one step; its reward."""
        when = f"at step {self.length} of episode {self.number} of the evaluation"
        try:
            obs, reward, terminated, truncated, _ = self.env.step(action)
            self._observe(obs)
            value = reward_value(reward)
            ends = flag_value("terminated", terminated), flag_value("truncated", truncated)
        except Exception as error:
            raise env_fault(self.env, "step()", error, when=when) from error
        if not math.isfinite(value):
            raise bad_value(self.env, "a reward", value, "not finite", when=when)
        self._require_legal(when)
        self.total += value
        self.over = any(ends)
        self.length += 1
        if self.length >= limit and not self.over:
            raise ConfigError(
                f"Episode {self.number} of the evaluation did not end within {limit} steps. Give the environment a "
                "limit (gymnasium.wrappers.TimeLimit), or raise max_episode_steps."
            )
        return value

    def follower(self, waiting: Iterator[tuple[int, int]]) -> _Episode:
        """The next episode that waits, begun in the same environment; this one, where none does."""
        following = next(waiting, None)
        if following is None:
            return self
        number, seed = following
        return _Episode(self.env, number, seed=seed, form=self._form)

    def _observe(self, obs: Any) -> None:
        # Copies: environments may share one array that they write all observations into.
        found = zip(self._form.arrays("an observation", obs, ()), self._form.leaves, strict=True)
        self.obs = [np.array(array, leaf.dtype) for array, leaf in found]

    def _require_legal(self, when: str) -> None:
        for leaf, array in zip(self._form.leaves, self.obs, strict=True):
            illegal = illegal_rows(array, leaf.space)
            if illegal is not None:
                raise bad_value(self.env, show_leaf("an observation", leaf.path), array, illegal[1], when=when)


def _add(envs: list[Env], make_env: Callable[[], Env]) -> None:
    env = _made(make_env)
    if any(env.unwrapped is other.unwrapped for other in envs):
        raise ConfigError(
            "make_env gave an environment that it gave before. Let it make a new one at each call: episodes are played "
            "side by side."
        )
    envs.append(env)


def _made(make_env: Callable[[], Env]) -> Env:
    try:
        env = make_env()
    except RLModuleError:
        raise
    except Exception as error:
        raise EnvError(
            f"Making an environment to evaluate in failed: {type(error).__name__}: {error}. Check the function that "
            "makes it."
        ) from error
    if not isinstance(env, gym.Env):
        raise ConfigError(f"make_env must make a gymnasium.Env to evaluate in, it made {env!r}.")
    return env
