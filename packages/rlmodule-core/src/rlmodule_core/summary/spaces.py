"""Spaces in words, leaf by leaf."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from rlmodule_core.plans import Dims
from rlmodule_core.spaces.nested import is_nested, leaf_spaces
from rlmodule_core.summary.names import dotted


def space_texts(space: gym.Space[Any] | None) -> dict[str, str]:
    """Each leaf of the space in words by its dotted keys; "" is the key of a space that is no Dict or Tuple."""
    if space is None:
        return {}
    # numpy breaks and aligns what the spaces print.
    return {dotted(path): " ".join(str(leaf).split()) for path, leaf in leaf_spaces(space)}


def row_dims(space: gym.Space[Any] | None) -> Dims | None:
    """The shape of one observation as plans take it: `()` for a nested one, None for none that is fixed."""
    if is_nested(space):
        return ()
    return None if space is None else space.shape
