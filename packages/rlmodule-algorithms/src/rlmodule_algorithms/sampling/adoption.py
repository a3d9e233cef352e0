"""Take over a vector environment that somebody else made."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling.closing import AnyEnv, close_quietly
from rlmodule_algorithms.sampling.watched_env import WatchedEnv
from rlmodule_core import ConfigError

VectorEnv = gym.vector.VectorEnv[Any, Any, Any]


def adopted(env: VectorEnv, num_envs: int, *, what: str) -> VectorEnv:
    """The vector environment, fit to be sampled from; one that is not is closed.

    Raises:
        ConfigError: it is no vector environment, or one of another number of environments.
        EnvError: it has no spaces.
        UnsupportedSpaceError: its observations are not arrays.
    """
    if not isinstance(env, gym.vector.VectorEnv):
        raise ConfigError(f"Making {what} must give a gymnasium.vector.VectorEnv, it gave {env!r}.")
    try:
        _require_num_envs(env, num_envs, what)
        require_spaces(env, "single_observation_space", "single_action_space", what=f"What making {what} gave")
        base = env.unwrapped
        if isinstance(base, gym.vector.SyncVectorEnv):
            base.envs = [WatchedEnv(single) for single in base.envs]
    except Exception:
        close_quietly(env)
        raise
    return env


def require_spaces(env: AnyEnv, *fields: str, what: str) -> None:
    """Refuse an environment that lacks one of these spaces.

    Raises:
        EnvError: it does; names the field.
    """
    for field in fields:
        if not isinstance(getattr(env, field, None), gym.Space):
            raise EnvError(f"{what} has no {field}: set it to a gymnasium.spaces.Space.")


def _require_num_envs(env: VectorEnv, num_envs: int, what: str) -> None:
    found = getattr(env, "num_envs", None)
    if found != num_envs:
        raise ConfigError(
            f"Making {what} gave {found} environments side by side, but num_envs_per_env_runner is {num_envs}. Give "
            f".env_runners(num_envs_per_env_runner=...) the number that it makes."
        )
