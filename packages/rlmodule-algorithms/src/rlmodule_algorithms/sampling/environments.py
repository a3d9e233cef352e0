"""Make environments from what a config names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec, load_env_creator

from rlmodule_algorithms.config.options import EnvSource
from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling.closing import close_quietly
from rlmodule_algorithms.sampling.lockstep import LockstepVectorEnv
from rlmodule_core import ConfigError, RLModuleError, nearest

Env = gym.Env[Any, Any]
VectorEnv = gym.vector.VectorEnv[Any, Any, Any]
T = TypeVar("T")


def make_env(source: EnvSource, env_config: Mapping[str, Any] | None = None) -> Env:
    """One environment.

    Raises:
        ConfigError: the id is not registered, the source makes something else, or does not take `env_config`.
        EnvError: making it failed.
    """
    settings = {} if env_config is None else dict(env_config)
    if isinstance(source, str):
        _spec(source)
    elif isinstance(source, type) and issubclass(source, gym.vector.VectorEnv):
        raise ConfigError(
            f"{source.__name__} makes vector environments only, but a single one is needed here (to evaluate, say). "
            "Give .environment() an id or an Env class."
        )
    else:
        _require_callable(source)
    env = _made(source, settings, lambda: _single(source, settings))
    if not isinstance(env, gym.Env):
        raise ConfigError(f"The environment {source!r} must make a gymnasium.Env, it made {env!r}.")
    for field in ("observation_space", "action_space"):
        if not isinstance(getattr(env, field, None), gym.Space):
            raise EnvError(f"The environment {_name(source)} has no {field}: set it to a gymnasium.spaces.Space.")
    return env


def make_vector_env(source: EnvSource, env_config: Mapping[str, Any] | None, num_envs: int) -> VectorEnv:
    """Copies of an environment that step together: its own vector environment where there is one.

    Raises:
        ConfigError: the id is not registered, the source makes something else, or does not take `env_config`.
        EnvError: making one failed.
    """
    settings = {} if env_config is None else dict(env_config)
    if isinstance(source, type) and issubclass(source, gym.vector.VectorEnv):
        factory: Callable[..., VectorEnv] = source
        return _made(source, settings, lambda: factory(num_envs=num_envs, **settings))
    if isinstance(source, str) and _has_own_vector_env(_spec(source), settings):
        mode = "vector_entry_point"
        return _made(
            source, settings, lambda: gym.make_vec(source, num_envs=num_envs, vectorization_mode=mode, **settings)
        )
    envs: list[Env] = []

    def make() -> Env:
        envs.append(make_env(source, env_config))
        return envs[-1]

    try:
        return _made(source, settings, lambda: LockstepVectorEnv([make] * num_envs))
    except Exception:
        for env in envs:
            close_quietly(env)
        raise


def _single(source: Any, settings: Mapping[str, Any]) -> Any:
    if isinstance(source, str):
        return gym.make(source, **settings)
    return source(**settings) if isinstance(source, type) else source(settings)


def _made(source: EnvSource, settings: Mapping[str, Any], make: Callable[[], T]) -> T:
    try:
        return make()
    except RLModuleError:
        raise
    except Exception as error:
        if isinstance(error, TypeError) and _is_about(settings, str(error)):
            raise ConfigError(
                f"env_config={settings!r} does not fit the environment {_name(source)}: {error}. Give "
                ".environment(env_config=...) the arguments that its constructor takes."
            ) from error
        raise EnvError(f"Making the environment {_name(source)} failed: {type(error).__name__}: {error}") from error


def _is_about(settings: Mapping[str, Any], message: str) -> bool:
    """Whether Python complains about the keywords of a call."""
    complaints = ("missing", "required"), ("keywords must be strings",)
    named = any(f"argument '{key}'" in message for key in settings)
    return named or any(all(word in message for word in words) for words in complaints)


def _has_own_vector_env(spec: EnvSpec, settings: Mapping[str, Any]) -> bool:
    """Whether the registered vector environment gives the same as single ones with these settings."""
    entry_point = spec.vector_entry_point
    # Wrappers of the spec, and gym.make's way to lift the time limit, exist for single environments only.
    if entry_point is None or spec.additional_wrappers or settings.get("max_episode_steps") == -1:
        return False
    try:
        creator: Any = entry_point if callable(entry_point) else load_env_creator(entry_point)
        inspect.signature(creator).bind_partial(num_envs=1, **{**spec.kwargs, **settings})
    except (TypeError, ValueError, ImportError, AttributeError):
        return False
    return True


def _name(source: object) -> str:
    return getattr(source, "__qualname__", repr(source))


def _require_callable(source: object) -> None:
    if not callable(source):
        raise ConfigError(
            "The environment must be a registered id, an Env class, a vector environment class or a function of "
            f"env_config, got {source!r}."
        )


def _spec(env_id: str) -> EnvSpec:
    try:
        return gym.spec(env_id)
    except (gym.error.Error, ModuleNotFoundError) as error:
        hint = nearest(env_id, gym.registry)
        raise ConfigError(
            f"No environment {env_id!r} is registered with Gymnasium ({error}).{hint} Check the id, or import the "
            "package that registers it first."
        ) from error
    except Exception as error:
        raise EnvError(f"Importing the module of {env_id!r} failed: {type(error).__name__}: {error}") from error
