"""Tensors out of nested structures, and back: for compilers that take and give nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlmodule_core.distributions import Distribution


@dataclass(frozen=True)
class _Place:
    index: int


def taken_apart(value: Any, is_tensor: Callable[[Any], bool]) -> tuple[Any, list[Any]]:
    """The structure without its tensors, and the tensors.

    Args:
        value: mappings, lists, tuples and distributions, with tensors and constants inside.
        is_tensor: tells tensors from constants.
    """
    tensors: list[Any] = []

    def place(tensor: Any) -> _Place:
        tensors.append(tensor)
        return _Place(len(tensors) - 1)

    return _mapped(value, is_tensor, place), tensors


def put_together(structure: Any, tensors: Sequence[Any]) -> Any:
    """What `taken_apart` took apart, with these tensors in their places."""
    return _mapped(structure, lambda item: isinstance(item, _Place), lambda place: tensors[place.index])


def _mapped(value: Any, is_leaf: Callable[[Any], bool], change: Callable[[Any], Any]) -> Any:
    if is_leaf(value):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _mapped(item, is_leaf, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = (_mapped(item, is_leaf, change) for item in value)
        # A named tuple is made from its fields.
        return getattr(value, "_make", tuple if isinstance(value, tuple) else list)(items)
    if isinstance(value, Distribution):
        twin = copy.copy(value)
        vars(twin).update({key: _mapped(item, is_leaf, change) for key, item in vars(value).items()})
        return twin
    return value
