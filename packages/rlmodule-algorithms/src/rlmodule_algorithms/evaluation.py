"""Greedy evaluation in environments of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_algorithms.config.validation import require_count
from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling.closing import close_quietly
from rlmodule_algorithms.sampling.env_faults import env_fault
from rlmodule_core import ConfigError, Policy, RLModuleError

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
        EnvError: an environment cannot be made, raised or returned something odd.
    """
    require_count("episodes", episodes)
    require_count("seed", seed, least=0)
    require_count("max_episode_steps", max_episode_steps)
    with ExitStack() as closing:
        envs = []
        for _ in range(min(_SIDE_BY_SIDE, episodes)):
            envs.append(_made(make_env))
            closing.callback(close_quietly, envs[-1])
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
    shape = None if space is None else space.shape
    playing = [
        _Episode(env, number, seed=seed, shape=shape) for env, (number, seed) in zip(envs, waiting, strict=False)
    ]
    finished: list[_Episode] = []
    while playing:
        actions = policy.compute_actions(np.stack([episode.obs for episode in playing]), explore=explore)[0]
        for episode, action in zip(playing, actions, strict=True):
            episode.step(action, limit=limit)
        ended = [episode for episode in playing if episode.over]
        finished += ended
        playing = [episode for episode in playing if not episode.over]
        for episode, (number, seed) in zip(ended, waiting, strict=False):
            playing.append(_Episode(episode.env, number, seed=seed, shape=shape))
    return sorted(finished, key=lambda episode: episode.number)


class _Episode:
    """An episode that is played: its first observation is there, its return and length grow."""

    def __init__(self, env: Env, number: int, *, seed: int, shape: tuple[int, ...] | None) -> None:
        self.env, self.number = env, number
        self.total, self.length, self.over = 0.0, 0, False
        self._shape = shape
        try:
            self.obs = self._checked(env.reset(seed=seed))
        except Exception as error:
            raise env_fault(env, "reset()", error, when=f"before episode {number} of the evaluation") from error

    def step(self, action: Any, *, limit: int) -> None:
        try:
            obs, reward, terminated, truncated, info = self.env.step(action)
            self.obs = self._checked((obs, info))
            self.total += float(reward)
            self.over = bool(terminated or truncated)
        except Exception as error:
            when = f"at step {self.length} of episode {self.number} of the evaluation"
            raise env_fault(self.env, "step()", error, when=when) from error
        self.length += 1
        if self.length >= limit and not self.over:
            raise ConfigError(
                f"Episode {self.number} of the evaluation did not end within {limit} steps. Give the environment a "
                "limit (gymnasium.wrappers.TimeLimit), or raise max_episode_steps."
            )

    def _checked(self, result: tuple[Any, Any]) -> Any:
        obs, _ = result
        if np.shape(obs) != self._shape:
            raise ValueError(
                f"expected an observation of shape {self._shape}, got {type(obs).__name__} of shape {np.shape(obs)}"
            )
        return obs


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
