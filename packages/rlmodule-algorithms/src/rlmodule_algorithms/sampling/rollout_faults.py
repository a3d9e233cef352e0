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
from rlmodule_core import Columns, NotANumberError, RLModule, RLModuleError, rows_without_action
from rlmodule_core.spaces import leaf_spaces, leaves_of, show_leaf


def require_legal(rollout: Rollout, env: gym.vector.VectorEnv[Any, Any, Any]) -> None:
    """Refuse rewards that are not finite, and observations that are not finite or not in a space of integers.

    Raises:
        NotANumberError: one is not finite; names the environment and the step.
        EnvError: an observation is not in the space; likewise.
    """
    rewards = ~np.isfinite(rollout.rewards)
    if rewards.any():
        t, b = np.argwhere(rewards)[0].tolist()
        raise bad_value(env, "a reward", rollout.rewards[t, b], "not finite", index=b, when=_when(t))
    for (path, space), leaf in zip(leaf_spaces(env.single_observation_space), leaves_of(rollout.obs), strict=True):
        what = show_leaf("an observation", path)
        illegal = illegal_rows(leaf, space)
        if illegal is not None:
            t, b = np.argwhere(illegal[0])[0].tolist()
            raise bad_value(env, what, leaf[t, b], illegal[1], index=b, when=_when(t - 1))
    for (t, b), last in zip(rollout.last_steps, rollout.last_obs, strict=True):
        for (path, space), leaf in zip(leaf_spaces(env.single_observation_space), leaves_of(last), strict=True):
            illegal = illegal_rows(leaf[None], space)
            if illegal is not None:
                what = show_leaf("an observation", path)
                raise bad_value(env, what, leaf, illegal[1], index=b, when=_when(t))


def require_finite_actions(rollout: Rollout, module: RLModule) -> None:
    """Refuse actions that are not finite, unless the observations that they were chosen for are not.

    Without it, the environment would be blamed for what it makes of them.

    Args:
        rollout: what was sampled.
        module: what chose them.

    Raises:
        NotANumberError: there is one; names the module, the environment and the step.
    """
    for leaf in leaves_of(rollout.outputs[Columns.ACTIONS]):
        if not np.issubdtype(leaf.dtype, np.floating) or np.isfinite(leaf).all():
            continue
        t, b = np.argwhere(~np.isfinite(leaf))[0].tolist()[:2]
        if all(np.isfinite(seen[t, b]).all() for seen in leaves_of(rollout.obs)):
            raise NotANumberError(
                f"{type(module).__name__}.forward_exploration gave environment {b} an action that is not finite "
                f"{_when(t)}: {leaf[t, b]!r}. Nothing was learned from it. Look for weights that are not finite in "
                "what was loaded or set."
            )


def require_choice(
    module: RLModule, obs: Any, env: gym.vector.VectorEnv[Any, Any, Any], *, step: int, resetting: Any
) -> None:
    """Refuse observations to act on whose action mask leaves no legal action.

    Args:
        module: the module that is to act.
        obs: the observations `[B, ...]`.
        env: what gave them.
        step: of the rollout.
        resetting: True where the environment takes no action, because it begins a new episode `[B]`.

    Raises:
        EnvError: there is one; names the environment and the step.
    """
    empty = rows_without_action(module, obs)
    if empty is not None and (empty & ~resetting).any():
        index = int(np.flatnonzero(empty & ~resetting)[0])
        raise EnvError(
            f"{named(env, index)} gave an action mask that leaves no legal action {_when(step - 1)}. Nothing was "
            "learned from it. End the episode there, or mend the mask."
        )


def bad_value(env: AnyEnv, what: str, value: object, why: str, *, when: str, index: int | None = None) -> RLModuleError:
    """The error that names the environment, what it gave, when, and why that cannot be used."""
    kind = NotANumberError if why == "not finite" else EnvError
    return kind(
        f"{named(env, index)} gave {what} that is {why} {when}: {value!r}. Nothing was learned from it. Mend the "
        "environment, or clip what it gives."
    )


def _when(step: int) -> str:
    return f"at step {step} of this rollout" if step >= 0 else "before this rollout"
