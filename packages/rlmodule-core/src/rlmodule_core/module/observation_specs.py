"""What observations of a space look like when they enter a module."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_core.backend.dtypes import network_dtype
from rlmodule_core.spaces import is_nested, sub_spaces
from rlmodule_core.specs import SpecType, TensorSpec

_ARRAYS = gym.spaces.Box | gym.spaces.Discrete | gym.spaces.MultiDiscrete | gym.spaces.MultiBinary


def observation_spec(space: gym.Space[Any], framework: str | None) -> SpecType:
    """The spec of a batch of observations `[B, ...]`, nested as those of Dict and Tuple spaces are.

    None, which asks for presence only, stands for a space that has no array of one shape.
    """
    if is_nested(space):
        parts = sub_spaces(space)
        legal = parts and all(isinstance(key, str) for key in parts)
        return {key: observation_spec(part, framework) for key, part in parts.items()} if legal else None
    if not isinstance(space, _ARRAYS) or space.shape is None or 0 in space.shape:
        return None
    sizes = {f"d{axis}": size for axis, size in enumerate(space.shape)}
    dtype = network_dtype(np.dtype(space.dtype)).name
    return TensorSpec(", ".join(["b", *sizes]), dtype=dtype, framework=framework, **sizes)
