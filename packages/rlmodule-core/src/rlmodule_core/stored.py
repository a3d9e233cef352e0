"""Frozen values from stored data: every field is held to the type that the dataclass declares."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import lru_cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from rlmodule_core.errors import CheckpointError

T = TypeVar("T")


def from_fields(cls: type[T], data: object, *, where: str) -> T:
    """The dataclass instance with these stored fields.

    Args:
        cls: a dataclass.
        data: the fields by name.
        where: the place of the data in the document, for error texts.

    Raises:
        CheckpointError: the data are no object, lack a field, have one too many or one of another type, or the
            class refuses them; names the field.
    """
    if not isinstance(data, Mapping):
        raise _damaged(f"an object in {where}", short(data))
    declared = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
    for name in data:
        if name not in declared:
            raise _damaged(f"{where} to have the fields {', '.join(declared)}", f"another one, {short(name)}")
    hints: dict[str, Any] = _hints(cls)  # type: ignore[arg-type]
    for name, field in declared.items():
        if name not in data and field.default is MISSING:
            raise CheckpointError(f"{where} lacks the field {name!r}. {_NEXT_STEP}")
        if name in data and not _fits(data[name], hints[name]):
            raise _damaged(f"{field.type} in the field '{where}.{name}'", short(data[name]))
    try:
        return cls(**data)
    except (TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{where} has fields that do not fit: {error} {_NEXT_STEP}") from error


def short(value: object) -> str:
    """The value for an error text, whatever its length."""
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


@lru_cache(maxsize=128)
def _hints(cls: type[Any]) -> dict[str, Any]:
    return get_type_hints(cls)


def _fits(value: object, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, alternative) for alternative in get_args(hint))
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, get_args(hint)[0]) for item in value)
    if isinstance(value, bool):
        # To isinstance a bool is a number too.
        return hint is bool
    if hint is float:
        # A whole number may be written without a point; one beyond the largest float is none.
        return isinstance(value, int | float) and abs(value) <= sys.float_info.max
    return isinstance(value, hint if origin is None else origin)


_NEXT_STEP = (
    "It was damaged, changed or written by another version: restore the checkpoint from a copy, or load it with the "
    "version of rlmodule-core that wrote it."
)


def _damaged(expected: str, got: str) -> CheckpointError:
    return CheckpointError(f"Expected {expected}, got {got}. {_NEXT_STEP}")
