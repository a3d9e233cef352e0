"""Look at a rollout before anything is learned from it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_algorithms.errors import EnvError
from rlmodule_algorithms.sampling.closing import AnyEnv
from rlmodule_algorithms.sampling.env_faults import named
from rlmodule_algorithms.sampling.env_values import illegal_rows
from rlmodule_algorithms.sampling.rollout import Rollout
from rlmodule_core import NotANumberError, RLModuleError


def require_legal(rollout: Rollout, env: gym.vector.VectorEnv[Any, Any, Any]) -> None:
    """Refuse rewards that are not finite, and observations that are not finite or not in a space of integers.

    Raises:
        NotANumberError: one is not finite; names the environment and the step.
        EnvError: an observation is not in the space; likewise.
    """
    space = env.single_observation_space
    rewards = ~np.isfinite(rollout.rewards)
    if rewards.any():
        t, b = np.argwhere(rewards)[0].tolist()
        raise bad_value(env, "a reward", rollout.rewards[t, b], "not finite", index=b, when=_when(t))
    illegal = illegal_rows(rollout.obs, space)
    if illegal is not None:
        t, b = np.argwhere(illegal[0])[0].tolist()
        raise bad_value(env, "an observation", rollout.obs[t, b], illegal[1], index=b, when=_when(t - 1))
    for (t, b), obs in zip(rollout.last_steps, rollout.last_obs, strict=True):
        illegal = illegal_rows(obs[None], space)
        if illegal is not None:
            raise bad_value(env, "an observation", obs, illegal[1], index=b, when=_when(t))


def bad_value(env: AnyEnv, what: str, value: object, why: str, *, when: str, index: int | None = None) -> RLModuleError:
    """The error that names the environment, what it gave, when, and why that cannot be used."""
    kind = NotANumberError if why == "not finite" else EnvError
    return kind(
        f"{named(env, index)} gave {what} that is {why} {when}: {value!r}. Nothing was learned from it. Mend the "
        "environment, or clip what it gives."
    )


def _when(step: int) -> str:
    return f"at step {step} of this rollout" if step >= 0 else "before this rollout"
