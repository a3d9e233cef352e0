"""What observations, states and other columns look like when they enter a module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_core.backend.dtypes import network_dtype
from rlmodule_core.spaces import is_nested, sub_spaces
from rlmodule_core.specs import SpecType, TensorSpec

_ARRAYS = gym.spaces.Box | gym.spaces.Discrete | gym.spaces.MultiDiscrete | gym.spaces.MultiBinary


STEPS, SEQUENCES = ("b",), ("b", "t")
"""The leading axes of the columns of a stateless and of a stateful module."""


def observation_spec(space: gym.Space[Any], framework: str | None, leading: tuple[str, ...] = STEPS) -> SpecType:
    """The spec of a batch of observations, nested as those of Dict and Tuple spaces are.

    None, which asks for presence only, stands for a space that has no array of one shape.
    """
    if is_nested(space):
        parts = sub_spaces(space)
        legal = parts and all(isinstance(key, str) for key in parts)
        return {key: observation_spec(part, framework, leading) for key, part in parts.items()} if legal else None
    if not isinstance(space, _ARRAYS) or space.shape is None or 0 in space.shape:
        return None
    return _rows(space.shape, framework, leading, network_dtype(np.dtype(space.dtype)).name)


def state_spec(state: Mapping[str, Any], framework: str | None) -> SpecType:
    """The spec of a batch of recurrent states `[B, ...]`, given one without a batch axis."""
    return {
        key: state_spec(part, framework)
        if isinstance(part, Mapping)
        else _rows(np.shape(part), framework, STEPS, network_dtype(np.asarray(part).dtype).name)
        for key, part in state.items()
    }


def column_spec(dims: tuple[int, ...], framework: str | None, leading: tuple[str, ...]) -> TensorSpec:
    """The spec of a column of floats with rows of this shape."""
    return _rows(dims, framework, leading, "float32")


def _rows(dims: tuple[int, ...], framework: str | None, leading: tuple[str, ...], dtype: str) -> TensorSpec:
    sizes = {f"d{axis}": size for axis, size in enumerate(dims)}
    return TensorSpec(", ".join([*leading, *sizes]), dtype=dtype, framework=framework, **sizes)
