"""Several independent switches."""

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


class BernoulliDistribution(Distribution):
    """Switches `[..., *shape]`, 0 or 1 as int64; inputs `[..., d]` are the log-odds of 1.

    `logp`, `entropy` and `kl` are summed over the switches.
    """

    descriptor: ClassVar[Bernoulli | None] = None

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits

    @classmethod
    def from_logits(cls, logits: Tensor) -> Self:
        return cls(logits)

    @staticmethod
    def required_input_dim(space: gym.Space[Any]) -> int:
        if not isinstance(space, gym.spaces.MultiBinary):
            raise UnsupportedSpaceError(f"Bernoulli inputs describe actions of a MultiBinary, got {space}.")
        return math.prod(space.shape)

    @property
    def _shape(self) -> Shape:
        return tuple(self.logits.shape[-1:]) if self.descriptor is None else self.descriptor.event_shape

    @cached_property
    def _minus_log_off(self) -> Tensor:
        return self.ops.softplus(self.logits)

    @cached_property
    def _on(self) -> Tensor:
        """The probabilities of 1."""
        return self.ops.exp(self.logits - self._minus_log_off)

    def sample(self, *, rng: Rng | None = None) -> Tensor:
        drawn = self.ops.random_uniform(rng, self.logits) < self._on
        return to_event(self.ops, self.ops.cast(drawn, "int64"), self._shape)

    def logp(self, value: Tensor) -> Tensor:
        switched = self.ops.cast(to_flat(self.ops, value, self._shape), self.ops.dtype_name(self.logits))
        return self.ops.sum(switched * self.logits - self._minus_log_off, axis=-1)

    def entropy(self) -> Tensor:
        return self.ops.sum(self._minus_log_off - self._on * self.logits, axis=-1)

    def kl(self, other: Self) -> Tensor:
        likelier = self._on * (self.logits - other.logits)
        return self.ops.sum(likelier - self._minus_log_off + other._minus_log_off, axis=-1)

    def to_deterministic(self) -> Distribution:
        actions = to_event(self.ops, self.ops.cast(self.logits > 0, "int64"), self._shape)
        return point_mass(self.ops, actions, event_rank=len(self._shape))


@dataclass(frozen=True)
class Bernoulli(ShapedDescriptor):
    """Describes actions of a MultiBinary space: `dim` switches, or switches of the shape `dim`."""

    space_class = gym.spaces.MultiBinary

    def bind(self, ops: Ops) -> type[BernoulliDistribution]:
        return bound_class(BernoulliDistribution, self, ops)
