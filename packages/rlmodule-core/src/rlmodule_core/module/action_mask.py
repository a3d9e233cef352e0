"""Whether the space of an action mask suits the actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym

from rlmodule_core.columns import Columns
from rlmodule_core.distributions import Descriptor, mask_shapes
from rlmodule_core.errors import ConfigError
from rlmodule_core.spaces import is_nested, mask_space, show_leaf, sub_spaces

_NEXT_STEP = "Mend the environment's observation space, or give the key another name if it is no mask."


def require_mask_space(observation_space: gym.Space[Any] | None, descriptor: Descriptor | None) -> None:
    """Refuse an observation space whose action mask is not a mask of the actions.

    Raises:
        ConfigError: says what is expected and what the space has.
    """
    space = mask_space(observation_space)
    if space is None:
        return
    shapes = None if descriptor is None else mask_shapes(descriptor)
    if shapes is None:
        what = "a distribution of your own" if descriptor is None else str(descriptor)
        raise ConfigError(
            f"The observation space has the key {Columns.ACTION_MASK!r}, but {what} has no actions that can be masked: "
            f"only Discrete, MultiDiscrete and MultiBinary actions, and Dicts and Tuples of them, have. {_NEXT_STEP}"
        )
    fault = _misfit(space, shapes, ())
    if fault is not None:
        raise ConfigError(f"The action mask of {descriptor} must be {fault}. {_NEXT_STEP}")


def _misfit(space: gym.Space[Any], shapes: Any, path: tuple[str, ...]) -> str | None:
    name = show_leaf(Columns.ACTION_MASK, path)
    if isinstance(shapes, Mapping):
        parts = sub_spaces(space)
        if parts.keys() != shapes.keys():
            got = f"the keys {list(parts)}" if is_nested(space) else str(space)
            return f"a Dict or Tuple space with the keys {list(shapes)} at {name!r}, got {got}"
        found = (_misfit(parts[key], shape, (*path, key)) for key, shape in shapes.items())
        return next((fault for fault in found if fault is not None), None)
    if not _is_flags(space) or space.shape != shapes:
        return f"a MultiBinary, or a Box from 0 to 1, of shape {shapes} at {name!r}, got {space}"
    return None


def _is_flags(space: gym.Space[Any]) -> bool:
    if isinstance(space, gym.spaces.Box):
        return bool((space.low == 0).all() and (space.high == 1).all())
    return isinstance(space, gym.spaces.MultiBinary)
