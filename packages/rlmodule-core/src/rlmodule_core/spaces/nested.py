"""Values of Dict and Tuple spaces: how they lie inside, and how environments give and take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import gymnasium as gym
import numpy as np

Path = tuple[str, ...]


def holds_keys(value: object) -> bool:
    """Whether a value is a mapping; dicts and arrays are told at once, because an abstract class takes long to ask."""
    kind = type(value)
    return kind is dict or (kind is not np.ndarray and isinstance(value, Mapping))


def sub_spaces(space: gym.Space[Any] | None) -> dict[str, gym.Space[Any]]:
    """The spaces inside a Dict by its keys, and inside a Tuple by "0", "1", ...; none for any other space."""
    if isinstance(space, gym.spaces.Dict):
        return dict(space.spaces)
    if isinstance(space, gym.spaces.Tuple):
        return {str(i): part for i, part in enumerate(space.spaces)}
    return {}


def is_nested(space: gym.Space[Any] | None) -> bool:
    """Whether values of the space are several arrays, by key or by place."""
    kind: Any = type(space)
    return _holds_spaces(kind)


@lru_cache(maxsize=128)
def _holds_spaces(kind: type) -> bool:
    # Kept, because both are abstract classes, which take long to ask, and this is asked several times an action.
    return issubclass(kind, gym.spaces.Dict | gym.spaces.Tuple)


def leaf_spaces(space: gym.Space[Any], at: Path = ()) -> Iterator[tuple[Path, gym.Space[Any]]]:
    """The spaces without spaces inside, depth first in their order, each with its path of keys."""
    if not is_nested(space):
        yield at, space
    for key, part in sub_spaces(space).items():
        yield from leaf_spaces(part, (*at, key))


def parts_of(space: gym.Space[Any] | None, value: Any) -> dict[str, tuple[gym.Space[Any] | None, Any]] | None:
    """The spaces and values inside a value by key, in either form; None where it is none of several parts."""
    if holds_keys(value):
        spaces = sub_spaces(space)
        return {key: (spaces.get(key), part) for key, part in value.items()}
    # A tuple of types, because `tuple | list` is put together anew at every call.
    if isinstance(value, (tuple, list)) and isinstance(space, gym.spaces.Tuple):
        spaces = sub_spaces(space)
        return {str(i): (spaces.get(str(i)), part) for i, part in enumerate(value)}
    return None


def to_mappings(space: gym.Space[Any] | None, value: Any) -> Any:
    """A value as it lies inside: nested plain dicts by key, where a Tuple has the keys "0", "1", ...

    Leaves are the very ones that were given: single, batched, arrays or tensors.
    """
    parts = parts_of(space, value)
    return value if parts is None else {key: to_mappings(part, item) for key, (part, item) in parts.items()}


def from_mappings(space: gym.Space[Any], value: Any) -> Any:
    """A value as the space has it: dicts of a Dict space, tuples of a Tuple space; undoes `to_mappings`.

    Raises:
        KeyError: a key of the space is not there.
    """
    if not is_nested(space):
        return value
    items = {key: from_mappings(part, value[key]) for key, part in sub_spaces(space).items()}
    return items if isinstance(space, gym.spaces.Dict) else tuple(items.values())


def leaves_of(value: Any) -> list[Any]:
    """What lies in a nested mapping, depth first in its order; any other value is its own only leaf."""
    if not holds_keys(value):
        return [value]
    return [leaf for part in value.values() for leaf in leaves_of(part)]


def path_leaves(value: Mapping[str, Any], at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The leaves of a nested mapping in the same order, each with the keys on the way to it."""
    for key, part in value.items():
        if holds_keys(part):
            yield from path_leaves(part, (*at, key))
        else:
            yield (*at, key), part


def named_leaves(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The same, with the keys joined by dots."""
    for path, leaf in path_leaves(value):
        yield ".".join(map(str, path)), leaf


def with_leaves(value: Any, leaves: Sequence[Any]) -> Any:
    """The nested mapping `value` with other leaves, in the order of `leaves_of`."""
    waiting = iter(leaves)
    return _filled(value, waiting)


def map_leaves(function: Callable[..., Any], value: Any, *others: Any) -> Any:
    """What `function` makes of every leaf of a nested mapping, given with the leaves of `others` in its place."""
    if not others and not holds_keys(value):
        return function(value)
    return with_leaves(value, [function(*leaves) for leaves in zip(*map(leaves_of, (value, *others)), strict=True)])


def row_of(value: Any, row: int) -> Any:
    """One row of every leaf of nested dicts and tuples of `[B, ...]`."""
    if holds_keys(value):
        return {key: row_of(part, row) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(row_of(part, row) for part in value)
    return value[row]


def show_leaf(name: str, path: Path) -> str:
    """A leaf as errors name it: "obs" where it is the only one, else "obs.camera.left"."""
    return ".".join((name, *map(str, path)))


def _filled(value: Any, waiting: Iterator[Any]) -> Any:
    if not holds_keys(value):
        return next(waiting)
    return {key: _filled(part, waiting) for key, part in value.items()}
