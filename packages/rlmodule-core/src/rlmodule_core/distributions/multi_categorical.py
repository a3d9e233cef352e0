"""Several independent choices, each one of its own number of actions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, ClassVar, Self

import gymnasium as gym

from rlmodule_core.backend.ops import Ops, Rng, Tensor
from rlmodule_core.distributions.base import Distribution
from rlmodule_core.distributions.categorical import Categorical, CategoricalDistribution
from rlmodule_core.distributions.descriptor import Descriptor, bound_class
from rlmodule_core.distributions.deterministic import point_mass
from rlmodule_core.distributions.event_shape import Shape, to_event, to_flat
from rlmodule_core.errors import ConfigError, UnsupportedSpaceError
from rlmodule_core.plans.sizes import sizes_of


class MultiCategoricalDistribution(Distribution):
    """Choices `[..., *shape]`, int64; inputs are the logits of the first choice, then of the second, and so on.

    `logp`, `entropy` and `kl` are summed over the choices.

    Args:
        blocks: the choices in order, each block over logits `[..., count, n]`; neighbours of one size are one block,
            so that equal choices cost as much as one.
        shape: the shape of one action.
    """

    descriptor: ClassVar[Any] = None

    def __init__(self, blocks: Sequence[CategoricalDistribution], shape: Shape) -> None:
        self.blocks = blocks
        self._shape = shape

    @classmethod
    def from_logits(cls, logits: Tensor) -> Self:
        described: MultiCategorical | None = cls.descriptor
        if described is None:
            raise ConfigError(
                f"{cls.__name__} does not know its choices. Bind them: MultiCategorical((2, 3)).bind(ops).from_logits()"
            )
        ops, blocks = cls.ops, described.blocks
        pieces = ops.split(logits, [count * one.n for one, count in blocks])
        made = [
            one.bind(ops).from_logits(ops.reshape(piece, (*piece.shape[:-1], count, one.n)))
            for (one, count), piece in zip(blocks, pieces, strict=True)
        ]
        return cls(made, described.event_shape)

    @staticmethod
    def required_input_dim(space: gym.Space[Any]) -> int:
        if not isinstance(space, gym.spaces.MultiDiscrete):
            raise UnsupportedSpaceError(f"MultiCategorical inputs describe actions of a MultiDiscrete, got {space}.")
        return sum(space.nvec.ravel().tolist())

    def sample(self, *, rng: Rng | None = None) -> Tensor:
        return self._joined([block.sample(rng=rng) for block in self.blocks])

    def sample_and_logp(self, *, rng: Rng | None = None) -> tuple[Tensor, Tensor]:
        drawn, logps = zip(*(block.sample_and_logp(rng=rng) for block in self.blocks), strict=True)
        return self._joined(drawn), self._total(logps)

    def logp(self, value: Tensor) -> Tensor:
        flat = to_flat(self.ops, value, self._shape)
        pieces = self.ops.split(flat, [block.logits.shape[-2] for block in self.blocks])
        return self._total([block.logp(piece) for block, piece in zip(self.blocks, pieces, strict=True)])

    def entropy(self) -> Tensor:
        return self._total([block.entropy() for block in self.blocks])

    def kl(self, other: Self) -> Tensor:
        return self._total([one.kl(another) for one, another in zip(self.blocks, other.blocks, strict=True)])

    def to_deterministic(self) -> Distribution:
        actions = self._joined([block.to_deterministic().sample() for block in self.blocks])
        return point_mass(self.ops, actions, event_rank=len(self._shape))

    def _joined(self, pieces: Sequence[Tensor]) -> Tensor:
        return to_event(self.ops, self.ops.concat(pieces, -1), self._shape)

    def _total(self, terms: Sequence[Tensor]) -> Tensor:
        return self.ops.sum(self.ops.concat(terms, -1), axis=-1)


@dataclass(frozen=True)
class MultiCategorical(Descriptor):
    """Describes actions of a MultiDiscrete space.

    Attributes:
        nvec: how many actions each choice has, in C order of the action's axes.
        start: the first action of each choice; None is 0 for all.
        shape: the shape of an action; None is one axis.
    """

    nvec: tuple[int, ...]
    start: tuple[int, ...] | None = None
    shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "nvec", sizes_of(self, "nvec", self.nvec))
        for field in ("start", "shape"):
            given = getattr(self, field)
            object.__setattr__(self, field, None if given is None else tuple(given))
        if self.start is not None and not any(self.start):
            object.__setattr__(self, "start", None)
        if self.shape == (len(self.nvec),):
            object.__setattr__(self, "shape", None)
        starts = len(self.nvec) if self.start is None else len(self.start)
        if not self.nvec or len(self.nvec) != starts or len(self.nvec) != math.prod(self.event_shape):
            raise ConfigError(
                "MultiCategorical needs at least one choice, and as many numbers of actions, starts and entries of the "
                f"shape; got nvec={self.nvec}, start={self.start}, shape={self.shape}."
            )

    @property
    def event_shape(self) -> Shape:
        """The shape of one action."""
        return (len(self.nvec),) if self.shape is None else self.shape

    @property
    def _starts(self) -> tuple[int, ...]:
        return (0,) * len(self.nvec) if self.start is None else self.start

    @cached_property
    def blocks(self) -> Sequence[tuple[Categorical, int]]:
        """The choices in order, neighbours that are alike as one with their number."""
        choices = map(Categorical, self.nvec, self._starts)
        return tuple((one, len(list(alike))) for one, alike in groupby(choices))

    @property
    def input_dim(self) -> int:
        return sum(self.nvec)

    def fits(self, space: gym.Space[Any]) -> bool:
        return isinstance(space, gym.spaces.MultiDiscrete) and self == MultiCategorical.for_space(space)

    @classmethod
    def for_space(cls, space: gym.spaces.MultiDiscrete) -> MultiCategorical:
        """The descriptor of a space's actions."""
        return cls(tuple(space.nvec.ravel().tolist()), tuple(space.start.ravel().tolist()), space.shape)

    def bind(self, ops: Ops) -> type[MultiCategoricalDistribution]:
        return bound_class(MultiCategoricalDistribution, self, ops)
