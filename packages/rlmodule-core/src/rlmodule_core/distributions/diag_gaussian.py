"""Independent Gaussians."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import gymnasium as gym

from rlmodule_core.backend.ops import Ops, Rng, Tensor
from rlmodule_core.distributions.base import Distribution
from rlmodule_core.distributions.descriptor import Descriptor, bound_class
from rlmodule_core.distributions.deterministic import DeterministicDistribution
from rlmodule_core.errors import UnsupportedSpaceError
from rlmodule_core.plans.sizes import require_positive

LOG_STD_LIMIT = 20.0
"""Log standard deviations are clipped to this magnitude, so that every result stays finite in float32."""

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


class DiagGaussianDistribution(Distribution):
    """Actions `[..., d]`; inputs `[..., 2 d]` are the means, then the log standard deviations."""

    def __init__(self, loc: Tensor, log_std: Tensor) -> None:
        self.loc = loc
        self.log_std = log_std

    @classmethod
    def from_logits(cls, logits: Tensor) -> Self:
        half = logits.shape[-1] // 2
        loc, log_std = cls.ops.split(logits, (half, half))
        return cls(loc, cls.ops.clip(log_std, -LOG_STD_LIMIT, LOG_STD_LIMIT))

    @staticmethod
    def required_input_dim(space: gym.Space[Any]) -> int:
        if not isinstance(space, gym.spaces.Box):
            raise UnsupportedSpaceError(f"DiagGaussian inputs describe actions of a Box, got {space}.")
        return 2 * math.prod(space.shape)

    @cached_property
    def scale(self) -> Tensor:
        """The standard deviations `[..., d]`."""
        return self.ops.exp(self.log_std)

    def sample(self, *, rng: Rng | None = None) -> Tensor:
        return self.ops.stop_gradient(self.rsample(rng=rng))

    def rsample(self, *, rng: Rng | None = None) -> Tensor:
        return self.loc + self.scale * self.ops.random_normal(rng, self.loc)

    def logp(self, value: Tensor) -> Tensor:
        standardised = (value - self.loc) / self.scale
        density = -0.5 * self.ops.square(standardised) - self.log_std - _HALF_LOG_TWO_PI
        return self.ops.sum(density, axis=-1)

    def entropy(self) -> Tensor:
        return self.ops.sum(self.log_std + (0.5 + _HALF_LOG_TWO_PI), axis=-1)

    def kl(self, other: Self) -> Tensor:
        ratio = self.ops.square(self.scale / other.scale)
        shift = self.ops.square((self.loc - other.loc) / other.scale)
        return self.ops.sum(other.log_std - self.log_std + 0.5 * (ratio + shift - 1.0), axis=-1)

    def to_deterministic(self) -> Distribution:
        return bound_class(DeterministicDistribution, None, self.ops)(self.loc)


@dataclass(frozen=True)
class DiagGaussian(Descriptor):
    """Describes actions in `dim` real numbers.

    Attributes:
        normalize_actions: bounded action spaces are seen as [-1, 1] by the network and mapped to their bounds
            for the environment; False only clips to the bounds.
    """

    dim: int
    normalize_actions: bool = True

    def __post_init__(self) -> None:
        require_positive(self, dim=self.dim)

    @property
    def input_dim(self) -> int:
        return 2 * self.dim

    def fits(self, space: gym.Space[Any]) -> bool:
        return isinstance(space, gym.spaces.Box) and math.prod(space.shape) == self.dim

    def bind(self, ops: Ops) -> type[DiagGaussianDistribution]:
        return bound_class(DiagGaussianDistribution, self, ops)
