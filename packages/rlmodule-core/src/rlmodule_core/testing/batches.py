"""Batches of a space's own observations."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
from gymnasium.vector.utils import concatenate, create_empty_array

from rlmodule_core.columns import Columns


def observations(space: gym.Space[Any], *, rows: int = 6, seed: int = 0) -> Any:
    """A batch `[rows, ...]` of samples of the space, as a vector environment would give them."""
    seeded = copy.deepcopy(space)
    seeded.seed(seed)
    empty: Any = create_empty_array(space, rows)
    return concatenate(space, [seeded.sample() for _ in range(rows)], empty)


def native_batch(module: Any, space: gym.Space[Any], *, rows: int = 6, seed: int = 0) -> dict[str, Any]:
    """A batch of the module's native tensors with observations only."""
    obs = observations(space, rows=rows, seed=seed)
    return {Columns.OBS: module.backend.batch(space, obs, like=module)}
