"""The default distribution of each action space."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_core.distributions.bernoulli import Bernoulli
from rlmodule_core.distributions.categorical import Categorical
from rlmodule_core.distributions.descriptor import Descriptor
from rlmodule_core.distributions.diag_gaussian import DiagGaussian
from rlmodule_core.distributions.multi_categorical import MultiCategorical
from rlmodule_core.distributions.multi_distribution import MultiDistribution
from rlmodule_core.errors import UnsupportedSpaceError
from rlmodule_core.spaces import sub_spaces

_SUPPORTED = (
    "Supported are Discrete, MultiDiscrete, MultiBinary, Box spaces of floats, and Dict and Tuple spaces of these. "
    "For another space, override Catalog.get_action_descriptor (or Catalog.get_action_dist_cls and get_pi_head_config "
    "together) or, in a module without a catalog, the get_*_action_dist_cls methods."
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
def _(space: gym.spaces.MultiDiscrete) -> Descriptor:
    return MultiCategorical.for_space(space)


@distribution_for.register
def _(space: gym.spaces.MultiBinary) -> Descriptor:
    return Bernoulli(tuple(space.shape))


@distribution_for.register
def _(space: gym.spaces.Box) -> Descriptor:
    if not np.issubdtype(space.dtype, np.floating):
        raise UnsupportedSpaceError(
            f"No default action distribution exists for the action space {space} of {space.dtype}. Whole numbers may "
            f"be a MultiDiscrete space. {_SUPPORTED}"
        )
    return DiagGaussian(space.shape)


@distribution_for.register(gym.spaces.Dict)
@distribution_for.register(gym.spaces.Tuple)
def _(space: gym.Space[Any]) -> Descriptor:
    parts = sub_spaces(space)
    if not parts or not all(isinstance(key, str) for key in parts):
        raise UnsupportedSpaceError(
            f"No default action distribution exists for the action space {space}: it needs at least one part, and text "
            f"as keys. {_SUPPORTED}"
        )
    return MultiDistribution(tuple(parts), tuple(map(distribution_for, parts.values())))
