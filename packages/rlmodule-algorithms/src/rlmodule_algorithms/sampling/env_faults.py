"""What is said about an environment that misbehaves."""

from __future__ import annotations

from multiprocessing.connection import wait

import gymnasium as gym

from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling.closing import AnyEnv, env_name
from rlmodule_algorithms.sampling.lockstep import LockstepVectorEnv
from rlmodule_algorithms.sampling.watched_env import WatchedEnv

_DYING_SECONDS = 0.5
_INTERFACE = (
    "reset() must return (obs, info) and step() (obs, reward, terminated, truncated, info), with observations of "
    "observation_space; gymnasium.utils.env_checker.check_env(env) finds most faults."
)


def env_fault(env: AnyEnv, call: str, error: Exception, *, when: str) -> EnvError:
    """The error that names the environment, the call that failed, when, and why; to be raised from `error`."""
    which = named(env, _calling(env))
    return EnvError(f"{which} failed in {call} {when}: {type(error).__name__}: {error}. {_INTERFACE}")


def named(env: AnyEnv, index: int | None = None) -> str:
    """An environment by its id, or by its class where it has none; `index` is its place in a vector environment."""
    if index is None:
        return f"The environment {env_name(env)}"
    base = env.unwrapped
    return f"Environment {index} ({env_name(base.envs[index] if isinstance(base, gym.vector.SyncVectorEnv) else env)})"


def _calling(env: AnyEnv) -> int | None:
    """The place of the environment that has failed in a call of the vector environment, where it is known."""
    base = env.unwrapped
    if isinstance(base, LockstepVectorEnv):
        return base.calling
    if isinstance(base, gym.vector.SyncVectorEnv):
        failed = [isinstance(single, WatchedEnv) and single.calling for single in base.envs]
    elif isinstance(base, gym.vector.AsyncVectorEnv):
        failed = _failed_workers(base)
    else:
        return None
    return failed.index(True) if any(failed) else None


def _failed_workers(env: gym.vector.AsyncVectorEnv) -> list[bool]:
    # Gymnasium drops the pipe of a worker that reported an error; one that dies reports nothing, and takes a moment.
    dropped = [pipe is None for pipe in env.parent_pipes]
    if any(dropped):
        return dropped
    ended = wait([process.sentinel for process in env.processes], timeout=_DYING_SECONDS)
    return [process.sentinel in ended for process in env.processes]
