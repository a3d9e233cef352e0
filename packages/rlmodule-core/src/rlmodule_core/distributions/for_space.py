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
from rlmodule_core.spaces import inside_part, named_parts

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
    _require_numbers(space)
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
    _require_numbers(space)
    return DiagGaussian(space.shape)


@distribution_for.register(gym.spaces.Dict)
@distribution_for.register(gym.spaces.Tuple)
def _(space: gym.Space[Any]) -> Descriptor:
    parts = named_parts(space)
    if parts is None:
        raise UnsupportedSpaceError(
            f"No default action distribution exists for the action space {space}: it needs at least one part, and "
            f"texts as keys, none of them empty. {_SUPPORTED}"
        )
    return MultiDistribution(tuple(parts), tuple(_of_part(key, part) for key, part in parts.items()))


def _of_part(key: str, space: gym.Space[Any]) -> Descriptor:
    with inside_part(key, "action"):
        return distribution_for(space)


def _require_numbers(space: gym.spaces.Box | gym.spaces.MultiDiscrete) -> None:
    if 0 in space.shape:
        raise UnsupportedSpaceError(
            f"No default action distribution exists for the action space {space}, whose actions of shape {space.shape} "
            f"hold no numbers. {_SUPPORTED}"
        )
