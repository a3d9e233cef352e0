"""How the numbers of a box enter a network."""

from __future__ import annotations

import gymnasium as gym
import numpy as np

from rlmodule_core.plans import Cast, Record, Scale

_LARGEST = 2**16
"""Bounds beyond are those of a dtype rather than of a quantity: divided by them nothing would be left."""


def entry_records(space: gym.spaces.Box) -> tuple[Record, ...]:
    """The records that make floats of sensible size: none for floats, whose units the environment has chosen.

    Integers are divided by their largest bound (255 for pixels), or converted only where they have no such bound.
    """
    if np.issubdtype(space.dtype, np.floating):
        return ()
    if space.dtype == np.bool_ or not space.is_bounded():
        return (Cast(),)
    largest = max(abs(float(space.low.min())), abs(float(space.high.max())))
    return (Scale(largest),) if 1 < largest < _LARGEST else (Cast(),)
