"""The contract of every action distribution."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import gymnasium as gym

from rlmodule_core.backend.ops import Ops, Rng, Tensor


class Distribution(ABC):
    """A batch of distributions over actions, made from the flat outputs of a network.

    Concrete classes are written over `ops`; a descriptor's `bind(ops)` makes the class for one framework.
    `from_logits` takes `[..., required_input_dim]`, and `logp`, `entropy` and `kl` give `[...]`.
    """

    ops: ClassVar[Ops]

    @classmethod
    @abstractmethod
    def from_logits(cls, logits: Tensor) -> Self:
        """Make the distributions from the network's outputs `[..., required_input_dim]`."""

    @staticmethod
    @abstractmethod
    def required_input_dim(space: gym.Space[Any]) -> int:
        """How many network outputs describe one action of the space."""

    @abstractmethod
    def sample(self, *, rng: Rng | None = None) -> Tensor:
        """Draw one action per row. Without `rng` a generator seeded by the system is used."""

    def rsample(self, *, rng: Rng | None = None) -> Tensor:
        """Draw actions through which gradients flow to the parameters."""
        raise TypeError(f"{type(self).__name__} has no reparameterised samples; use sample().")

    def sample_and_logp(self, *, rng: Rng | None = None) -> tuple[Tensor, Tensor]:
        """Draw one action per row, and its log-probability `[...]`."""
        actions = self.sample(rng=rng)
        return actions, self.logp(actions)

    @abstractmethod
    def logp(self, value: Tensor) -> Tensor:
        """Log-probability (density) of the actions: `[...]`."""

    @abstractmethod
    def entropy(self) -> Tensor:
        """Entropy in nats: `[...]`."""

    @abstractmethod
    def kl(self, other: Self) -> Tensor:
        """Kullback-Leibler divergence KL(self || other) in nats: `[...]`."""

    @abstractmethod
    def to_deterministic(self) -> Distribution:
        """The distribution that always gives this one's most typical action."""
