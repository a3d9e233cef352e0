"""Observations held to the shapes of their space, before a batch could take one for many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_core.errors import SpecCheckingError, UnsupportedSpaceError

_NO_ARRAYS = (gym.spaces.Tuple, gym.spaces.Sequence, gym.spaces.Graph, gym.spaces.OneOf)


def require_observations(
    space: gym.Space[Any], obs: Any, *, leading: tuple[int, ...], where: str, name: str = "obs", hint: str = ""
) -> None:
    """Refuse observations that do not have the shapes of the space; a space without a shape is not looked into.

    Args:
        space: the observation space; the parts of a Dict are checked one by one.
        obs: `[*leading, ...]`.
        leading: the sizes of the axes before those of the space.
        where: who got them, for the error text.
        name: what to call them there.
        hint: the next step, for the error text.

    Raises:
        SpecCheckingError: a key is missing, or a shape is another one.
        UnsupportedSpaceError: observations of the space are no arrays, and no dict of them.
    """
    if isinstance(space, _NO_ARRAYS):
        raise UnsupportedSpaceError(
            f"{where} takes observations that are arrays, or dicts of them; {name} is of {space}. Use a Dict space, "
            "or flatten observations by a Gymnasium wrapper."
        )
    if isinstance(space, gym.spaces.Dict):
        if not isinstance(obs, Mapping) or not space.spaces.keys() <= obs.keys():
            raise SpecCheckingError(
                f"{where} expects {name} with the keys {sorted(space.spaces)}, got "
                f"{sorted(obs) if isinstance(obs, Mapping) else type(obs).__name__}.{hint}"
            )
        for key, part in space.spaces.items():
            require_observations(part, obs[key], leading=leading, where=where, name=f"{name}.{key}", hint=hint)
    elif space.shape is not None and (got := _shape_of(obs)) != (*leading, *space.shape):
        raise SpecCheckingError(f"{where} expects {name} of shape {(*leading, *space.shape)}, got shape {got}.{hint}")


def _shape_of(obs: Any) -> object:
    try:
        return np.shape(obs)
    except ValueError:
        return "(?), because its rows differ in length"
