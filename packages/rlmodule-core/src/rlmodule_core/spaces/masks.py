"""The mask of illegal actions inside an observation."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from rlmodule_core.columns import Columns


def mask_space(observation_space: gym.Space[Any] | None) -> gym.Space[Any] | None:
    """The space of the action mask in an observation; None where there is none."""
    if isinstance(observation_space, gym.spaces.Dict):
        return observation_space.spaces.get(Columns.ACTION_MASK)
    return None


def without_mask(observation_space: gym.Space[Any]) -> gym.Space[Any]:
    """The space of what is encoded of an observation: all of it but the action mask."""
    if not isinstance(observation_space, gym.spaces.Dict) or mask_space(observation_space) is None:
        return observation_space
    # As pairs, because Gymnasium sorts the keys of a plain dict.
    return gym.spaces.Dict([item for item in observation_space.spaces.items() if item[0] != Columns.ACTION_MASK])
