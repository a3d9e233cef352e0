"""A distribution that always gives the same action."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import gymnasium as gym

from rlmodule_core.backend.ops import Ops, Rng, Tensor
from rlmodule_core.distributions.base import Distribution
from rlmodule_core.distributions.descriptor import bound_class
from rlmodule_core.distributions.event_shape import to_event
from rlmodule_core.distributions.shaped import ShapedDescriptor
from rlmodule_core.errors import UnsupportedSpaceError


class DeterministicDistribution(Distribution):
    """All mass on `loc [..., *shape]`, where one action has `event_rank` axes.

    `logp` is 0 by convention (a point mass has no density), so that a policy that explores deterministically can
    be recorded; `entropy` is 0; `kl` is undefined.
    """

    descriptor: ClassVar[Deterministic | None] = None

    def __init__(self, loc: Tensor, event_rank: int = 1) -> None:
        self.loc = loc
        self._event_rank = event_rank

    @classmethod
    def from_logits(cls, logits: Tensor) -> Self:
        shape = logits.shape[-1:] if cls.descriptor is None else cls.descriptor.event_shape
        return cls(to_event(cls.ops, logits, shape), event_rank=len(shape))

    @staticmethod
    def required_input_dim(space: gym.Space[Any]) -> int:
        if not isinstance(space, gym.spaces.Box):
            raise UnsupportedSpaceError(f"Deterministic inputs describe actions of a Box, got {space}.")
        return math.prod(space.shape)

    def sample(self, *, rng: Rng | None = None) -> Tensor:
        return self.loc

    def rsample(self, *, rng: Rng | None = None) -> Tensor:
        return self.loc

    def logp(self, value: Tensor) -> Tensor:
        return self._zeros()

    def entropy(self) -> Tensor:
        return self._zeros()

    def kl(self, other: Self) -> Tensor:
        raise TypeError("Deterministic distributions have no KL divergence; train with use_kl_loss=False.")

    def to_deterministic(self) -> Distribution:
        return self

    def _zeros(self) -> Tensor:
        zeros = self.ops.zeros_like(self.ops.cast(self.loc, "float32"))
        for _ in range(self._event_rank):
            zeros = self.ops.sum(zeros, axis=-1)
        return zeros


def point_mass(ops: Ops, action: Tensor, *, event_rank: int) -> DeterministicDistribution:
    """The distribution of a certain action `[..., *shape]`, whose shape has `event_rank` axes."""
    return bound_class(DeterministicDistribution, None, ops)(action, event_rank)


@dataclass(frozen=True)
class Deterministic(ShapedDescriptor):
    """Describes actions in `dim` numbers, or numbers of the shape `dim`, that the network gives directly."""

    space_class = gym.spaces.Box

    def bind(self, ops: Ops) -> type[DeterministicDistribution]:
        return bound_class(DeterministicDistribution, self, ops)
