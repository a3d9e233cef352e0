"""Independent Gaussians."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import gymnasium as gym

from rlmodule_core.backend.ops import Ops, Rng, Tensor
from rlmodule_core.distributions.base import Distribution
from rlmodule_core.distributions.descriptor import bound_class
from rlmodule_core.distributions.deterministic import point_mass
from rlmodule_core.distributions.event_shape import Shape, to_event, to_flat
from rlmodule_core.distributions.shaped import ShapedDescriptor
from rlmodule_core.errors import UnsupportedSpaceError

LOG_STD_LIMIT = 20.0
"""Log standard deviations are clipped to this magnitude, so that every result stays finite in float32."""

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


class DiagGaussianDistribution(Distribution):
    """Actions `[..., *shape]` of d numbers; inputs `[..., 2 d]` are the means, then the log standard deviations."""

    descriptor: ClassVar[Any] = None
    log_std_max: ClassVar[float] = LOG_STD_LIMIT

    def __init__(self, loc: Tensor, log_std: Tensor) -> None:
        self.loc = loc
        self.log_std = log_std

    @classmethod
    def from_logits(cls, logits: Tensor) -> Self:
        half = logits.shape[-1] // 2
        loc, log_std = cls.ops.split(logits, (half, half))
        return cls(loc, cls.ops.clip(log_std, -LOG_STD_LIMIT, cls.log_std_max))

    @staticmethod
    def required_input_dim(space: gym.Space[Any]) -> int:
        if not isinstance(space, gym.spaces.Box):
            raise UnsupportedSpaceError(f"DiagGaussian inputs describe actions of a Box, got {space}.")
        return 2 * math.prod(space.shape)

    @cached_property
    def scale(self) -> Tensor:
        """The standard deviations `[..., d]`."""
        return self.ops.exp(self.log_std)

    @cached_property
    def _inverse_scale(self) -> Tensor:
        # To multiply by: the gradient of a division by a tiny scale overflows.
        return self.ops.exp(-self.log_std)

    @property
    def _shape(self) -> Shape:
        shape: Shape = self.loc.shape[-1:] if self.descriptor is None else self.descriptor.event_shape
        return shape

    def sample(self, *, rng: Rng | None = None) -> Tensor:
        return self.ops.stop_gradient(self.rsample(rng=rng))

    def rsample(self, *, rng: Rng | None = None) -> Tensor:
        flat = self.loc + self.scale * self.ops.random_normal(rng, self.loc)
        return to_event(self.ops, flat, self._shape)

    def logp(self, value: Tensor) -> Tensor:
        standardised = (to_flat(self.ops, value, self._shape) - self.loc) * self._inverse_scale
        density = -0.5 * self.ops.square(standardised) - self.log_std - _HALF_LOG_TWO_PI
        return self.ops.sum(density, axis=-1)

    def entropy(self) -> Tensor:
        return self.ops.sum(self.log_std + (0.5 + _HALF_LOG_TWO_PI), axis=-1)

    def kl(self, other: Self) -> Tensor:
        ratio = self.ops.square(self.scale * other._inverse_scale)
        shift = self.ops.square((self.loc - other.loc) * other._inverse_scale)
        return self.ops.sum(other.log_std - self.log_std + 0.5 * (ratio + shift - 1.0), axis=-1)

    def to_deterministic(self) -> Distribution:
        return point_mass(self.ops, to_event(self.ops, self.loc, self._shape), event_rank=len(self._shape))


@dataclass(frozen=True)
class DiagGaussian(ShapedDescriptor):
    """Describes actions in `dim` real numbers, or in real numbers of the shape `dim`.

    Attributes:
        dim: how many numbers, where the action space has one axis; else its shape, such as (2, 3) or ().
        normalize_actions: bounded action spaces are seen as [-1, 1] by the network and mapped to their bounds
            for the environment; False only clips to the bounds.
    """

    normalize_actions: bool = True

    space_class = gym.spaces.Box

    @property
    def input_dim(self) -> int:
        return 2 * super().input_dim

    def bind(self, ops: Ops) -> type[DiagGaussianDistribution]:
        return bound_class(DiagGaussianDistribution, self, ops)
