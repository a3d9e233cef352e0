"""One of n actions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import gymnasium as gym

from rlmodule_core.backend.ops import Ops, Rng, Tensor
from rlmodule_core.distributions.base import Distribution
from rlmodule_core.distributions.descriptor import Descriptor, bound_class
from rlmodule_core.distributions.deterministic import point_mass
from rlmodule_core.errors import UnsupportedSpaceError
from rlmodule_core.plans.sizes import require_positive


class CategoricalDistribution(Distribution):
    """Actions `start .. start + n - 1`, given unnormalised log-probabilities `[..., n]`."""

    descriptor: ClassVar[Categorical | None] = None

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits

    @classmethod
    def from_logits(cls, logits: Tensor) -> Self:
        return cls(logits)

    @staticmethod
    def required_input_dim(space: gym.Space[Any]) -> int:
        if not isinstance(space, gym.spaces.Discrete):
            raise UnsupportedSpaceError(f"Categorical inputs describe actions of a Discrete space, got {space}.")
        return int(space.n)

    @cached_property
    def _log_probs(self) -> Tensor:
        return self.ops.log_softmax(self.logits)

    @property
    def _start(self) -> int:
        return 0 if self.descriptor is None else self.descriptor.start

    def sample(self, *, rng: Rng | None = None) -> Tensor:
        return self._shifted(self.ops.random_categorical(rng, self.logits))

    def sample_and_logp(self, *, rng: Rng | None = None) -> tuple[Tensor, Tensor]:
        index = self.ops.random_categorical(rng, self.logits)
        return self._shifted(index), self.ops.gather(self._log_probs, index)

    def logp(self, value: Tensor) -> Tensor:
        return self.ops.gather(self._log_probs, value - self._start if self._start else value)

    def entropy(self) -> Tensor:
        return -self.ops.sum(self.ops.exp(self._log_probs) * self._log_probs, axis=-1)

    def kl(self, other: Self) -> Tensor:
        difference = self._log_probs - other._log_probs
        return self.ops.sum(self.ops.exp(self._log_probs) * difference, axis=-1)

    def to_deterministic(self) -> Distribution:
        return point_mass(self.ops, self._shifted(self.ops.argmax(self.logits)), event_rank=0)

    def _shifted(self, index: Tensor) -> Tensor:
        return index + self._start if self._start else index


@dataclass(frozen=True)
class Categorical(Descriptor):
    """Describes a Discrete action space of `n` actions from `start` on."""

    n: int
    start: int = 0

    def __post_init__(self) -> None:
        require_positive(self, n=self.n)

    @property
    def input_dim(self) -> int:
        return self.n

    def fits(self, space: gym.Space[Any]) -> bool:
        return isinstance(space, gym.spaces.Discrete) and (int(space.n), int(space.start)) == (self.n, self.start)

    def bind(self, ops: Ops) -> type[CategoricalDistribution]:
        return bound_class(CategoricalDistribution, self, ops)
