"""Independent distributions of the parts of a Dict or Tuple action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, ClassVar, Self

import gymnasium as gym

from rlmodule_core.backend.ops import Ops, Rng, Tensor
from rlmodule_core.distributions.base import Distribution
from rlmodule_core.distributions.descriptor import Descriptor, bound_class
from rlmodule_core.errors import ConfigError, SpecCheckingError, UnsupportedSpaceError
from rlmodule_core.spaces import sub_spaces

Tree = Mapping[str, Any] | Sequence[Any]


class JointDistribution(Distribution):
    """Actions are nested dicts of the parts' actions; the parts of a Tuple have the keys "0", "1", ...

    Inputs are those of the parts, one after the other in the space's own order. `logp`, `entropy` and `kl` are summed
    over the parts.
    """

    descriptor: ClassVar[Any] = None

    def __init__(self, parts: Mapping[str, Distribution]) -> None:
        self.parts = parts

    @classmethod
    def from_logits(cls, logits: Tensor) -> Self:
        described = cls._described()
        pieces = cls.ops.split(logits, [part.input_dim for part in described.children])
        bound = [part.bind(cls.ops) for part in described.children]
        made = [part.from_logits(piece) for part, piece in zip(bound, pieces, strict=True)]
        return cls(dict(zip(described.keys, made, strict=True)))

    @classmethod
    def required_input_dim(cls, space: gym.Space[Any]) -> int:
        if not isinstance(space, gym.spaces.Dict | gym.spaces.Tuple):
            raise UnsupportedSpaceError(f"MultiDistribution inputs describe actions of a Dict or Tuple, got {space}.")
        return cls._described().input_dim

    @classmethod
    def _described(cls) -> MultiDistribution:
        described: MultiDistribution | None = cls.descriptor
        if described is None:
            raise ConfigError(
                f"{cls.__name__} does not know its parts. Bind them: MultiDistribution.of(tree).bind(ops)"
            )
        return described

    def sample(self, *, rng: Rng | None = None) -> Any:
        return {key: part.sample(rng=rng) for key, part in self.parts.items()}

    def rsample(self, *, rng: Rng | None = None) -> Any:
        return {key: part.rsample(rng=rng) for key, part in self.parts.items()}

    def sample_and_logp(self, *, rng: Rng | None = None) -> tuple[Any, Tensor]:
        drawn = {key: part.sample_and_logp(rng=rng) for key, part in self.parts.items()}
        return {key: actions for key, (actions, _) in drawn.items()}, _total(logp for _, logp in drawn.values())

    def logp(self, value: Tree) -> Tensor:
        given = value if isinstance(value, Mapping) else dict(zip(map(str, range(len(value))), value, strict=True))
        if given.keys() != self.parts.keys():
            raise SpecCheckingError(
                f"Expected actions with the parts {', '.join(self.parts)}, got {', '.join(map(str, given))}. Pass the "
                "actions as they were sampled."
            )
        return _total(part.logp(given[key]) for key, part in self.parts.items())

    def entropy(self) -> Tensor:
        return _total(part.entropy() for part in self.parts.values())

    def kl(self, other: Self) -> Tensor:
        return _total(part.kl(other.parts[key]) for key, part in self.parts.items())

    def to_deterministic(self) -> Distribution:
        return type(self)({key: part.to_deterministic() for key, part in self.parts.items()})


def _total(terms: Any) -> Tensor:
    return reduce(add, terms)


@dataclass(frozen=True)
class MultiDistribution(Descriptor):
    """Describes actions of a Dict or Tuple space, nested to any depth.

    Attributes:
        keys: of the parts, in the space's own order, which Gymnasium sorts for a Dict made from a plain dict; "0",
            "1", ... for a Tuple.
        children: the descriptor of each part.
    """

    keys: tuple[str, ...]
    children: tuple[Descriptor, ...]

    def __post_init__(self) -> None:
        for field in ("keys", "children"):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        distinct = set(self.keys) - {""}
        if not distinct or not len(distinct) == len(self.keys) == len(self.children):
            raise ConfigError(
                f"MultiDistribution needs at least one part, and a key of its own for each that is not empty; got the "
                f"keys {self.keys} for {len(self.children)} parts."
            )

    @classmethod
    def of(cls, tree: Tree) -> MultiDistribution:
        """From dicts and tuples of descriptors, nested to any depth, in the order of the space."""
        parts = dict(tree) if isinstance(tree, Mapping) else {str(index): part for index, part in enumerate(tree)}
        made = (part if isinstance(part, Descriptor) else cls.of(part) for part in parts.values())
        return cls(tuple(parts), tuple(made))

    @property
    def input_dim(self) -> int:
        return sum(child.input_dim for child in self.children)

    def fits(self, space: gym.Space[Any]) -> bool:
        spaces = sub_spaces(space)
        return tuple(spaces) == self.keys and all(
            child.fits(part) for child, part in zip(self.children, spaces.values(), strict=True)
        )

    def part(self, key: str) -> Descriptor | None:
        return dict(zip(self.keys, self.children, strict=True)).get(key)

    def bind(self, ops: Ops) -> type[JointDistribution]:
        return bound_class(JointDistribution, self, ops)
