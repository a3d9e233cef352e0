"""Key paths into nested mappings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from rlmodule_core.errors import ConfigError

Key: TypeAlias = "str | tuple[str, ...]"
Path: TypeAlias = tuple[str, ...]

MISSING: Final = object()


def as_path(key: object) -> Path:
    """The path that a key of a spec means; tuples inside tuples are joined.

    Raises:
        ConfigError: the key is neither a string nor a non-empty tuple of keys.
    """
    if isinstance(key, str):
        return (key,)
    if isinstance(key, tuple) and key:
        return tuple(part for inner in key for part in as_path(inner))
    raise ConfigError(
        f"A key of a spec must be a string, or a non-empty tuple of strings for a nested one; got {key!r}. "
        "To say more about a key, write a mapping: {'obs': TensorSpec('b, h')}."
    )


def show_path(path: Path) -> str:
    """A path as a user writes it: 'obs', or ('obs', 'global') when nested."""
    return repr(path[0] if len(path) == 1 else path)


def show_keys(data: object) -> str:
    """The paths of all leaves of `data`, as a user writes them."""
    return "[" + ", ".join(show_path(path) for path in leaf_paths(data)) + "]"


def leaf_paths(data: object, at: Path = ()) -> Iterator[Path]:
    """The paths of all leaves, depth first in their order; an empty mapping counts as a leaf."""
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            yield from leaf_paths(value, (*at, key))
    elif at:
        yield at


def look_up(data: object, path: Path) -> object:
    """The value at `path`, or MISSING."""
    for key in path:
        if not isinstance(data, Mapping) or key not in data:
            return MISSING
        data = data[key]
    return data
