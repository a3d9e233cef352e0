"""Which dtype a batch has when it enters a network."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rlmodule_core.errors import SpecCheckingError

_NUMERIC = frozenset("biuf")
"""The kinds of numpy dtypes that networks take."""


def network_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which a batch of that dtype enters a network."""
    if np.issubdtype(dtype, np.floating):
        return np.dtype(np.float32)
    if np.issubdtype(dtype, np.integer) and dtype != np.uint8:
        return np.dtype(np.int64)
    return dtype


def batch_array(space: gym.Space[Any] | None, value: Any) -> NDArray[Any]:
    """A batch of the space as an array of the dtype in which it enters a network.

    Integers given for a space of floats become floats; nothing is rounded.

    Raises:
        SpecCheckingError: the value is no array of numbers, as lists of different lengths are none.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise SpecCheckingError(f"A column must be an array, or lists of one length: {error}") from error
    if array.dtype.kind not in _NUMERIC:
        raise SpecCheckingError(
            f"A column must hold numbers, got {array.dtype} of shape {array.shape}. Convert it before it is passed."
        )
    own = array.dtype if space is None or space.dtype is None else np.dtype(space.dtype)
    return array.astype(_entering(array.dtype, own), copy=False)


@lru_cache(maxsize=128)
def _entering(given: np.dtype[Any], own: np.dtype[Any]) -> np.dtype[Any]:
    # Kept, because numpy takes microseconds to compare dtypes, for every batch the same ones.
    return network_dtype(own if np.can_cast(given, own, "same_kind") else given)
