"""Whether arrays are a batch of a space."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from rlmodule_core.spaces.nested import is_nested, leaf_spaces, leaves_of, parts_of, show_leaf, sub_spaces, to_mappings


def misfit(name: str, space: gym.Space[Any], value: Any, lead: tuple[int, ...]) -> str | None:
    """What keeps a value from being `[*lead, ...]` of a space, as in "obs.a of shape (2, 3), got shape (3,)".

    None where nothing does. Values of nested spaces are taken in either form; further keys are let through.
    """
    if not is_nested(space):
        if space.shape is None:
            return f"{name} as arrays, of which the space {space} has none"
        shape = _shape(value)
        if shape == (*lead, *space.shape):
            return None
        shown = "lists that differ in length" if shape is None else f"shape {shape}"
        return f"{name} of shape {(*lead, *space.shape)}, got {shown}"
    parts, spaces = parts_of(space, value), sub_spaces(space)
    if parts is None or not spaces.keys() <= parts.keys():
        got = type(value).__name__ if parts is None else list(parts)
        return f"{name} with the keys {list(spaces)}, got {got}"
    found = (misfit(f"{name}.{key}", part, parts[key][1], lead) for key, part in spaces.items())
    return next((fault for fault in found if fault is not None), None)


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of what can be made an array of; None of what cannot."""
    try:
        shape: tuple[int, ...] = np.shape(value)
    except ValueError:
        return None
    return shape


def batch_misfit(name: str, space: gym.Space[Any], value: Any) -> str | None:
    """What keeps a value from being a batch `[B, ...]` of a nested space, whatever B its first leaf has."""
    rows = np.shape(next(iter(leaves_of(to_mappings(space, value))), ()))[:1]
    return misfit(name, space, value, rows if rows else (1,))


def illegal_leaf(name: str, space: gym.Space[Any], value: Any) -> str | None:
    """The first leaf of a batch with whole numbers that are not in its space, and which are; None where all are.

    Args:
        name: of the value.
        space: of one row.
        value: `[..., *shape]`, or nested mappings of that.
    """
    for path, part in leaf_spaces(space):
        leaf = value
        for key in path:
            leaf = leaf[key]
        leaf = np.asarray(leaf)
        if leaf.dtype.kind not in "biuf":
            return f"{show_leaf(name, path)} of {part} as numbers, got {leaf.dtype}"
        legal = legal_numbers(part, leaf)
        if legal is not None and not legal.all():
            return f"{show_leaf(name, path)} of {part}, {_said(part)}, got {leaf!r}"
    return None


def legal_numbers(space: gym.Space[Any], values: Any) -> Any:
    """Where values `[..., *shape]` are among those that the space counts; None where it counts none."""
    limits = _limits(space)
    if limits is None:
        return None
    legal = (values >= limits[0]) & (values <= limits[1])
    return legal & (values % 1 == 0) if values.dtype.kind == "f" else legal


def _limits(space: gym.Space[Any]) -> tuple[Any, Any] | None:
    # In int64, because the sum of a small dtype's start and size may be too much for it.
    if isinstance(space, gym.spaces.Discrete):
        return int(space.start), int(space.start) + int(space.n) - 1
    if isinstance(space, gym.spaces.MultiDiscrete):
        start = space.start.astype(np.int64)
        return start, start + space.nvec.astype(np.int64) - 1
    return (0, 1) if isinstance(space, gym.spaces.MultiBinary) else None


def _said(space: gym.Space[Any]) -> str:
    limits = _limits(space)
    return "" if limits is None else f"which are whole numbers from {limits[0]} to {limits[1]}"
