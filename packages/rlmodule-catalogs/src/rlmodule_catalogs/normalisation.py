"""Which observations are normalised by the statistics of those seen before."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

import gymnasium as gym
import numpy as np

from rlmodule_catalogs.image_axes import is_image
from rlmodule_catalogs.settings import ModelSettings
from rlmodule_core import ConfigError
from rlmodule_core.plans import Normalise, Record
from rlmodule_core.spaces import leaf_spaces


def normalise_records(space: gym.Space[Any], settings: ModelSettings) -> tuple[Record, ...]:
    """The records that normalise a space's observations once they are vectors."""
    if not settings.normalize_observations or not _has_units(space):
        return ()
    return (Normalise(math.prod(space.shape)),)


def require_effect(space: gym.Space[Any], settings: ModelSettings) -> None:
    """Refuse the setting where it would change nothing.

    Raises:
        ConfigError: no part of the space is normalised.
    """
    if settings.normalize_observations and not any(_has_units(part) for _, part in leaf_spaces(space)):
        raise ConfigError(
            f"The model setting 'normalize_observations' finds nothing to normalise in the observation space {space}: "
            "it is about Box spaces of floats with at most two axes, also inside Dict and Tuple spaces. Integers, "
            "choices and images enter the network near 1 anyway. Leave it False."
        )


def _has_units(space: gym.Space[Any]) -> TypeGuard[gym.spaces.Box]:
    """Whether its numbers have units that the environment has chosen."""
    return isinstance(space, gym.spaces.Box) and np.issubdtype(space.dtype, np.floating) and not is_image(space)
