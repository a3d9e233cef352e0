"""Make environments from what a config names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym

from rlmodule_algorithms.config.options import EnvSource
from rlmodule_core import ConfigError, nearest

Env = gym.Env[Any, Any]
VectorEnv = gym.vector.VectorEnv[Any, Any, Any]


def make_env(source: EnvSource, env_config: Mapping[str, Any] | None = None) -> Env:
    """One environment.

    Raises:
        ConfigError: the id is not registered, or the source makes something else.
    """
    settings = {} if env_config is None else dict(env_config)
    if isinstance(source, str):
        _require_registered(source)
        return gym.make(source, **settings)
    if isinstance(source, type) and issubclass(source, gym.vector.VectorEnv):
        raise ConfigError(
            f"{source.__name__} makes vector environments only, but a single one is needed here (to evaluate, say)."
        )
    _require_callable(source)
    env = source(**settings) if isinstance(source, type) else source(settings)
    if not isinstance(env, gym.Env):
        raise ConfigError(f"The environment {source!r} must make a gymnasium.Env, it made {env!r}.")
    return env


def make_vector_env(source: EnvSource, env_config: Mapping[str, Any] | None, num_envs: int) -> VectorEnv:
    """Copies of an environment that step together: its own vector environment where there is one.

    Raises:
        ConfigError: the id is not registered, or the source makes something else.
    """
    settings = {} if env_config is None else dict(env_config)
    if isinstance(source, type) and issubclass(source, gym.vector.VectorEnv):
        factory: Callable[..., VectorEnv] = source
        return factory(num_envs=num_envs, **settings)
    if isinstance(source, str):
        _require_registered(source)
        if gym.spec(source).vector_entry_point is not None:
            return gym.make_vec(source, num_envs=num_envs, vectorization_mode="vector_entry_point", **settings)
    factories: list[Callable[[], Env]] = [lambda: make_env(source, env_config)] * num_envs
    # The runner resets: with SAME_STEP an environment that writes every observation into one array would overwrite
    # the one that an episode ended with, and NEXT_STEP spends a row on every reset.
    disabled = gym.vector.AutoresetMode.DISABLED
    return gym.vector.SyncVectorEnv(factories, copy=False, autoreset_mode=disabled)


def _require_callable(source: object) -> None:
    if not isinstance(source, str) and not callable(source):
        raise ConfigError(
            "The environment must be a registered id, an Env class, a vector environment class or a function of "
            f"env_config, got {source!r}."
        )


def _require_registered(env_id: str) -> None:
    try:
        gym.spec(env_id)
    except (gym.error.Error, ModuleNotFoundError) as error:
        hint = nearest(env_id, gym.registry)
        raise ConfigError(
            f"No environment {env_id!r} is registered with Gymnasium ({error}).{hint} Check the id, or import the "
            "package that registers it first."
        ) from error
