"""The default distribution of each action space."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_core.distributions.categorical import Categorical
from rlmodule_core.distributions.descriptor import Descriptor
from rlmodule_core.distributions.diag_gaussian import DiagGaussian
from rlmodule_core.errors import UnsupportedSpaceError

_SUPPORTED = (
    "Supported are Discrete and one-dimensional Box spaces of floats. For another space, override "
    "Catalog.get_action_descriptor (or Catalog.get_action_dist_cls and get_pi_head_config together) or, in a module "
    "without a catalog, the get_*_action_dist_cls methods."
)


@singledispatch
def distribution_for(space: gym.Space[Any]) -> Descriptor:
    """The descriptor of the default distribution over the actions of a space.

    Raises:
        UnsupportedSpaceError: there is no default; the text says what to override.
    """
    raise UnsupportedSpaceError(f"No default action distribution exists for the action space {space}. {_SUPPORTED}")


@distribution_for.register
def _(space: gym.spaces.Discrete) -> Descriptor:
    return Categorical(int(space.n), int(space.start))


@distribution_for.register
def _(space: gym.spaces.Box) -> Descriptor:
    if len(space.shape) != 1 or not np.issubdtype(space.dtype, np.floating):
        raise UnsupportedSpaceError(f"No default action distribution exists for {space} ({space.dtype}). {_SUPPORTED}")
    return DiagGaussian(space.shape[0])
