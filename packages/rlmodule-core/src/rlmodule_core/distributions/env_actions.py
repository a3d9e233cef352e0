"""From actions as sampled to actions as the environment takes them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlmodule_core.distributions.descriptor import Descriptor
from rlmodule_core.distributions.diag_gaussian import DiagGaussian
from rlmodule_core.spaces import is_nested, sub_spaces, to_mappings

_COUNTED = (gym.spaces.Discrete, gym.spaces.MultiDiscrete, gym.spaces.MultiBinary)


def to_env_actions(descriptor: Descriptor | None, space: gym.Space[Any], actions: Any) -> Any:
    """Map a batch of sampled actions `[B, ...]` to what the environment takes `[B, ...]`.

    A Box with finite bounds is seen by a DiagGaussian as [-1, 1] and mapped to its bounds; every Box action is
    clipped to its bounds. Actions of Dict and Tuple spaces are mapped leaf by leaf and become dicts and tuples of
    `[B, ...]`, as vector environments take them. All take the dtype of their space.
    """
    if isinstance(space, _COUNTED):
        return actions.astype(space.dtype, copy=False)
    if isinstance(space, gym.spaces.Box):
        return _to_box(descriptor, space, actions)
    return _to_parts(descriptor, space, actions) if is_nested(space) else actions


def _to_parts(descriptor: Descriptor | None, space: gym.Space[Any], actions: Any) -> Any:
    given = to_mappings(space, actions)
    parts = {
        key: to_env_actions(None if descriptor is None else descriptor.part(key), part, given[key])
        for key, part in sub_spaces(space).items()
    }
    return parts if isinstance(space, gym.spaces.Dict) else tuple(parts.values())


def _to_box(descriptor: Descriptor | None, space: gym.spaces.Box, actions: NDArray[Any]) -> NDArray[Any]:
    # In float64, because the span of the widest float32 bounds is no float32.
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    if isinstance(descriptor, DiagGaussian) and descriptor.normalize_actions:
        bounded = np.isfinite(low) & np.isfinite(high)
        # Infinite bounds would turn the unused branch of the selection into NaN warnings.
        low_, span = np.where(bounded, low, 0.0), np.where(bounded, high, 0.0) - np.where(bounded, low, 0.0)
        actions = np.where(bounded, low_ + (actions + 1.0) * 0.5 * span, actions)
    clipped: NDArray[Any] = np.clip(actions, low, high).astype(space.dtype)
    return clipped
