"""A distribution that always gives the same action."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import gymnasium as gym

from rlmodule_core.backend.ops import Ops, Rng, Tensor
from rlmodule_core.distributions.base import Distribution
from rlmodule_core.distributions.descriptor import Descriptor, bound_class
from rlmodule_core.errors import UnsupportedSpaceError


class DeterministicDistribution(Distribution):
    """All mass on `loc [..., dim]`.

    `logp` is 0 by convention (a point mass has no density), so that a policy that explores deterministically can
    be recorded; `entropy` is 0; `kl` is undefined.
    """

    def __init__(self, loc: Tensor, event_rank: int = 1) -> None:
        self.loc = loc
        self._event_rank = event_rank

    @classmethod
    def from_logits(cls, logits: Tensor) -> Self:
        return cls(logits)

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
        return self.ops.sum(zeros, axis=-1) if self._event_rank else zeros


@dataclass(frozen=True)
class Deterministic(Descriptor):
    """Describes actions in `dim` numbers that the network gives directly."""

    dim: int

    @property
    def input_dim(self) -> int:
        return self.dim

    def fits(self, space: gym.Space[Any]) -> bool:
        return isinstance(space, gym.spaces.Box) and math.prod(space.shape) == self.dim

    def bind(self, ops: Ops) -> type[DeterministicDistribution]:
        return bound_class(DeterministicDistribution, self, ops)
