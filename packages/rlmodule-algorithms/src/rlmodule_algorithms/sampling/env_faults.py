"""What is said about an environment that misbehaves."""

from __future__ import annotations

from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling.closing import AnyEnv, env_name
from rlmodule_algorithms.sampling.lockstep import LockstepVectorEnv

_INTERFACE = (
    "reset() must return (obs, info) and step() (obs, reward, terminated, truncated, info), with observations of "
    "observation_space; gymnasium.utils.env_checker.check_env(env) finds most faults."
)


def env_fault(env: AnyEnv, call: str, error: Exception, *, when: str) -> EnvError:
    """The error that names the environment, the call that failed, when, and why; to be raised from `error`."""
    if isinstance(env, LockstepVectorEnv) and env.calling is not None:
        which = f"Environment {env.calling} ({env_name(env.envs[env.calling])})"
    else:
        which = f"The environment {env_name(env)}"
    return EnvError(f"{which} failed in {call} {when}: {type(error).__name__}: {error}. {_INTERFACE}")
