"""From actions as sampled to actions as the environment takes them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
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
    limits = _limits(space.low.tobytes(), space.high.tobytes(), space.low.dtype.str, space.low.shape)
    if isinstance(descriptor, DiagGaussian) and descriptor.normalize_actions:
        mapped = limits.centre + actions * limits.half_span
        actions = mapped if limits.all_bounded else np.where(limits.bounded, mapped, actions)
    clipped: NDArray[Any] = np.clip(actions, limits.low, limits.high).astype(space.dtype)
    return clipped


@dataclass(frozen=True)
class _Limits:
    """The bounds of a Box in float64, because the span of the widest float32 bounds is no float32.

    Attributes:
        low: the lower bounds.
        high: the upper bounds.
        bounded: where both are finite.
        centre: between the bounds; 0 where one is infinite, which would turn the unused number into a NaN warning.
        half_span: half the way from lower to upper bounds; 0 likewise.
    """

    low: NDArray[Any]
    high: NDArray[Any]
    bounded: NDArray[np.bool_]
    centre: NDArray[Any]
    half_span: NDArray[Any]
    all_bounded: bool


@lru_cache(maxsize=64)
def _limits(low: bytes, high: bytes, dtype: str, shape: tuple[int, ...]) -> _Limits:
    # Kept by value: for every batch they would take longer than the mapping itself, and spaces have no hash.
    lower, upper = (np.frombuffer(bounds, dtype).reshape(shape).astype(np.float64) for bounds in (low, high))
    bounded = np.isfinite(lower) & np.isfinite(upper)
    # Halved first, because the span of the widest float64 bounds is no number.
    half_lower, half_upper = (0.5 * np.where(bounded, bounds, 0.0) for bounds in (lower, upper))
    return _Limits(lower, upper, bounded, half_lower + half_upper, half_upper - half_lower, bool(bounded.all()))
