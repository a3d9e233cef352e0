"""How the observations of a space lie in arrays: one, or one for each leaf of a nested space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_algorithms.sampling.env_values import Array, observation_array
from rlmodule_core import UnsupportedSpaceError, network_dtype
from rlmodule_core.spaces import from_mappings, is_nested, leaf_spaces, show_leaf, sub_spaces, with_leaves

_Where = tuple[str | int, ...]


@dataclass(frozen=True)
class Leaf:
    """One array of an observation.

    Attributes:
        path: its keys inside, where a Tuple has "0", "1", ...
        where: its keys and places in what environments give.
        space: of one observation.
        shape: of the space.
        dtype: of the space.
    """

    path: tuple[str, ...]
    where: _Where
    space: gym.Space[Any]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class ObservationForm:
    """Takes apart what environments give, into checked arrays in one order, and puts arrays together again.

    Raises:
        UnsupportedSpaceError: a leaf of the space is no array.
    """

    def __init__(self, space: gym.Space[Any]) -> None:
        self.space = space
        self.leaves = tuple(_leaf(space, path, part) for path, part in leaf_spaces(space))
        self._branches = _branches(space, (), ())
        self._nested = is_nested(space)
        self._places = _places(space)

    def arrays(self, name: str, obs: Any, lead: tuple[int, ...]) -> list[Array]:
        """The leaves of observations as arrays `[*lead, *shape]`; see `observation_array`.

        Raises:
            ValueError: there are other keys than the space has, or a leaf is something else; names it.
        """
        if not self._nested:
            # By far the most common, and called for every step of every environment.
            (leaf,) = self.leaves
            return [observation_array(name, obs, lead + leaf.shape, leaf.dtype)]
        for path, where, keys in self._branches:
            _require_keys(show_leaf(name, path), _at(obs, where), keys)
        return [
            observation_array(show_leaf(name, leaf.path), _at(obs, leaf.where), lead + leaf.shape, leaf.dtype)
            for leaf in self.leaves
        ]

    def nested(self, arrays: Sequence[Array]) -> Any:
        """Arrays, one for each leaf, by the keys of the space; the only one of a space that is not nested."""
        return with_leaves(self._places, arrays) if self._nested else arrays[0]

    def as_given(self, arrays: Sequence[Array]) -> Any:
        """Arrays, one for each leaf, as environments give them."""
        return from_mappings(self.space, self.nested(arrays))

    def room(self, lead: tuple[int, ...]) -> list[Array]:
        """Zeros `[*lead, *shape]` for each leaf, of the dtype in which it enters a network."""
        return [np.zeros((*lead, *leaf.shape), network_dtype(leaf.dtype)) for leaf in self.leaves]


def _places(space: gym.Space[Any]) -> Any:
    """Something of the structure of the space's values."""
    return {key: _places(part) for key, part in sub_spaces(space).items()} if is_nested(space) else None


def _leaf(space: gym.Space[Any], path: tuple[str, ...], part: gym.Space[Any]) -> Leaf:
    if part.shape is None or part.dtype is None:
        where = f" (at {show_leaf('obs', path)})" if path else ""
        raise UnsupportedSpaceError(
            f"Observations must be arrays (Box, Discrete, ...), or Dicts and Tuples of arrays, to be sampled or "
            f"evaluated, got {part}{where}. Wrap the environment, for example in "
            "gymnasium.wrappers.TransformObservation."
        )
    return Leaf(path, _where(space, path), part, part.shape, np.dtype(part.dtype))


def _where(space: gym.Space[Any], path: tuple[str, ...]) -> _Where:
    if not path:
        return ()
    key: str | int = int(path[0]) if isinstance(space, gym.spaces.Tuple) else path[0]
    return (key, *_where(sub_spaces(space)[path[0]], path[1:]))


_Keys = frozenset[Any] | int
_Branch = tuple[tuple[str, ...], _Where, _Keys]


def _branches(space: gym.Space[Any], path: tuple[str, ...], where: _Where) -> list[_Branch]:
    """The nested spaces, outermost first: where each is, and its keys or how many parts it has."""
    if not is_nested(space):
        return []
    parts = sub_spaces(space)
    in_order = isinstance(space, gym.spaces.Tuple)
    found: list[_Branch] = [(path, where, len(parts) if in_order else frozenset(parts))]
    for key, part in parts.items():
        found += _branches(part, (*path, key), (*where, int(key) if in_order else key))
    return found


def _require_keys(name: str, value: Any, keys: _Keys) -> None:
    if isinstance(keys, int):
        # As Gymnasium's Tuple.contains does: an array will do, where all parts are alike.
        in_order = isinstance(value, tuple | list) or (isinstance(value, np.ndarray) and value.ndim > 0)
        if not in_order or len(value) != keys:
            raise ValueError(f"expected {name} to be a tuple of {keys}, got {_kind(value)}")
    elif not isinstance(value, Mapping) or value.keys() != keys:
        raise ValueError(f"expected {name} to be a dict with the keys {sorted(keys, key=str)}, got {_kind(value)}")


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"one with the keys {list(value)}"
    return f"one of {len(value)}" if isinstance(value, tuple | list) else f"{type(value).__name__}"


def _at(value: Any, where: _Where) -> Any:
    for key in where:
        value = value[key]
    return value
