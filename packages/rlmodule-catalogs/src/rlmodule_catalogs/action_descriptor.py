"""The default action distribution of each action space, as the settings have it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym

from rlmodule_catalogs.settings import ModelSettings
from rlmodule_core import ConfigError, Descriptor, DiagGaussian, MultiDistribution, SquashedGaussian, distribution_for
from rlmodule_core.spaces import leaf_spaces, sub_spaces


def action_descriptor_for(space: gym.Space[Any], settings: ModelSettings) -> Descriptor:
    """The descriptor of the default distribution over the actions of a space.

    Raises:
        UnsupportedSpaceError: the space has no default, or its boxes cannot be squashed as the settings ask.
        ConfigError: actions are to be squashed, but the space has no box.
    """
    if settings.squash_actions and not any(isinstance(leaf, gym.spaces.Box) for _, leaf in leaf_spaces(space)):
        raise ConfigError(
            f"The model setting 'squash_actions' is about Box actions; the action space {space} has none. Leave it "
            "False."
        )
    return _adapted(distribution_for(space), space, settings)


def _adapted(descriptor: Descriptor, space: gym.Space[Any], settings: ModelSettings) -> Descriptor:
    if isinstance(descriptor, MultiDistribution):
        parts = zip(descriptor.children, sub_spaces(space).values(), strict=True)
        return replace(descriptor, children=tuple(_adapted(child, part, settings) for child, part in parts))
    if not isinstance(descriptor, DiagGaussian):
        return descriptor
    if settings.squash_actions:
        return SquashedGaussian.for_space(space)
    return replace(descriptor, normalize_actions=settings.normalize_actions)
