"""Make environments from what a config names."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec, load_env_creator

import rlmodule_algorithms.tasks  # noqa: F401 (registers their ids)
from rlmodule_algorithms.config.options import EnvSource
from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling.adoption import adopted, require_spaces
from rlmodule_algorithms.sampling.closing import close_all, close_quietly
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
    if isinstance(source, type) and issubclass(source, gym.vector.VectorEnv):
        raise _only_vector(source)
    made = _one(source, {} if env_config is None else env_config, f"the environment {_name(source)}")
    if isinstance(made, gym.vector.VectorEnv):
        close_quietly(made)
        raise _only_vector(source)
    return made


def make_vector_env(source: EnvSource, env_config: Mapping[str, Any] | None, num_envs: int) -> VectorEnv:
    """Copies of an environment that step together: its own vector environment where there is one.

    Raises:
        ConfigError: the id is not registered, the source makes something else, or does not take `env_config`.
        EnvError: making one failed.
    """
    settings = {} if env_config is None else dict(env_config)
    make: Callable[[], VectorEnv]
    if isinstance(source, type) and issubclass(source, gym.vector.VectorEnv):
        factory: Callable[..., VectorEnv] = source
        _require_taking_num_envs(source)
        make = functools.partial(factory, num_envs=num_envs, **settings)
    elif isinstance(source, str) and _has_own_vector_env(_spec(source), settings):
        mode = "vector_entry_point"
        make = functools.partial(gym.make_vec, source, num_envs=num_envs, vectorization_mode=mode, **settings)
    else:
        return _side_by_side(source, settings, num_envs)
    what = f"the environment {_name(source)}"
    return adopted(_made(source, settings, what, make), num_envs, what=what)


def _side_by_side(source: EnvSource, settings: Mapping[str, Any], num_envs: int) -> VectorEnv:
    """Single environments that step together, unless the source makes a vector environment."""
    envs: list[Env] = []
    try:
        while len(envs) < num_envs:
            what = f"environment {len(envs)} of {num_envs} ({_name(source)})"
            made = _one(source, settings, what)
            if isinstance(made, gym.vector.VectorEnv):
                return adopted(made, num_envs, what=f"the environment {_name(source)}")
            envs.append(made)
            _require_another(envs, what)
        waiting = iter(envs)
        return LockstepVectorEnv([lambda: next(waiting)] * num_envs)
    except Exception:
        close_all(envs)
        raise


def _require_another(envs: Sequence[Env], what: str) -> None:
    """Refuse the last environment where it is one of the others, or is unlike them."""
    *others, last = envs
    if any(last.unwrapped is other.unwrapped for other in others):
        raise ConfigError(
            f"Making {what} gave an environment that was given before. Make a new one at each call: they are stepped "
            "side by side."
        )
    for field in ("observation_space", "action_space"):
        expected, found = getattr(envs[0], field), getattr(last, field)
        if expected != found:
            raise EnvError(f"Making {what} gave one with {field} {found}, expected {expected} as in environment 0.")


def _one(source: EnvSource, settings: Mapping[str, Any], what: str) -> Env | VectorEnv:
    """A single environment; a function of the user's may make a vector environment."""
    if isinstance(source, str):
        _spec(source)
    else:
        _require_callable(source)
    env = _made(source, settings, what, lambda: _call(source, settings))
    if isinstance(env, gym.vector.VectorEnv):
        return env
    if not isinstance(env, gym.Env):
        raise ConfigError(f"The environment {source!r} must make a gymnasium.Env, it made {env!r}.")
    require_spaces(env, "observation_space", "action_space", what=f"The environment {_name(source)}")
    return env


def _call(source: Any, settings: Mapping[str, Any]) -> Any:
    if isinstance(source, str):
        return gym.make(source, **settings)
    return source(**settings) if isinstance(source, type) else source(dict(settings))


def _made(source: EnvSource, settings: Mapping[str, Any], what: str, make: Callable[[], T]) -> T:
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
        raise EnvError(f"Making {what} failed: {type(error).__name__}: {error}{_extra_for(error)}") from error


def _extra_for(error: Exception) -> str:
    """The extra of this package that installs what an environment needs, in a version that it works with."""
    known = isinstance(error, gym.error.DependencyNotInstalled) and "mujoco" in str(error).lower()
    return ' (here: pip install "rlmodule-algorithms[mujoco]")' if known else ""


def _only_vector(source: EnvSource) -> ConfigError:
    return ConfigError(
        f"{_name(source)} makes vector environments only, but a single one is needed here (to evaluate, say). Give "
        ".environment() an id, an Env class or a function that makes single ones: they are stepped together as well."
    )


def _require_taking_num_envs(source: type[VectorEnv]) -> None:
    try:
        inspect.signature(source).bind_partial(num_envs=1)
    except TypeError as error:
        raise ConfigError(
            f"{source.__name__} does not take num_envs, how many environments to make. Give .environment() a function "
            "of env_config that makes it, with as many as num_envs_per_env_runner says."
        ) from error


def _is_about(settings: Mapping[str, Any], message: str) -> bool:
    """Whether Python complains about the keywords of a call."""
    complaints = ("missing", "required"), ("keywords must be strings",)
    named = any(f"argument '{key}'" in message for key in settings)
    return named or any(all(word in message for word in words) for words in complaints)


def _has_own_vector_env(spec: EnvSpec, settings: Mapping[str, Any]) -> bool:
    """Whether the registered vector environment gives the same as single ones with these settings."""
    entry_point = spec.vector_entry_point
    if spec.entry_point is None:
        return True
    # Wrappers of the spec, and gym.make's way to lift the time limit, exist for single environments only.
    if entry_point is None or spec.additional_wrappers or settings.get("max_episode_steps") == -1:
        return False
    try:
        creator: Any = entry_point if callable(entry_point) else load_env_creator(entry_point)
        # gymnasium.make_vec hands the limit on, which single environments get by a wrapper.
        limit = {} if spec.max_episode_steps is None else {"max_episode_steps": spec.max_episode_steps}
        inspect.signature(creator).bind_partial(num_envs=1, **{**limit, **spec.kwargs, **settings})
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
    module, _, name = env_id.rpartition(":")
    try:
        if module:
            # As gymnasium.make does: "package:Id-v0" imports the package that registers the id.
            importlib.import_module(module)
        return gym.spec(name)
    except (gym.error.Error, ModuleNotFoundError) as error:
        hint = nearest(name, gym.registry)
        raise ConfigError(
            f"No environment {env_id!r} is registered with Gymnasium ({error}).{hint} Check the id, or import the "
            "package that registers it first."
        ) from error
    except Exception as error:
        raise EnvError(f"Importing the module of {env_id!r} failed: {type(error).__name__}: {error}") from error
