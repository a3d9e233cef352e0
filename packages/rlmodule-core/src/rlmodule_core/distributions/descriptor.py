"""Descriptors: which distribution an action space has, before a framework is chosen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any, TypeVar

import gymnasium as gym

from rlmodule_core.backend.ops import Ops
from rlmodule_core.distributions.base import Distribution

D = TypeVar("D", bound=Distribution)


class Descriptor(ABC):
    """A distribution's parameters that do not come from the network. Subclasses are frozen dataclasses."""

    @property
    @abstractmethod
    def input_dim(self) -> int:
        """How many network outputs describe one action."""

    @abstractmethod
    def fits(self, space: gym.Space[Any]) -> bool:
        """Whether what is sampled are actions of the space."""

    @abstractmethod
    def bind(self, ops: Ops) -> type[Distribution]:
        """The distribution class for one framework; the same class for equal descriptors."""

    def part(self, key: str) -> Descriptor | None:
        """What describes one part of a nested action, by its key; None where nothing does."""
        return None


@lru_cache(maxsize=512)
def _bound(base: type[Any], descriptor: Descriptor | None, ops: Any, name: str) -> type[Any]:
    return type(name, (base,), {"ops": ops, "descriptor": descriptor, "__module__": base.__module__})


def bound_class(base: type[D], descriptor: Descriptor | None, ops: Ops, name: str | None = None) -> type[D]:
    """`base` with `ops` and its descriptor filled in."""
    hashable: Any = ops
    return _bound(base, descriptor, hashable, base.__name__ if name is None else name)
