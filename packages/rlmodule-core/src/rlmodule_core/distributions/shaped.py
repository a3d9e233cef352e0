"""Descriptors of actions that are one array."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym

from rlmodule_core.distributions.descriptor import Descriptor
from rlmodule_core.distributions.event_shape import Shape, canonical_dim, shape_of


@dataclass(frozen=True)
class ShapedDescriptor(Descriptor):
    """Describes actions of `dim` numbers where the action space has one axis, else of numbers of the shape `dim`."""

    dim: int | tuple[int, ...]

    space_class: ClassVar[type[gym.Space[Any]]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "dim", canonical_dim(self, "dim", self.dim))

    @property
    def event_shape(self) -> Shape:
        """The shape of one action."""
        return shape_of(self.dim)

    @property
    def input_dim(self) -> int:
        return math.prod(self.event_shape)

    def fits(self, space: gym.Space[Any]) -> bool:
        return isinstance(space, self.space_class) and space.shape == self.event_shape
